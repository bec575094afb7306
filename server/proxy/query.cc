#include <algorithm>

#include "server/proxy/local_proxy.h"
#include "server/proxy/merge.h"
#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

constexpr std::string_view kCount = "count(*)";

struct Window {
  std::optional<int64_t> limit;
  int64_t offset = 0;
  bool iterator = false;
  bool ignore_growing = false;
  std::optional<int64_t> collection_id;
};

Result<Window> ReadWindow(const KeyValues& source) {
  const Params params = TRY(Params::Parse(source));
  Window window;
  window.limit = TRY(params.Integer("limit"));
  if (window.limit && *window.limit == -1) window.limit.reset();
  if (window.limit) window.offset = TRY(params.Integer("offset")).value_or(0);
  window.iterator = TRY(params.Boolean("iterator")).value_or(false);
  window.ignore_growing = TRY(params.Boolean("ignore_growing")).value_or(false);
  window.collection_id = TRY(params.Integer("collection_id"));
  for (const char* key : {"order_by_fields", "group_by_fields"}) {
    if (!params.Text(key).empty()) return NotSupported("query parameter ", key, " is not supported by this version of the server");
  }
  if (!window.limit) return window;
  const auto refuse = [&](int64_t got) {
    return MilvusError(MilvusErrorCode::kInvalidParameter, "invalid max query result window, (offset+limit) should be in range [1, ",
                       kMaxWindow, "], but got ", got);
  };
  if (*window.limit < 1) return refuse(*window.limit);
  if (window.offset < 0) return refuse(window.offset);
  if (*window.limit > kMaxWindow || window.offset > kMaxWindow || *window.limit + window.offset > kMaxWindow) {
    return refuse(*window.limit > kMaxWindow ? *window.limit : *window.limit + window.offset);
  }
  return window;
}

// Ascending by primary key over the shards' own ascending lists.
RowBatch MergeByKey(std::vector<shard::QueryResult> parts, int64_t primary_id, size_t offset, std::optional<size_t> limit) {
  std::vector<const RowBatch*> batches;
  std::vector<Pick> picks;
  for (uint32_t p = 0; p < parts.size(); ++p) {
    batches.push_back(&parts[p].rows);
    for (uint32_t row = 0; row < parts[p].rows.row_count; ++row) picks.push_back({p, row});
  }
  const auto key = [&](const Pick& pick) -> std::pair<const Column*, size_t> { return {batches[pick.part]->Find(primary_id), pick.row}; };
  std::sort(picks.begin(), picks.end(), [&](const Pick& a, const Pick& b) {
    const auto [keys_a, i] = key(a);
    const auto [keys_b, j] = key(b);
    return IsString(keys_a->type()) ? keys_a->Text(i) < keys_b->Text(j) : keys_a->GetInteger(i) < keys_b->GetInteger(j);
  });
  picks.erase(picks.begin(), picks.begin() + static_cast<std::ptrdiff_t>(std::min(offset, picks.size())));
  if (limit && picks.size() > *limit) picks.resize(*limit);
  return GatherRows(batches, picks);
}

NamedColumn CountColumn(uint64_t count) {
  NamedColumn column;
  column.name = kCount;
  column.column = Column(DataType::kInt64, DataType::kNone, sizeof(int64_t));
  const int64_t value = static_cast<int64_t>(count);
  column.column.AppendFixed(&value);
  return column;
}

}  // namespace

Result<QueryResponse> LocalProxy::Query(const QueryRequest& request, const Context& context) {
  Metrics::Timer timer(metrics_, Operation::kQuery);
  Result<QueryResponse> response = QueryCollection(request, context);
  timer.Done(response.status());
  return response;
}

Result<QueryResponse> LocalProxy::QueryCollection(const QueryRequest& request, const Context& context) {
  const CollectionPtr collection = TRY(Find(request.target));
  const CollectionSchema& schema = *collection->schema;
  const Window window = TRY(ReadWindow(request.params));
  if (window.collection_id && *window.collection_id != 0 && *window.collection_id != collection->id.value) {
    return Refused("alter collection: the iterator was made for collection ", *window.collection_id, ", but ", collection->name,
                   " is collection ", collection->id, " now");
  }
  const bool counts = std::find_if(request.output_fields.begin(), request.output_fields.end(),
                                   [](const std::string& field) { return LowerCase(field) == kCount; }) != request.output_fields.end();
  if (counts && request.output_fields.size() > 1) return Refused("count(*) cannot stand beside other output fields");
  if (counts && window.limit) return Refused("count entities with pagination is not allowed");
  if (!counts && !window.limit && request.filter.find_first_not_of(" \t\r\n") == std::string::npos) {
    return MilvusError(MilvusErrorCode::kInvalidParameter, "empty expression should be used with limit");
  }
  const auto filter = TRY(CompileFilter(*collection, request.filter, request.templates, "failed to create query plan: "));

  QueryResponse response;
  response.collection_name = collection->name;
  response.primary_field_name = schema.PrimaryKey().name;
  shard::QueryRequest query;
  query.count_only = counts;
  query.max_bytes = options_.max_query_bytes;
  Projection projection;
  if (!counts) {
    projection = TRY(Project(schema, request.output_fields, PrimaryKeyColumn::kAlways));
    query.output_field_ids = projection.field_ids;
  }
  query.scope = TRY(MakeScope(*collection, filter, {request.partitions, request.consistency, window.iterator}, context));
  query.scope.ignore_growing = window.ignore_growing;
  const bool one_shard = collection->shards.size() == 1;
  if (window.limit) {
    query.offset = one_shard ? static_cast<size_t>(window.offset) : 0;
    query.limit = static_cast<size_t>(one_shard ? *window.limit : *window.limit + window.offset);
  }
  std::vector<shard::QueryResult> parts = TRY(QueryShards(*collection, query, context));
  uint64_t count = 0;
  for (const shard::QueryResult& part : parts) count += part.count;
  if (window.iterator) response.session_timestamp = query.scope.timestamp;
  if (counts) {
    response.output_fields.emplace_back(kCount);
    response.fields.push_back(CountColumn(count));
    return response;
  }
  RowBatch rows = one_shard ? std::move(parts[0].rows)
                            : MergeByKey(std::move(parts), schema.PrimaryKey().id, static_cast<size_t>(window.offset),
                                         window.limit ? std::optional<size_t>(*window.limit) : std::nullopt);
  response.output_fields = projection.names;
  response.fields = TakeColumns(projection, std::move(rows));
  return response;
}

}  // namespace saker::proxy
