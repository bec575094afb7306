// What the tests of this folder share: a router over a fake proxy and a registry with one fake model.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "server/rest/fake_proxy.h"
#include "server/rest/rest.h"

namespace saker::rest {

// Two dimensions: the text's length and 0.5.
class FakeEmbedder : public embed::Embedder {
 public:
  explicit FakeEmbedder(const std::string& name) {
    info_.name = name;
    info_.dim = 2;
    info_.max_tokens = 512;
  }
  const embed::ModelInfo& info() const override { return info_; }
  Result<embed::Embeddings> Embed(std::span<const std::string> texts, embed::Priority, const Context& context) override {
    const Status alive = context.Check();
    if (!alive.ok()) return alive;
    embed::Embeddings result;
    for (const std::string& text : texts) {
      if (text == "full") return ResourceExhausted("the queue of fake/model holds 10 of 10 tokens");
      result.values.insert(result.values.end(), {static_cast<float>(text.size()), 0.5F});
      result.token_counts.push_back(static_cast<uint32_t>(text.size()));
      result.full_token_counts.push_back(static_cast<uint32_t>(text.size()));
    }
    return result;
  }

 private:
  embed::ModelInfo info_;
};

inline FieldSchema MakeField(int64_t id, std::string name, DataType type, int64_t dim = 0) {
  FieldSchema field;
  field.id = id;
  field.name = std::move(name);
  field.type = type;
  field.dim = dim;
  if (dim > 0) field.type_params = {{"dim", std::to_string(dim)}};
  return field;
}

class RestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    proxy::CollectionInfo& info = *proxy_.info;
    info.id = CollectionId(100);
    info.name = "docs";
    info.database = "default";
    info.updated = 77;
    info.schema.fields = {MakeField(100, "id", DataType::kInt64), MakeField(101, "vector", DataType::kFloatVector, 2),
                          MakeField(102, "$meta", DataType::kJson)};
    info.schema.fields[0].is_primary_key = true;
    info.schema.fields[2].is_dynamic = true;
    info.schema.enable_dynamic_field = true;
    models::ModelRegistry::Options options;
    options.configured = {{"fake/model", "/nowhere", {"nick"}}};
    options.loader = [](const embed::ModelOptions& model) -> Result<std::unique_ptr<embed::Embedder>> {
      return std::unique_ptr<embed::Embedder>(new FakeEmbedder(model.name));
    };
    models_ = std::move(models::ModelRegistry::Start(std::move(options))).value();
    while (!models_->Missing().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    RegisterRest(router_, {.proxy = &proxy_, .models = models_.get(), .authenticator = nullptr, .version = "1.2.3"});
  }

  http::Response Send(const std::string& method, const std::string& path, std::string body = "", http::Headers headers = {}) {
    return SendTo(router_, method, path, std::move(body), std::move(headers));
  }
  static http::Response SendTo(const http::Router& router, const std::string& method, const std::string& path, std::string body = "",
                               http::Headers headers = {}) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.body = std::move(body);
    request.headers = std::move(headers);
    request.context = Context(router.Deadline(request));
    int http_status = 0;
    const http::Route* route = router.Find(&request, &http_status);
    if (route == nullptr) return router.Error(path, http_status, NotFound("there is nothing at ", path));
    http::Response response = router.Run(*route, &request);
    if (response.content_type == "application/json") {
      simdjson::dom::parser parser;
      EXPECT_EQ(parser.parse(response.body).error(), simdjson::SUCCESS) << response.body;
    }
    return response;
  }
  // The body of a call that answers HTTP 200.
  std::string Post(const std::string& path, std::string body, http::Headers headers = {}) {
    const http::Response response = Send("POST", "/v2/vectordb/" + path, std::move(body), std::move(headers));
    EXPECT_EQ(response.status, 200) << path << " " << response.body;
    return response.body;
  }

  FakeProxy proxy_;
  std::unique_ptr<models::ModelRegistry> models_;
  http::Router router_;
};

}  // namespace saker::rest
