// Insert and upsert.
#include <algorithm>
#include <unordered_set>

#include "server/proxy/local_proxy.h"
#include "server/proxy/local_shard_client.h"
#include "server/proxy/refusal.h"
#include "server/proxy/term_rows.h"
#include "server/proxy/texts.h"

namespace saker::proxy {
namespace {

uint64_t BytesOf(const RowBatch& rows) {
  uint64_t bytes = 0;
  for (const Column& column : rows.columns) bytes += column.memory_bytes();
  return bytes;
}

bool HasDuplicates(const PrimaryKeys& keys) {
  if (keys.type == DataType::kInt64) {
    std::unordered_set<int64_t> seen;
    return !std::all_of(keys.ints.begin(), keys.ints.end(), [&](int64_t key) { return seen.insert(key).second; });
  }
  std::unordered_set<std::string_view> seen;
  return !std::all_of(keys.strings.begin(), keys.strings.end(), [&](const std::string& key) { return seen.insert(key).second; });
}

bool AllowsGivenIds(const coord::Collection& collection) {
  bool allowed = false;
  const std::string* text = FindValue(collection.properties, "allow_insert_auto_id");
  return text != nullptr && ParseBoolean(*text, &allowed) && allowed;
}

}  // namespace

Result<CollectionPtr> LocalProxy::FindForWrite(const InsertRequest& request) {
  CollectionPtr collection = TRY(Find(request.target));
  if (request.schema_timestamp != 0 && request.schema_timestamp != collection->updated) {
    return MilvusError(MilvusErrorCode::kSchemaMismatch, "collection schema mismatch[collection=", collection->name,
                       "]: the client's schema is of ", request.schema_timestamp, ", the collection's of ", collection->updated);
  }
  if (request.row_count == 0) return Invalid("num_rows should be greater than 0, got 0");
  return collection;
}

Status LocalProxy::FillAutoIds(const FieldSchema& primary, size_t row_count, std::optional<Column>* column) {
  const Timestamp first = TRY(coordinator_.oracle().NextRange(row_count));
  Column ids(primary, row_count);
  for (size_t row = 0; row < row_count; ++row) {
    const int64_t id = static_cast<int64_t>(first + row);
    if (IsString(primary.type)) {
      ids.AppendVariable(std::to_string(id));
    } else {
      ids.AppendFixed(&id);
    }
  }
  *column = std::move(ids);
  return OkStatus();
}

// Every field gets its column: defaults, nulls, vectors and term counts of texts.
Result<RowBatch> LocalProxy::FinishRows(const coord::Collection& collection, MatchedColumns columns, size_t row_count,
                                        const Context& context) {
  const CollectionSchema& schema = *collection.schema;
  for (size_t i = 0; i < columns.size(); ++i) {
    const FieldSchema& field = schema.fields[i];
    if (columns[i] || field.is_function_output) continue;
    columns[i] = TRY(MissingColumn(field, row_count));
  }
  for (const FunctionSchema& function : schema.functions) {
    std::optional<Column>& output = columns[static_cast<size_t>(schema.FieldIndex(function.outputs.front()))];
    if (output) continue;  // kept from the old rows of a partial update
    const Column& texts = *columns[static_cast<size_t>(schema.FieldIndex(function.inputs.front()))];
    if (function.type == FunctionType::kBm25) {
      output = TRY(MakeTermRows(schema, function, columns, &analyzers_, &writes_, options_.max_insert_bytes, context));
      continue;
    }
    output = TRY(EmbedColumn(schema, function, texts, embedder_, context));
  }
  RowBatch rows;
  rows.row_count = row_count;
  for (size_t i = 0; i < columns.size(); ++i) {
    rows.field_ids.push_back(schema.fields[i].id);
    rows.columns.push_back(std::move(*columns[i]));
  }
  const uint64_t bytes = BytesOf(rows);
  if (bytes > options_.max_insert_bytes) {
    return MilvusError(MilvusErrorCode::kParameterTooLarge, "parameter too large: the rows have ", bytes, " bytes, at most ",
                       options_.max_insert_bytes, " are taken in one request");
  }
  return rows;
}

Result<size_t> LocalProxy::ResolvePartition(const coord::Collection& collection, const std::string& partition) const {
  if (collection.schema->PartitionKey() != nullptr) {
    if (partition.empty()) return size_t{0};
    return Refused("not support manually specifying the partition names if partition key mode is used");
  }
  const std::string_view name = partition.empty() ? coord::kDefaultPartition : std::string_view(partition);
  const coord::Partition* found = collection.FindPartition(name);
  if (found == nullptr) return MilvusError(MilvusErrorCode::kPartitionNotFound, "partition not found[partition=", name, "]");
  return static_cast<size_t>(found - collection.partitions.data());
}

Result<MutationResponse> LocalProxy::Insert(InsertRequest request, const Context& context) {
  Metrics::Timer timer(metrics_, Operation::kInsert);
  const size_t row_count = request.row_count;
  const auto run = [&]() -> Result<MutationResponse> {
    const CollectionPtr collection = TRY(FindForWrite(request));
    const CollectionSchema& schema = *collection->schema;
    const size_t partition = TRY(ResolvePartition(*collection, request.partition));
    MatchedColumns columns = TRY(MatchColumns(schema, std::move(request.columns), row_count));
    std::optional<Column>& key = columns[static_cast<size_t>(schema.PrimaryKeyIndex())];
    const FieldSchema& primary = schema.PrimaryKey();
    if (primary.auto_id && key && !AllowsGivenIds(*collection)) {
      return Invalid("autoID is enabled for primary field ", primary.name, ", so it cannot be passed in");
    }
    if (primary.auto_id && !key) TRY(FillAutoIds(primary, row_count, &key));
    RowBatch rows = TRY(FinishRows(*collection, std::move(columns), row_count, context));
    return WriteRows(collection, shard::WriteRequest::Kind::kInsert, std::move(rows), {}, partition, context);
  };
  Result<MutationResponse> response = run();
  timer.Done(response.status(), row_count);
  return response;
}

Result<MutationResponse> LocalProxy::Upsert(InsertRequest request, const Context& context) {
  Metrics::Timer timer(metrics_, Operation::kUpsert);
  const size_t row_count = request.row_count;
  const auto run = [&]() -> Result<MutationResponse> {
    const CollectionPtr collection = TRY(FindForWrite(request));
    const CollectionSchema& schema = *collection->schema;
    const size_t partition = TRY(ResolvePartition(*collection, request.partition));
    MatchedColumns columns = TRY(MatchColumns(schema, std::move(request.columns), row_count));
    std::optional<Column>& key = columns[static_cast<size_t>(schema.PrimaryKeyIndex())];
    const FieldSchema& primary = schema.PrimaryKey();
    if (!key) return Invalid("must assign pk when upsert, primary field: ", primary.name);
    const PrimaryKeys old_keys = KeysOf(*key);
    if (HasDuplicates(old_keys)) return Invalid("duplicate primary keys are not allowed in the same batch");
    if (request.partial_update) columns = TRY(MergeOldRows(collection, std::move(columns), row_count, context));
    if (primary.auto_id && !AllowsGivenIds(*collection)) {
      TRY(FillAutoIds(primary, row_count, &columns[static_cast<size_t>(schema.PrimaryKeyIndex())]));
    }
    RowBatch rows = TRY(FinishRows(*collection, std::move(columns), row_count, context));
    return WriteRows(collection, shard::WriteRequest::Kind::kUpsert, std::move(rows), old_keys, partition, context);
  };
  Result<MutationResponse> response = run();
  timer.Done(response.status(), row_count);
  return response;
}

Result<MutationResponse> LocalProxy::WriteRows(const CollectionPtr& collection, shard::WriteRequest::Kind kind, RowBatch rows,
                                               const PrimaryKeys& delete_keys, size_t partition, const Context& context) {
  PrimaryKeys ids = KeysOf(*rows.Find(collection->schema->PrimaryKey().id));
  const int64_t count = static_cast<int64_t>(rows.row_count);
  std::vector<std::pair<size_t, shard::WriteRequest>> writes;
  const bool upsert = kind == shard::WriteRequest::Kind::kUpsert;
  if (collection->shards.size() == 1 && collection->schema->PartitionKey() == nullptr) {
    writes.push_back({0, {kind, collection->partitions[partition].id, std::move(rows), delete_keys}});
  } else {
    // An old key dies in the write that carries its new row; with new automatic keys the old ones go where they lie.
    std::vector<PrimaryKeys> routed = upsert ? RouteKeys(*collection, delete_keys) : std::vector<PrimaryKeys>();
    for (const auto& [to, picked] : RouteRows(*collection, rows, partition)) {
      shard::WriteRequest write{kind, collection->partitions[to.partition].id, PickRows(rows, picked), {delete_keys.type, {}, {}}};
      if (upsert) write.delete_keys = KeysOf(*write.rows.Find(collection->schema->PrimaryKey().id));
      writes.push_back({to.shard, std::move(write)});
    }
    if (upsert && collection->schema->PrimaryKey().auto_id) {
      for (auto& [shard, write] : writes) write.delete_keys = std::exchange(routed[shard], PrimaryKeys{delete_keys.type, {}, {}});
      for (size_t s = 0; s < routed.size(); ++s) {
        if (routed[s].size() > 0) writes.push_back({s, {shard::WriteRequest::Kind::kDelete, std::nullopt, {}, std::move(routed[s])}});
      }
    }
  }
  MutationResponse response = TRY(RunWrites(collection, std::move(writes), context));
  response.ids = std::move(ids);
  response.count = count;
  return response;
}

// `count` is what the deletes among the writes killed.
Result<MutationResponse> LocalProxy::RunWrites(const CollectionPtr& collection, std::vector<std::pair<size_t, shard::WriteRequest>> writes,
                                               const Context& context) {
  std::vector<shard::WriteResult> results(writes.size());
  const auto run = [&](size_t i) -> Status {
    LocalShardClient client(collection->shards[writes[i].first]);
    results[i] = TRY(client.Write(std::move(writes[i].second), context));
    return OkStatus();
  };
  if (writes.size() == 1) {
    TRY(run(0));
  } else {
    TaskGroup group(writes_);
    for (size_t i = 0; i < writes.size(); ++i) group.Run([&run, i] { return run(i); });
    TRY(group.Wait());
  }
  MutationResponse response;
  for (const shard::WriteResult& result : results) {
    response.timestamp = std::max(response.timestamp, result.timestamp);
    response.count += result.deleted;
  }
  return response;
}

}  // namespace saker::proxy
