#include "server/rest/milvus_v2.h"

#include <chrono>
#include <utility>

#include "common/utf8.h"
#include "common/log.h"
#include "common/metrics.h"
#include "server/schema/error.h"

namespace saker::rest {

namespace {

using Clock = Context::Clock;
Result<std::string> Database(const http::Request& request, const JsonObject& body) {
  std::string name = TRY(body.TextOr("dbName", ""));
  if (name.empty()) {
    if (const std::string* header = request.Header("db-name")) name = *header;
  }
  return name.empty() ? std::string("default") : name;
}

http::Response Call(const RestParts& parts, const std::string& method, const MilvusHandler& handler, const http::Request& request) {
  JsonWriter out;
  out.BeginObject().Key("code").Number(0);
  const auto run = [&]() -> Status {
    const auto document = TRY(JsonDocument::Parse(request.body));
    MilvusCall call{.body = document->root(), .database = TRY(Database(request, document->root())), .context = request.context};
    if (const std::string* header = request.Header("accept-type-allow-int64"); header != nullptr && *header == "false") {
      call.int64_as = Int64As::kText;
    }
    if (parts.authenticator != nullptr) TRY(parts.authenticator->Authorize({request.context.user}, method, call.database));
    return handler(call, &out);
  };
  const Status status = run();
  if (!status.ok()) return MilvusError(200, status);
  out.EndObject();
  return {.body = out.Take()};
}

// Milvus' names for the restful API's own counters.
void Count(std::string_view path, int64_t bytes_in, const http::Response& response, Clock::time_point start) {
  const Labels labels = {{"node_id", "1"}, {"path", std::string(kMilvusPrefix) + std::string(path)}};
  GetCounter("milvus_proxy_restful_api_req_count", "Requests of the RESTful API.", labels).Add();
  GetCounter("milvus_proxy_restful_api_receive_bytes_count", "Bytes of their bodies.", labels).Add(static_cast<double>(bytes_in));
  GetCounter("milvus_proxy_restful_api_send_bytes_count", "Bytes of the answers.", labels).Add(static_cast<double>(response.body.size()));
  GetHistogram("milvus_proxy_restful_api_req_latency", "From the handler's start to the answer, in milliseconds.",
               LatencyMillisecondsBuckets(), labels)
      .Observe(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
}

}  // namespace

http::Response MilvusError(int http_status, const Status& error) {
  int32_t code = MilvusCode(error);
  std::string message = ReadableUtf8(error.message());  // it may quote a client's bytes, cut short
  if (http_status == 401) {
    code = kNotAuthenticatedRest;
    message = "user hasn't authenticated";
  } else if (code == static_cast<int32_t>(MilvusErrorCode::kPrivilegeNotPermitted)) {
    http_status = 403;
    code = static_cast<int32_t>(MilvusErrorCode::kUnexpected);
  } else if (code == static_cast<int32_t>(MilvusErrorCode::kTimeout) || http_status == 408) {
    http_status = 408;
    code = static_cast<int32_t>(MilvusErrorCode::kTimeout);
    message = "request timeout: " + message;
  } else if (http_status == 507) {
    http_status = 200;  // the code says that memory is short
  } else if (http_status == 503) {
    code = static_cast<int32_t>(MilvusErrorCode::kTooManyRequests);
    message = "too many concurrent requests, queue is full: " + message;
    http_status = 200;
  } else if (http_status == 400) {
    code = kBadJson;
  } else if (http_status == 413) {
    code = static_cast<int32_t>(MilvusErrorCode::kParameterTooLarge);
  }
  JsonWriter out;
  out.BeginObject().Key("code").Number(code).Key("message").String(message).EndObject();
  return {.status = http_status, .body = out.Take()};
}

void MilvusRoutes::Add(std::string_view path, std::string_view method, MilvusHandler handler) {
  router_->Add({"POST", std::string(kMilvusPrefix) + std::string(path), http::Access::kAuthenticated, http::RunOn::kPool,
                [parts = parts_, name = std::string(path), rights = std::string(method),
                 handler = std::move(handler)](const http::Request& request) {
                  const auto start = Clock::now();
                  http::Response response = Call(parts, rights, handler, request);
                  Count(name, static_cast<int64_t>(request.body.size()), response, start);
                  return response;
                }});
}

void MilvusRoutes::AddUnsupported(std::string_view path, std::string_view what) {
  router_->Add({"POST", std::string(kMilvusPrefix) + std::string(path), http::Access::kAuthenticated, http::RunOn::kPool,
                [message = std::string(what)](const http::Request&) {
                  return MilvusError(200, Unimplemented("service unimplemented: ", message));
                }});
}

Result<proxy::CollectionRef> MilvusCall::Target() const {
  return proxy::CollectionRef{.database = database, .collection = TRY(body.Text("collectionName"))};
}

void WriteNothing(JsonWriter* out) {
  out->Key("data").BeginObject().EndObject();
}

void WriteTexts(const std::vector<std::string>& texts, JsonWriter* out) {
  out->BeginArray();
  for (const std::string& text : texts) out->String(text);
  out->EndArray();
}

void WritePairs(const KeyValues& pairs, JsonWriter* out) {
  out->BeginArray();
  for (const auto& [key, value] : pairs) out->BeginObject().Key("key").String(key).Key("value").String(value).EndObject();
  out->EndArray();
}

Result<proxy::Consistency> ReadConsistency(const JsonObject& body) {
  proxy::Consistency consistency;
  const std::string name = TRY(body.TextOr("consistencyLevel", ""));
  if (name.empty()) return consistency;
  static constexpr std::string_view kNames[] = {"Strong", "Session", "Bounded", "Eventually", "Customized"};
  for (int32_t i = 0; i < 5; ++i) {
    if (kNames[i] == name) consistency.level = static_cast<ConsistencyLevel>(i);
  }
  if (!consistency.level) {
    return saker::MilvusError(MilvusErrorCode::kInvalidParameter,
                              "consistencyLevel can only be [Strong, Session, Bounded, Eventually, Customized], not ", name,
                              ": invalid parameter");
  }
  return consistency;
}

namespace {

Result<filter::TemplateValue> ReadTemplate(const JsonElement& value) {
  using simdjson::dom::element_type;
  filter::TemplateValue result;
  switch (value.type()) {
    case element_type::BOOL: result.value = bool(value); break;
    case element_type::INT64: result.value = int64_t(value); break;
    case element_type::UINT64:
    case element_type::DOUBLE: result.value = double(value); break;
    case element_type::STRING: result.value = std::string(std::string_view(value)); break;
    case element_type::OBJECT: result.value = filter::Json{simdjson::minify(value)}; break;
    case element_type::ARRAY: {
      filter::TemplateValue::List list;
      for (const JsonElement element : simdjson::dom::array(value)) list.push_back(TRY(ReadTemplate(element)));
      result.value = std::move(list);
      break;
    }
    case element_type::NULL_VALUE: return BadJson("null cannot be the value of an expression's template");
  }
  return result;
}

}  // namespace

Result<filter::Templates> ReadTemplates(const JsonObject& body) {
  filter::Templates templates;
  const std::optional<JsonObject> object = TRY(body.Object("exprParams"));
  if (!object) return templates;
  for (const auto field : *object->raw()) templates[std::string(field.key)] = TRY(ReadTemplate(field.value));
  return templates;
}

Result<std::vector<std::string>> ReadPartitions(const JsonObject& body) {
  std::vector<std::string> names = TRY(body.Texts("partitionNames"));
  const std::string one = TRY(body.TextOr("partitionName", ""));
  if (!one.empty()) names.push_back(one);
  return names;
}

Result<FunctionSchema> ReadFunction(const JsonObject& body) {
  FunctionSchema function;
  function.name = TRY(body.Text("name"));
  function.description = TRY(body.TextOr("description", ""));
  const std::string type = TRY(body.Text("type"));
  if (type == "BM25") {
    function.type = FunctionType::kBm25;
  } else if (type == "TextEmbedding" || type == "TEXTEMBEDDING") {
    function.type = FunctionType::kTextEmbedding;
  } else if (type == "Rerank" || type == "RERANK") {
    function.type = FunctionType::kRerank;
  } else if (type == "MinHash" || type == "MINHASH") {
    function.type = FunctionType::kMinHash;
  } else {
    return saker::MilvusError(MilvusErrorCode::kInvalidParameter, "the function type ", type,
                              " is not one of BM25, TextEmbedding, Rerank: invalid parameter");
  }
  function.inputs = TRY(body.Texts("inputFieldNames"));
  function.outputs = TRY(body.Texts("outputFieldNames"));
  function.params = TRY(body.Pairs("params"));
  return function;
}

Result<std::vector<proxy::CreateIndexRequest>> ReadIndexes(const proxy::CollectionRef& target, const JsonObject& body) {
  std::vector<proxy::CreateIndexRequest> indexes;
  for (const JsonObject& object : TRY(body.Objects("indexParams"))) {
    proxy::CreateIndexRequest index;
    index.target = target;
    index.field = TRY(object.Text("fieldName"));
    index.name = TRY(object.TextOr("indexName", ""));
    if (index.name.empty()) index.name = index.field;
    // Older clients write both of these inside `params`.
    index.params = TRY(object.Pairs("params"));
    const auto put = [&index](const char* key, const std::string& value) {
      if (!value.empty() && FindValue(index.params, key) == nullptr) index.params.emplace_back(key, value);
    };
    put("metric_type", TRY(object.TextOr("metricType", "")));
    put("index_type", TRY(object.TextOr("indexType", "")));
    indexes.push_back(std::move(index));
  }
  return indexes;
}

}  // namespace saker::rest
