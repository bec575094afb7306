#include <algorithm>
#include <utility>

#include "server/rest/milvus_v2.h"
#include "server/rest/schema_json.h"
#include "server/schema/error.h"

namespace saker::rest {

namespace {

using proxy::CollectionInfo;
using proxy::CollectionRef;

const char* LevelName(ConsistencyLevel level) {
  static const char* const kNames[] = {"Strong", "Session", "Bounded", "Eventually", "Customized"};
  return kNames[static_cast<int32_t>(level)];
}

const char* LoadStateName(proxy::LoadState state) {
  switch (state) {
    case proxy::LoadState::kLoaded: return "LoadStateLoaded";
    case proxy::LoadState::kLoading: return "LoadStateLoading";
    case proxy::LoadState::kNotLoaded: return "LoadStateNotLoad";
    case proxy::LoadState::kNotExist: return "LoadStateNotExist";
  }
  return "LoadStateNotExist";
}

// `params` of a create request that are not the schema's: how many shards, which consistency, and properties by their REST names.
Status ReadCollectionParams(const KeyValues& params, proxy::CreateCollectionRequest* request) {
  static const std::pair<const char*, const char*> kProperties[] = {{"ttlSeconds", "collection.ttl.seconds"},
                                                                    {"ttlField", "ttl_field"},
                                                                    {"partitionKeyIsolation", "partitionkey.isolation"},
                                                                    {"mmap.enabled", "mmap.enabled"}};
  for (const auto& [key, value] : params) {
    int64_t number = 0;
    if (key == "shardsNum" || key == "partitionsNum") {
      if (!ParseInteger(value, &number)) return InvalidParameter(key, " should be an integer, it is '", value, "'");
      if (key == "shardsNum") request->shards = static_cast<int32_t>(std::clamp<int64_t>(number, -1, 1 << 20));
      if (key == "partitionsNum") request->partitions = number;
    } else if (key == "enableDynamicField") {
      request->schema.enable_dynamic_field = value == "true" || value == "True" || value == "1";
    }
    for (const auto& [rest_name, property] : kProperties) {
      if (key == rest_name) request->properties.emplace_back(property, value);
    }
  }
  return OkStatus();
}

Status CreateCollection(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  proxy::CreateCollectionRequest request;
  request.target = TRY(call.Target());
  request.schema.name = request.target.collection;
  request.schema.description = TRY(call.body.TextOr("description", ""));
  const KeyValues params = TRY(call.body.Pairs("params"));
  const std::optional<JsonObject> schema = TRY(call.body.Object("schema"));
  const bool quick = !schema || TRY(schema->Objects("fields")).empty();
  TRY(quick ? QuickSchema(call.body, params, &request.schema) : ReadSchema(*schema, &request.schema));
  TRY(ReadCollectionParams(params, &request));
  request.consistency = TRY(ReadConsistency(call.body)).level.value_or(ConsistencyLevel::kBounded);
  if (const auto nested = TRY(call.body.Object("params"))) {
    request.consistency = TRY(ReadConsistency(*nested)).level.value_or(request.consistency);
  }
  std::vector<proxy::CreateIndexRequest> indexes = TRY(ReadIndexes(request.target, call.body));
  if (quick) {
    const std::string& field = request.schema.fields[1].name;
    indexes = {{.target = request.target,
                .field = field,
                .name = field,
                .params = {{"index_type", "AUTOINDEX"}, {"metric_type", TRY(call.body.TextOr("metricType", "COSINE"))}}}};
  }
  TRY(proxy->CreateCollection(request));
  for (const auto& index : indexes) {
    const Status status = proxy->CreateIndex(index);
    if (!status.ok()) return Status(status.code(), "the collection is there, its index is not: " + status.message(), status.detail_code());
  }
  if (!indexes.empty()) TRY(proxy->Load(request.target, {}, /*refresh=*/false));
  WriteNothing(out);
  return OkStatus();
}

Status DescribeCollection(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  const CollectionRef target = TRY(call.Target());
  const std::shared_ptr<const CollectionInfo> info = TRY(proxy->DescribeCollection(target));
  const Result<proxy::LoadState> load = proxy->GetLoadState(target, {});
  const Result<std::vector<proxy::IndexInfo>> indexes = proxy->DescribeIndex(target, "", "");
  const FieldSchema& key = info->schema.PrimaryKey();
  out->Key("data").BeginObject();
  out->Key("collectionName").String(info->name).Key("collectionID").Number(info->id.value);
  out->Key("description").String(info->schema.description).Key("autoId").Bool(key.auto_id);
  out->Key("fields").BeginArray();
  for (const FieldSchema& field : info->schema.fields) {
    if (!field.is_dynamic) WriteField(field, out);
  }
  out->EndArray().Key("functions").BeginArray();
  for (const FunctionSchema& function : info->schema.functions) WriteFunction(function, out);
  out->EndArray().Key("aliases");
  WriteTexts(info->aliases, out);
  out->Key("indexes").BeginArray();
  if (indexes.ok()) {
    for (const proxy::IndexInfo& index : *indexes) {
      const std::string* metric = FindValue(index.params, "metric_type");
      out->BeginObject().Key("fieldName").String(index.field).Key("indexName").String(index.name);
      out->Key("metricType").String(metric != nullptr ? *metric : "").EndObject();
    }
  }
  out->EndArray().Key("load").String(LoadStateName(load.ok() ? *load : proxy::LoadState::kNotLoaded));
  out->Key("shardsNum").Number(info->shards).Key("partitionsNum").Number(info->partitions);
  out->Key("consistencyLevel").String(LevelName(info->consistency));
  out->Key("enableDynamicField").Bool(info->schema.enable_dynamic_field).Key("properties");
  WritePairs(info->properties, out);
  out->Key("externalSource").String("").Key("externalSpec").String("");
  out->EndObject();
  return OkStatus();
}

Status GetLoadState(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  const CollectionRef target = TRY(call.Target());
  const std::vector<std::string> partitions = TRY(ReadPartitions(call.body));
  const proxy::LoadState state = TRY(proxy->GetLoadState(target, partitions));
  if (state == proxy::LoadState::kNotExist) {
    return saker::MilvusError(MilvusErrorCode::kCollectionNotFound, "collection not found[database=", target.database,
                              "][collection=", target.collection, "]");
  }
  int progress = state == proxy::LoadState::kLoaded ? 100 : 0;
  if (state == proxy::LoadState::kLoading) progress = TRY(proxy->LoadProgress(target, partitions));
  out->Key("data").BeginObject().Key("loadState").String(LoadStateName(state));
  out->Key("loadProgress").Number(progress).Key("message").String("").EndObject();
  return OkStatus();
}

Status HasCollection(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  const auto info = proxy->DescribeCollection(TRY(call.Target()));
  const bool missing = !info.ok() && MilvusCode(info.status()) == static_cast<int32_t>(MilvusErrorCode::kCollectionNotFound);
  if (!info.ok() && !missing) return info.status();
  out->Key("data").BeginObject().Key("has").Bool(!missing).EndObject();
  return OkStatus();
}

Status Compact(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  const int64_t job = TRY(proxy->Compact(TRY(call.Target())));
  out->Key("data").BeginObject().Key("compactionID").Number(job).EndObject();
  return OkStatus();
}

Status GetCompactionState(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  TRY(call.body.Any("jobID"));
  const proxy::CompactionInfo info = TRY(proxy->DescribeCompaction(TRY(call.body.IntegerOr("jobID", 0))));
  out->Key("data").BeginObject().Key("compactionID").Number(info.id).Key("state").String(info.done ? "Completed" : "Executing");
  out->Key("executingPlanNumber").Number(info.executing).Key("timeoutPlanNumber").Number(0);
  out->Key("completedPlanNumber").Number(info.completed).EndObject();
  return OkStatus();
}

using CollectionAction = std::function<Status(const MilvusCall&, const CollectionRef&)>;

MilvusHandler OnCollection(CollectionAction action) {
  return [action = std::move(action)](const MilvusCall& call, JsonWriter* out) -> Status {
    TRY(action(call, TRY(call.Target())));
    WriteNothing(out);
    return OkStatus();
  };
}

using ProxyAction = Status (*)(proxy::Proxy*, const MilvusCall&, JsonWriter*);

MilvusHandler Bind(proxy::Proxy* proxy, ProxyAction action) {
  return [proxy, action](const MilvusCall& call, JsonWriter* out) { return action(proxy, call, out); };
}

void AddChanges(MilvusRoutes* routes) {
  proxy::Proxy* proxy = routes->proxy();
  routes->Add(
      "collections/rename", "RenameCollection", OnCollection([proxy](const MilvusCall& call, const CollectionRef& from) -> Status {
        return proxy->RenameCollection(from, {TRY(call.body.TextOr("newDbName", call.database)), TRY(call.body.Text("newCollectionName"))});
      }));
  routes->Add("collections/alter_properties", "AlterCollection",
              OnCollection([proxy](const MilvusCall& call, const CollectionRef& target) -> Status {
                TRY(call.body.Any("properties"));
                return proxy->AlterCollection(target, TRY(call.body.Pairs("properties")), {});
              }));
  routes->Add("collections/drop_properties", "AlterCollection",
              OnCollection([proxy](const MilvusCall& call, const CollectionRef& target) -> Status {
                TRY(call.body.Any("propertyKeys"));
                return proxy->AlterCollection(target, {}, TRY(call.body.Texts("propertyKeys")));
              }));
  routes->Add("collections/fields/alter_properties", "AlterCollectionField",
              OnCollection([proxy](const MilvusCall& call, const CollectionRef& target) -> Status {
                const std::string field = TRY(call.body.Text("fieldName"));
                TRY(call.body.Any("fieldParams"));
                return proxy->AlterField(target, field, TRY(call.body.Pairs("fieldParams")), {});
              }));
  routes->Add("collections/fields/add", "AddCollectionField",
              OnCollection([proxy](const MilvusCall& call, const CollectionRef& target) -> Status {
                TRY(call.body.Any("schema"));
                const std::optional<JsonObject> field = TRY(call.body.Object("schema"));
                return proxy->AddField(target, TRY(ReadField(*field)));
              }));
}

}  // namespace

void AddCollectionRoutes(MilvusRoutes* routes) {
  proxy::Proxy* proxy = routes->proxy();
  routes->Add("collections/list", "ShowCollections", [proxy](const MilvusCall& call, JsonWriter* out) -> Status {
    std::vector<std::string> names;
    for (const auto& info : TRY(proxy->ListCollections(call.database))) names.push_back(info->name);
    out->Key("data");
    WriteTexts(names, out);
    return OkStatus();
  });
  routes->Add("collections/has", "HasCollection", Bind(proxy, HasCollection));
  routes->Add("collections/describe", "DescribeCollection", Bind(proxy, DescribeCollection));
  routes->Add("collections/create", "CreateCollection", Bind(proxy, CreateCollection));
  routes->Add("collections/get_load_state", "GetLoadState", Bind(proxy, GetLoadState));
  routes->Add("collections/compact", "ManualCompaction", Bind(proxy, Compact));
  routes->Add("collections/get_compaction_state", "GetCompactionState", Bind(proxy, GetCompactionState));
  routes->Add("collections/get_stats", "GetCollectionStatistics", [proxy](const MilvusCall& call, JsonWriter* out) -> Status {
    const int64_t rows = TRY(proxy->RowCount(TRY(call.Target()), ""));
    out->Key("data").BeginObject().Key("rowCount").Number(rows).EndObject();
    return OkStatus();
  });
  routes->Add("collections/drop", "DropCollection",
              OnCollection([proxy](const MilvusCall&, const CollectionRef& target) { return proxy->DropCollection(target); }));
  routes->Add("collections/truncate", "TruncateCollection",
              OnCollection([proxy](const MilvusCall&, const CollectionRef& target) { return proxy->TruncateCollection(target); }));
  routes->Add("collections/load", "LoadCollection",
              OnCollection([proxy](const MilvusCall&, const CollectionRef& target) { return proxy->Load(target, {}, false); }));
  routes->Add("collections/refresh_load", "LoadCollection",
              OnCollection([proxy](const MilvusCall&, const CollectionRef& target) { return proxy->Load(target, {}, true); }));
  routes->Add("collections/release", "ReleaseCollection",
              OnCollection([proxy](const MilvusCall&, const CollectionRef& target) { return proxy->Release(target, {}); }));
  routes->Add("collections/flush", "Flush", OnCollection([proxy](const MilvusCall& call, const CollectionRef& target) {
                return proxy->Flush(target.database, {target.collection}, call.context).status();
              }));
  AddChanges(routes);
}

}  // namespace saker::rest
