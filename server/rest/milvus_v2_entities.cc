#include <algorithm>
#include <utility>

#include "server/rest/milvus_v2.h"
#include "server/rest/rows_in.h"
#include "server/schema/error.h"

namespace saker::rest {

namespace {

using proxy::CollectionInfo;

Status Write(proxy::Proxy* proxy, RowsFor purpose, const MilvusCall& call, JsonWriter* out) {
  proxy::InsertRequest request;
  request.target = TRY(call.Target());
  request.partition = TRY(call.body.TextOr("partitionName", ""));
  const JsonElement data = TRY(call.body.Any("data"));
  if (purpose == RowsFor::kUpsert && TRY(call.body.BoolOr("partialUpdate", false))) {
    purpose = RowsFor::kPartialUpsert;
    request.partial_update = true;
  }
  const std::shared_ptr<const CollectionInfo> info = TRY(proxy->DescribeCollection(request.target));
  ColumnsOfRows rows = TRY(RowsToColumns(data, *info, purpose));
  request.columns = std::move(rows.columns);
  request.row_count = rows.row_count;
  request.schema_timestamp = info->updated;
  const bool insert = purpose == RowsFor::kInsert;
  const proxy::MutationResponse response =
      insert ? TRY(proxy->Insert(std::move(request), call.context)) : TRY(proxy->Upsert(std::move(request), call.context));
  out->Key("cost").Number(0).Key("data").BeginObject();
  out->Key(insert ? "insertCount" : "upsertCount").Number(response.count);
  out->Key(insert ? "insertIds" : "upsertIds").BeginArray();
  for (size_t i = 0; i < response.ids.size(); ++i) WritePrimaryKey(response.ids, i, call.int64_as, out);
  out->EndArray().EndObject();
  return OkStatus();
}

Status Delete(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  proxy::DeleteRequest request;
  request.target = TRY(call.Target());
  request.partition = TRY(call.body.TextOr("partitionName", ""));
  request.filter = TRY(call.body.Text("filter"));
  request.templates = TRY(ReadTemplates(call.body));
  const proxy::MutationResponse response = TRY(proxy->Delete(request, call.context));
  out->Key("cost").Number(0).Key("data").BeginObject().Key("deleteCount").Number(response.count).EndObject();
  return OkStatus();
}

void WriteRows(const proxy::QueryResponse& response, Int64As int64_as, JsonWriter* out) {
  size_t rows = 0;
  for (const proxy::NamedColumn& column : response.fields) rows = std::max(rows, column.column.row_count());
  const RowWriter writer(response.fields, response.output_fields, int64_as);
  out->Key("cost").Number(0).Key("data").BeginArray();
  for (size_t row = 0; row < rows; ++row) {
    out->BeginObject();
    writer.Write(row, "", out);
    out->EndObject();
  }
  out->EndArray();
}

Result<std::vector<std::string>> ReadOutputFields(const JsonObject& body) {
  std::vector<std::string> fields = TRY(body.Texts("outputFields"));
  if (fields.empty()) fields.emplace_back("*");
  return fields;
}

Status Query(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  proxy::QueryRequest request;
  request.target = TRY(call.Target());
  request.partitions = TRY(ReadPartitions(call.body));
  request.filter = TRY(call.body.TextOr("filter", ""));
  request.templates = TRY(ReadTemplates(call.body));
  request.output_fields = TRY(ReadOutputFields(call.body));
  request.consistency = TRY(ReadConsistency(call.body));
  const int64_t limit = TRY(call.body.IntegerOr("limit", 100));
  const int64_t offset = TRY(call.body.IntegerOr("offset", 0));
  const bool count = request.output_fields.size() == 1 && request.output_fields[0] == "count(*)";
  // A count is of all rows; clients send their default limit along.
  if (!count) request.params.emplace_back("limit", std::to_string(limit));
  if (offset != 0) request.params.emplace_back("offset", std::to_string(offset));
  WriteRows(TRY(proxy->Query(request, call.context)), call.int64_as, out);
  return OkStatus();
}

// One id or a list of them, as numbers or as texts, for a primary key of either type.
Result<filter::TemplateValue::List> ReadIds(const JsonElement& value, const FieldSchema& key) {
  filter::TemplateValue::List ids;
  const auto add = [&ids, &key](const JsonElement& element) -> Status {
    int64_t number = 0;
    std::string_view text;
    const bool is_number = element.get(number) == simdjson::SUCCESS;
    const bool is_text = element.get(text) == simdjson::SUCCESS;
    if (key.type == DataType::kInt64 && (is_number || (is_text && ParseInteger(text, &number)))) {
      ids.emplace_back().value = number;
    } else if (key.type != DataType::kInt64 && is_text) {
      ids.push_back({std::string(text)});
    } else {
      return saker::MilvusError(MilvusErrorCode::kInvalidParameter, "the primary key ", key.name, " is a ", DataTypeName(key.type),
                                ", the id ", simdjson::minify(element).substr(0, 64), " is not: invalid parameter");
    }
    return OkStatus();
  };
  simdjson::dom::array list;
  if (value.get(list) != simdjson::SUCCESS) {
    TRY(add(value));
    return ids;
  }
  for (const JsonElement element : list) TRY(add(element));
  return ids;
}

Status Get(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  proxy::QueryRequest request;
  request.target = TRY(call.Target());
  request.partitions = TRY(ReadPartitions(call.body));
  request.output_fields = TRY(ReadOutputFields(call.body));
  request.consistency = TRY(ReadConsistency(call.body));
  const JsonElement id = TRY(call.body.Any("id"));
  const std::shared_ptr<const CollectionInfo> info = TRY(proxy->DescribeCollection(request.target));
  const FieldSchema& key = info->schema.PrimaryKey();
  request.templates["ids"] = {TRY(ReadIds(id, key))};
  request.filter = key.name + " in {ids}";
  WriteRows(TRY(proxy->Query(request, call.context)), call.int64_as, out);
  return OkStatus();
}

}  // namespace

void AddEntityRoutes(MilvusRoutes* routes) {
  proxy::Proxy* proxy = routes->proxy();
  routes->Add("entities/insert", "Insert",
              [proxy](const MilvusCall& call, JsonWriter* out) { return Write(proxy, RowsFor::kInsert, call, out); });
  routes->Add("entities/upsert", "Upsert",
              [proxy](const MilvusCall& call, JsonWriter* out) { return Write(proxy, RowsFor::kUpsert, call, out); });
  routes->Add("entities/delete", "Delete", [proxy](const MilvusCall& call, JsonWriter* out) { return Delete(proxy, call, out); });
  routes->Add("entities/query", "Query", [proxy](const MilvusCall& call, JsonWriter* out) { return Query(proxy, call, out); });
  routes->Add("entities/get", "Query", [proxy](const MilvusCall& call, JsonWriter* out) { return Get(proxy, call, out); });
}

}  // namespace saker::rest
