#include "server/rest/base64.h"
#include "server/rest/rest_test_base.h"

#include <cstring>

namespace saker::rest {
namespace {

using ::testing::HasSubstr;

using OpenAi = RestTest;

TEST_F(OpenAi, EmbedsOneTextOrMany) {
  EXPECT_EQ(Send("POST", "/v1/embeddings", R"({"model": "nick", "input": "abc"})").body,
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[3,0.5]}],"model":"fake/model",)"
            R"("usage":{"prompt_tokens":3,"total_tokens":3}})");
  EXPECT_EQ(
      Send("POST", "/embeddings", R"({"model": "fake/model", "input": ["a", "bc"], "user": "u", "dimensions": 2})").body,
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,0.5]},{"object":"embedding","index":1,"embedding":[2,0.5]}],)"
      R"("model":"fake/model","usage":{"prompt_tokens":3,"total_tokens":3}})");
}

TEST_F(OpenAi, Base64IsTheFloatsThemselves) {
  const std::string body = Send("POST", "/v1/embeddings", R"({"model": "nick", "input": ["abc"], "encoding_format": "base64"})").body;
  const size_t at = body.find("\"embedding\":\"") + 13;
  const auto bytes = DecodeBase64(body.substr(at, body.find('"', at) - at));
  ASSERT_EQ(bytes->size(), 8u);
  float values[2];
  std::memcpy(values, bytes->data(), 8);
  EXPECT_EQ(values[0], 3.0F);
  EXPECT_EQ(values[1], 0.5F);
}

TEST_F(OpenAi, RefusalsHaveTheClientsShape) {
  const auto refused = [this](const std::string& body, int status, const std::string& message) {
    const http::Response response = Send("POST", "/v1/embeddings", body);
    EXPECT_EQ(response.status, status) << body;
    EXPECT_THAT(response.body, ::testing::StartsWith("{\"error\":{\"message\":\"")) << body;
    EXPECT_THAT(response.body, HasSubstr(message)) << body;
  };
  refused("{", 400, "json");
  refused(R"({"input": "x"})", 400, R"("param":"model")");
  refused(R"({"model": "nick"})", 400, R"("param":"input")");
  refused(R"({"model": "nick", "input": []})", 400, "empty list");
  refused(R"({"model": "nick", "input": ["a", ""]})", 400, "empty string at index 1");
  refused(R"({"model": "nick", "input": [1, 2]})", 400, "token ids");
  refused(R"({"model": "nick", "input": [[1, 2]]})", 400, "token ids");
  refused(R"({"model": "nick", "input": [{"a": 1}]})", 400, "one is an object");
  refused(R"({"model": "nick", "input": "a", "dimensions": 1})", 400, "gives 2 dimensions");
  refused(R"({"model": "nick", "input": "a", "encoding_format": "hex"})", 400, "encoding_format");
  refused(R"({"model": "gpt", "input": "a"})", 404, R"("code":"model_not_found")");
  refused(R"({"model": "nick", "input": "full"})", 429, R"("code":"rate_limit_exceeded")");
  std::string many = R"({"model": "nick", "input": ["a")";
  for (int i = 0; i < 2048; ++i) many += ",\"a\"";
  refused(many + "]}", 400, "has 2049 texts, at most 2048");
  EXPECT_EQ(router_.Error("/v1/embeddings", 503, ResourceExhausted("many")).status, 429);
  EXPECT_THAT(router_.Error("/v1/nothing", 404, NotFound("there is nothing at /v1/nothing")).body, HasSubstr("\"error\":{"));
}

TEST_F(OpenAi, ListsModelsAndTheirAliases) {
  EXPECT_THAT(Send("GET", "/v1/models").body, HasSubstr(R"({"id":"nick","object":"model","created":)"));
  EXPECT_THAT(Send("GET", "/v1/models/fake/model").body, HasSubstr(R"("state":"ready","dimensions":2,"max_model_len":512)"));
  EXPECT_EQ(Send("GET", "/v1/models/other").status, 404);
}

TEST_F(OpenAi, HealthIsTheWholeServers) {
  http::Router router;
  std::vector<std::string> missing = {"the log of docs is being replayed"};
  RegisterRest(router, {.proxy = &proxy_, .models = models_.get(), .missing = [&] { return missing; }});
  http::Request request;
  request.method = "GET";
  request.path = "/health";
  int status = 0;
  EXPECT_EQ(router.Run(*router.Find(&request, &status), &request).status, 503);
  EXPECT_EQ(router.Run(*router.Find(&request, &status), &request).body, missing[0] + "\n");
  missing.clear();
  EXPECT_EQ(router.Run(*router.Find(&request, &status), &request).status, 200);
}

TEST_F(OpenAi, HealthAndWelcomeAreOpen) {
  EXPECT_EQ(Send("GET", "/health").status, 200);
  EXPECT_EQ(Send("GET", "/health").body, "");
  const std::string page = Send("GET", "/", "", {{"host", "box:19530"}}).body;
  EXPECT_THAT(page, HasSubstr("curl -s http://box:19530/v2/vectordb/collections/create"));
  EXPECT_THAT(Send("GET", "/", "", {{"host", "a\"<script>"}}).body, HasSubstr("http://localhost:19530/"));
}

}  // namespace
}  // namespace saker::rest
