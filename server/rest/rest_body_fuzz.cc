// Bodies of REST calls: the first byte chooses the endpoint, the rest is the body. Whatever comes, the answer is JSON, and
// columns that reach the proxy all have as many rows as the request says.
#include <simdjson.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "server/rest/fake_proxy.h"
#include "server/rest/rest.h"

namespace saker::rest {
namespace {

class CheckingProxy : public FakeProxy {
 public:
  CheckingProxy() {
    info->name = "c";
    const std::pair<const char*, DataType> fields[] = {{"id", DataType::kInt64},         {"b", DataType::kBool},
                                                       {"i8", DataType::kInt8},          {"f", DataType::kFloat},
                                                       {"d", DataType::kDouble},         {"s", DataType::kVarChar},
                                                       {"j", DataType::kJson},           {"a", DataType::kArray},
                                                       {"v", DataType::kFloatVector},    {"bv", DataType::kBinaryVector},
                                                       {"hv", DataType::kFloat16Vector}, {"gv", DataType::kBFloat16Vector},
                                                       {"iv", DataType::kInt8Vector},    {"sv", DataType::kSparseFloatVector},
                                                       {"$meta", DataType::kJson}};
    for (const auto& [name, type] : fields) {
      FieldSchema field;
      field.id = 100 + static_cast<int64_t>(info->schema.fields.size());
      field.name = name;
      field.type = type;
      field.nullable = field.id > 100;
      if (IsVector(type) && type != DataType::kSparseFloatVector) field.dim = 8;
      if (type == DataType::kArray) field.element_type = DataType::kVarChar;
      info->schema.fields.push_back(field);
    }
    info->schema.fields[0].is_primary_key = true;
    info->schema.fields.back().is_dynamic = true;
  }
  Result<proxy::MutationResponse> Insert(proxy::InsertRequest request, const Context&) override {
    for (const proxy::NamedColumn& named : request.columns) {
      if (named.column.row_count() != request.row_count) std::abort();
    }
    // What came in can be shown again.
    query_response.fields = request.columns;
    query_response.output_fields = {"$meta"};
    return proxy::MutationResponse();
  }
};

struct Fixture {
  CheckingProxy proxy;
  std::unique_ptr<models::ModelRegistry> models = std::move(models::ModelRegistry::Start({})).value();
  http::Router router;
  Fixture() { RegisterRest(router, {.proxy = &proxy, .models = models.get(), .authenticator = nullptr, .version = "fuzz"}); }
};

void Check(const http::Router& router, const std::string& path, std::string body) {
  http::Request request;
  request.method = "POST";
  request.path = path;
  request.body = std::move(body);
  int http_status = 0;
  const http::Response response = router.Run(*router.Find(&request, &http_status), &request);
  simdjson::dom::parser parser;
  if (parser.parse(response.body).error() != simdjson::SUCCESS) {
    std::fprintf(stderr, "not JSON: %s\n", response.body.c_str());
    std::abort();
  }
}

}  // namespace
}  // namespace saker::rest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static auto* fixture = new saker::rest::Fixture();
  static const char* const kPaths[] = {"/v2/vectordb/entities/insert",    "/v2/vectordb/entities/insert",
                                       "/v2/vectordb/entities/search",    "/v2/vectordb/entities/hybrid_search",
                                       "/v2/vectordb/entities/get",       "/v2/vectordb/entities/upsert",
                                       "/v2/vectordb/collections/create", "/v1/embeddings"};
  if (size == 0) return 0;
  saker::rest::Check(fixture->router, kPaths[bytes[0] % 8], std::string(reinterpret_cast<const char*>(bytes) + 1, size - 1));
  if (bytes[0] % 8 <= 1) saker::rest::Check(fixture->router, "/v2/vectordb/entities/query", R"({"collectionName": "c"})");
  return 0;
}
