#include "server/http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace saker::http {
namespace {

using ::testing::ElementsAre;

TEST(MatchPattern, TakesOneSegmentOrMany) {
  std::vector<std::string> values;
  EXPECT_TRUE(MatchPattern("/v1/models/{m...}", "/v1/models/BAAI/bge-m3", &values));
  EXPECT_THAT(values, ElementsAre("BAAI/bge-m3"));
  values.clear();
  EXPECT_TRUE(MatchPattern("/v2/models/{m...}/versions/{v}/infer", "/v2/models/a/versions/b/versions/3/infer", &values));
  EXPECT_THAT(values, ElementsAre("a/versions/b", "3"));
  values.clear();
  EXPECT_FALSE(MatchPattern("/v1/models/{m}", "/v1/models/a/b", &values));
  EXPECT_FALSE(MatchPattern("/v1/models/{m...}", "/v1/models/", &values));
  EXPECT_FALSE(MatchPattern("/v1/models/{m...}", "/v1/mode", &values));
  EXPECT_TRUE(values.empty());
}

TEST(PercentDecode, RefusesBrokenEscapesAndNul) {
  std::string out;
  EXPECT_TRUE(PercentDecode("/a%2Fb%20c", &out));
  EXPECT_EQ(out, "/a/b c");
  EXPECT_FALSE(PercentDecode("/a%2", &out));
  EXPECT_FALSE(PercentDecode("/a%zz", &out));
  EXPECT_FALSE(PercentDecode("/a%00", &out));
}

Request MakeRequest(std::string method, std::string path) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

TEST(Router, TellsUnknownPathsFromUnknownMethods) {
  Router router;
  router.Add({"POST", "/a", Access::kOpen, RunOn::kPool, [](const Request&) { return Response{}; }});
  router.Add({"GET", "/b/{x}", Access::kOpen, RunOn::kPool, [](const Request&) { return Response{}; }});
  int status = 0;
  Request request = MakeRequest("GET", "/a");
  EXPECT_EQ(router.Find(&request, &status), nullptr);
  EXPECT_EQ(status, 405);
  request = MakeRequest("GET", "/nothing");
  EXPECT_EQ(router.Find(&request, &status), nullptr);
  EXPECT_EQ(status, 404);
  request = MakeRequest("HEAD", "/b/7");
  ASSERT_NE(router.Find(&request, &status), nullptr);
  EXPECT_THAT(request.path_values, ElementsAre("7"));
}

TEST(Router, WordsErrorsByTheLongestPrefix) {
  Router router;
  router.SetErrorShape("/v1/", [](int, const Status&) { return Response{.body = "one"}; });
  router.SetErrorShape("/v1/x/", [](int, const Status&) { return Response{.body = "two"}; });
  EXPECT_EQ(router.Error("/v1/x/y", 404, NotFound("n")).body, "two");
  EXPECT_EQ(router.Error("/v1/y", 404, NotFound("n")).body, "one");
  EXPECT_EQ(router.Error("/other", 404, NotFound("n")).body, "n\n");
}

TEST(Router, LetsNobodyPastWithoutACheckedCallerUnlessOpen) {
  Router router;
  int calls = 0;
  const auto handler = [&calls](const Request& request) {
    ++calls;
    return Response{.body = request.context.user};
  };
  router.Add({"GET", "/open", Access::kOpen, RunOn::kPool, handler});
  router.Add({"GET", "/user", Access::kAuthenticated, RunOn::kPool, handler});
  router.Add({"GET", "/root", Access::kRoot, RunOn::kPool, handler});
  router.SetAuthenticator([](const Request& request) -> Result<std::string> {
    const std::string* header = request.Header("authorization");
    if (header == nullptr) return Unauthenticated("no token");
    return *header;
  });
  const auto run = [&router](const char* path, const char* user) {
    Request request = MakeRequest("GET", path);
    if (user != nullptr) request.headers.emplace_back("authorization", user);
    int status = 0;
    return router.Run(*router.Find(&request, &status), &request).status;
  };
  EXPECT_EQ(run("/open", nullptr), 200);
  EXPECT_EQ(run("/user", nullptr), 401);
  EXPECT_EQ(run("/root", nullptr), 401);
  EXPECT_EQ(run("/user", "ann"), 200);
  EXPECT_EQ(run("/root", "ann"), 403);
  EXPECT_EQ(run("/root", "root"), 200);
  EXPECT_EQ(calls, 3);
}

TEST(Router, TurnsExceptionsIntoErrors) {
  Router router;
  router.Add({"GET", "/a", Access::kOpen, RunOn::kPool, [](const Request&) -> Response { throw std::runtime_error("boom"); }});
  Request request = MakeRequest("GET", "/a");
  int status = 0;
  EXPECT_EQ(router.Run(*router.Find(&request, &status), &request).status, 500);
}

}  // namespace
}  // namespace saker::http
