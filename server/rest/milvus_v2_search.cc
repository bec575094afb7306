#include <algorithm>
#include <utility>

#include "server/rest/milvus_v2.h"
#include "server/rest/vector_json.h"
#include "server/schema/error.h"

namespace saker::rest {

namespace {

using proxy::AnnRequest;
using proxy::CollectionInfo;

template <typename... Parts>
Status InvalidParameter(const Parts&... parts) {
  return saker::MilvusError(MilvusErrorCode::kInvalidParameter, parts..., ": invalid parameter");
}

// The field that is searched: the named one, or the only vector field. nullptr leaves the complaint to the proxy.
const FieldSchema* SearchedField(const CollectionSchema& schema, const std::string& name) {
  if (!name.empty()) return schema.Find(name);
  const FieldSchema* found = nullptr;
  for (const FieldSchema& field : schema.fields) {
    if (!IsVector(field.type)) continue;
    if (found != nullptr) return nullptr;
    found = &field;
  }
  return found;
}

// What a query looks like in JSON says how it is meant: numbers are floats, which the proxy fits to the field; texts are
// base64 for the byte types and words for the others.
Result<proxy::Queries> ReadQueries(const JsonElement& data, const FieldSchema* field) {
  simdjson::dom::array list;
  if (data.get(list) != simdjson::SUCCESS) return BadJson("`data` should be a list of queries, it is ", TypeName(data));
  const DataType type = field != nullptr ? field->type : DataType::kFloatVector;
  const bool bytes_as_text = type != DataType::kFloatVector && type != DataType::kSparseFloatVector;
  proxy::Queries queries;
  for (const JsonElement element : list) {
    proxy::Queries::Kind kind = proxy::Queries::Kind::kVectors;
    DataType vector_type = type;
    std::string value;
    Status status;
    std::string_view text;
    simdjson::dom::array numbers;
    if (element.get(text) == simdjson::SUCCESS && !bytes_as_text) {
      kind = proxy::Queries::Kind::kTexts;
      value = std::string(text);
    } else if ((type == DataType::kFloat16Vector || type == DataType::kBFloat16Vector) && element.get(numbers) == simdjson::SUCCESS &&
               static_cast<int64_t>(numbers.size()) != 2 * field->dim) {
      vector_type = DataType::kFloatVector;
      status = AppendFloats(element, &value);
    } else {
      status = AppendVectorBytes(type, type == DataType::kFloatVector ? 0 : field != nullptr ? field->dim : 0, element, &value, nullptr);
    }
    if (!status.ok()) return BadJson("query ", queries.values.size(), ": ", status.message());
    if (queries.kind != proxy::Queries::Kind::kNone && (queries.kind != kind || queries.vector_type != vector_type)) {
      return BadJson("the queries in `data` are of different kinds");
    }
    queries.kind = kind;
    queries.vector_type = vector_type;
    queries.values.push_back(std::move(value));
  }
  if (queries.values.empty()) return InvalidParameter("`data` has no queries");
  return queries;
}

Result<proxy::Queries> ReadIds(const JsonElement& ids, const FieldSchema& key) {
  proxy::Queries queries;
  queries.kind = proxy::Queries::Kind::kPrimaryKeys;
  queries.ids.type = key.type == DataType::kInt64 ? DataType::kInt64 : DataType::kVarChar;
  simdjson::dom::array list;
  if (ids.get(list) != simdjson::SUCCESS) return BadJson("`ids` should be a list, it is ", TypeName(ids));
  for (const JsonElement element : list) {
    int64_t number = 0;
    std::string_view text;
    const bool is_text = element.get(text) == simdjson::SUCCESS;
    if (queries.ids.type == DataType::kInt64 && (element.get(number) == simdjson::SUCCESS || (is_text && ParseInteger(text, &number)))) {
      queries.ids.ints.push_back(number);
    } else if (queries.ids.type == DataType::kVarChar && is_text) {
      queries.ids.strings.emplace_back(text);
    } else {
      return InvalidParameter("the primary key ", key.name, " is a ", DataTypeName(key.type), ", an id is ", TypeName(element));
    }
  }
  if (queries.ids.size() == 0) return InvalidParameter("`ids` is empty");
  return queries;
}

bool IsOwnKey(std::string_view key) {
  static constexpr std::string_view kOwn[] = {"metricType",    "metric_type",   "params", "ignore_growing",
                                              "ignoreGrowing", "round_decimal", "hints"};
  return std::find(std::begin(kOwn), std::end(kOwn), key) != std::end(kOwn);
}

// The index's parameters stand in `params`, and newer clients put them flat beside it: merged into one JSON object.
Status AddIndexParams(const JsonObject& object, KeyValues* params) {
  JsonWriter json;
  json.BeginObject();
  const std::optional<JsonObject> nested = TRY(object.Object("params"));
  if (nested) {
    for (const auto member : *nested->raw()) {
      const auto outside = object.Find(member.key);
      if (outside && simdjson::minify(*outside) != simdjson::minify(member.value)) {
        return InvalidParameter("ambiguous parameter: ", member.key, ", in search_param: ", simdjson::minify(*outside),
                                ", in search_param.params: ", simdjson::minify(member.value));
      }
      json.Key(member.key).Raw(simdjson::minify(member.value));
    }
  }
  if (object.raw()) {
    for (const auto member : *object.raw()) {
      if (IsOwnKey(member.key) || member.value.is_null() || (nested && nested->Has(member.key))) continue;
      json.Key(member.key).Raw(simdjson::minify(member.value));
    }
  }
  json.EndObject();
  params->emplace_back("params", json.Take());
  return OkStatus();
}

void AddNumber(const char* key, int64_t value, KeyValues* params) {
  params->emplace_back(key, std::to_string(value));
}

Status AddGrouping(const JsonObject& body, KeyValues* params) {
  const std::string field = TRY(body.TextOr("groupingField", ""));
  if (field.empty()) return OkStatus();
  params->emplace_back("group_by_field", field);
  if (body.Has("groupSize")) AddNumber("group_size", TRY(body.IntegerOr("groupSize", 1)), params);
  if (body.Has("strictGroupSize")) params->emplace_back("strict_group_size", TRY(body.BoolOr("strictGroupSize", false)) ? "true" : "false");
  return OkStatus();
}

Status AddLimits(const JsonObject& body, KeyValues* params, const char* limit_key) {
  AddNumber(limit_key, TRY(body.IntegerOr("limit", 100)), params);
  const int64_t offset = TRY(body.IntegerOr("offset", 0));
  if (offset != 0) AddNumber("offset", offset, params);
  return OkStatus();
}

Status AddSearchParams(const JsonObject& search_params, KeyValues* params) {
  const std::string metric = TRY(search_params.TextOr("metricType", TRY(search_params.TextOr("metric_type", ""))));
  if (!metric.empty() && FindValue(*params, "metric_type") == nullptr) params->emplace_back("metric_type", metric);
  for (const char* key : {"ignore_growing", "ignoreGrowing"}) {
    if (search_params.Has(key)) params->emplace_back("ignore_growing", TRY(search_params.BoolOr(key, false)) ? "true" : "false");
  }
  if (search_params.Has("round_decimal")) AddNumber("round_decimal", TRY(search_params.IntegerOr("round_decimal", -1)), params);
  return AddIndexParams(search_params, params);
}

Result<std::optional<proxy::FunctionScore>> ReadFunctionScore(const JsonObject& body) {
  const std::optional<JsonObject> object = TRY(body.Object("functionScore"));
  if (!object) return std::optional<proxy::FunctionScore>();
  proxy::FunctionScore score;
  for (const JsonObject& function : TRY(object->Objects("functions"))) score.functions.push_back(TRY(ReadFunction(function)));
  score.params = TRY(object->Pairs("params"));
  return std::optional<proxy::FunctionScore>(std::move(score));
}

// Flat over all queries; "topks" says how many belong to each.
void WriteHits(const proxy::SearchResponse& response, Int64As int64_as, JsonWriter* out) {
  const RowWriter writer(response.fields, response.output_fields, int64_as);
  const std::string key = response.primary_field_name.empty() ? "id" : response.primary_field_name;
  out->Key("cost").Number(0).Key("data").BeginArray();
  for (size_t i = 0; i < response.ids.size(); ++i) {
    out->BeginObject().Key(key);
    WritePrimaryKey(response.ids, i, int64_as, out);
    if (i < response.scores.size()) out->Key("distance").Number(response.scores[i]);
    writer.Write(i, key, out);
    out->EndObject();
  }
  out->EndArray().Key("topks").BeginArray();
  for (const int64_t hits : response.hits_per_query) out->Number(hits);
  out->EndArray();
}

Status Search(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  const JsonObject& body = call.body;
  proxy::SearchRequest request;
  request.target = TRY(call.Target());
  request.partitions = TRY(ReadPartitions(body));
  request.output_fields = TRY(body.Texts("outputFields"));
  request.consistency = TRY(ReadConsistency(body));
  request.function_score = TRY(ReadFunctionScore(body));
  const auto data = body.Find("data");
  const auto ids = body.Find("ids");
  if (data && ids) return InvalidParameter("`data` and `ids` cannot both be given");
  if (!data && !ids) return RestError(kMissingParameters, "missing required parameters, error: one of `data` and `ids` is required");
  AnnRequest& ann = request.ann;
  ann.filter = TRY(body.TextOr("filter", ""));
  ann.templates = TRY(ReadTemplates(body));
  const std::string field = TRY(body.TextOr("annsField", ""));
  if (!field.empty()) ann.params.emplace_back("anns_field", field);
  TRY(AddLimits(body, &ann.params, "topk"));
  TRY(AddGrouping(body, &ann.params));
  const std::optional<JsonObject> search_params = TRY(body.Object("searchParams"));
  TRY(AddSearchParams(search_params ? *search_params : JsonObject(), &ann.params));
  const std::shared_ptr<const CollectionInfo> info = TRY(proxy->DescribeCollection(request.target));
  ann.queries = data ? TRY(ReadQueries(*data, SearchedField(info->schema, field))) : TRY(ReadIds(*ids, info->schema.PrimaryKey()));
  WriteHits(TRY(proxy->Search(request, call.context)), call.int64_as, out);
  return OkStatus();
}

Result<AnnRequest> ReadLeg(const JsonObject& object, const CollectionSchema& schema) {
  AnnRequest ann;
  const JsonElement data = TRY(object.Any("data"));
  ann.filter = TRY(object.TextOr("filter", ""));
  ann.templates = TRY(ReadTemplates(object));
  const std::string field = TRY(object.TextOr("annsField", ""));
  if (!field.empty()) ann.params.emplace_back("anns_field", field);
  const std::string metric = TRY(object.TextOr("metricType", ""));
  if (!metric.empty()) ann.params.emplace_back("metric_type", metric);
  TRY(AddLimits(object, &ann.params, "topk"));
  TRY(AddGrouping(object, &ann.params));
  const std::optional<JsonObject> search_params = TRY(object.Object("searchParams"));
  if (search_params) {
    TRY(AddSearchParams(*search_params, &ann.params));
  } else {
    JsonWriter json;
    json.BeginObject();
    if (const auto params = TRY(object.Object("params"))) {
      for (const auto member : *params->raw()) json.Key(member.key).Raw(simdjson::minify(member.value));
    }
    json.EndObject();
    ann.params.emplace_back("params", json.Take());
  }
  ann.queries = TRY(ReadQueries(data, SearchedField(schema, field)));
  return ann;
}

Status HybridSearch(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  const JsonObject& body = call.body;
  proxy::HybridSearchRequest request;
  request.target = TRY(call.Target());
  request.partitions = TRY(ReadPartitions(body));
  request.output_fields = TRY(body.Texts("outputFields"));
  request.consistency = TRY(ReadConsistency(body));
  request.function_score = TRY(ReadFunctionScore(body));
  TRY(body.Any("search"));
  if (const auto rerank = TRY(body.Object("rerank"))) {
    request.rank_params.emplace_back("strategy", TRY(rerank->TextOr("strategy", "rrf")));
    const auto params = rerank->Find("params");
    request.rank_params.emplace_back("params", params ? simdjson::minify(*params) : "{}");
  }
  TRY(AddLimits(body, &request.rank_params, "limit"));
  TRY(AddGrouping(body, &request.rank_params));
  const std::shared_ptr<const CollectionInfo> info = TRY(proxy->DescribeCollection(request.target));
  for (const JsonObject& leg : TRY(body.Objects("search"))) request.requests.push_back(TRY(ReadLeg(leg, info->schema)));
  if (request.requests.empty()) return RestError(kMissingParameters, "missing required parameters, error: `search` has no requests");
  WriteHits(TRY(proxy->HybridSearch(request, call.context)), call.int64_as, out);
  return OkStatus();
}

}  // namespace

void AddSearchRoutes(MilvusRoutes* routes) {
  proxy::Proxy* proxy = routes->proxy();
  routes->Add("entities/search", "Search", [proxy](const MilvusCall& call, JsonWriter* out) { return Search(proxy, call, out); });
  for (const char* path : {"entities/hybrid_search", "entities/advanced_search"}) {
    routes->Add(path, "HybridSearch", [proxy](const MilvusCall& call, JsonWriter* out) { return HybridSearch(proxy, call, out); });
  }
}

}  // namespace saker::rest
