// Partial updates and deletes.
#include <map>
#include <nlohmann/json.hpp>

#include "server/proxy/json_text.h"
#include "server/proxy/local_proxy.h"
#include "server/proxy/refusal.h"
#include "server/schema/column.h"

namespace saker::proxy {

namespace {

// Keys of the new object replace those of the old one; others stay.
Result<std::string> MergeObjects(std::string_view old_text, std::string_view new_text) {
  if (new_text == "{}") return std::string(old_text);
  nlohmann::json merged = nlohmann::json::parse(old_text, nullptr, false);
  const nlohmann::json update = nlohmann::json::parse(new_text, nullptr, false);
  if (!merged.is_object() || !update.is_object()) return std::string(new_text);
  merged.update(update);
  std::string text = merged.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  TRY(CheckJson(text, kDynamicFieldName));
  return text;
}

}  // namespace

// Fields that the request does not have come from the rows as they are; dynamic fields are merged key by key. Rows that
// do not exist yet need every field.
Result<MatchedColumns> LocalProxy::MergeOldRows(const CollectionPtr& collection, MatchedColumns given, size_t row_count,
                                                const Context& context) {
  const CollectionSchema& schema = *collection->schema;
  const FieldSchema& primary = schema.PrimaryKey();
  const Column& keys = *given[static_cast<size_t>(schema.PrimaryKeyIndex())];
  std::vector<size_t> wanted;
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i] || schema.fields[i].is_dynamic) wanted.push_back(i);
  }
  if (wanted.empty()) return given;
  TRY(coordinator_.AwaitLoad(*collection, context));
  std::vector<int64_t> field_ids;
  for (const size_t i : wanted) field_ids.push_back(schema.fields[i].id);
  const RowBatch old = TRY(ReadByKeys(collection, KeysOf(keys), field_ids, context));
  std::map<PrimaryKey, size_t> places;
  if (const Column* old_keys = old.Find(primary.id)) {
    for (size_t row = 0; row < old.row_count; ++row) places[PrimaryKeyAt(*old_keys, row)] = row;
  }
  MatchedColumns merged = given;
  for (const size_t i : wanted) {
    const FieldSchema& field = schema.fields[i];
    if (field.is_function_output) {
      // New texts, another analyzer for them, or rows that have no vector yet: all of them are made again.
      const FunctionSchema& function = *schema.FunctionFor(field.name);
      const auto input = static_cast<size_t>(schema.FieldIndex(function.inputs.front()));
      if (given[input] || places.size() < row_count) continue;
      if (function.type == FunctionType::kBm25) {
        const FieldAnalyzer analyzer = TRY(analyzers_.Of(schema.fields[input]));
        const int chooses = analyzer.many == nullptr ? -1 : schema.FieldIndex(analyzer.many->by_field());
        if (chooses >= 0 && given[static_cast<size_t>(chooses)]) continue;
      }
    }
    const Column* source = old.Find(field.id);
    Column column(field, row_count);
    for (size_t row = 0; row < row_count; ++row) {
      const auto place = places.find(PrimaryKeyAt(keys, row));
      const bool known = place != places.end() && source != nullptr;
      if (given[i]) {
        const std::string_view old_text = known && source->IsValid(place->second) ? source->Text(place->second) : std::string_view("{}");
        column.AppendVariable(TRY(MergeObjects(old_text, given[i]->Text(row))));
      } else if (known) {
        column.AppendFrom(*source, place->second);
      } else {
        const Column missing = TRY(MissingColumn(field, 1));
        column.AppendFrom(missing, 0);
      }
    }
    merged[i] = std::move(column);
  }
  return merged;
}

Result<MutationResponse> LocalProxy::Delete(const DeleteRequest& request, const Context& context) {
  Metrics::Timer timer(metrics_, Operation::kDelete);
  const auto run = [&]() -> Result<MutationResponse> {
    const CollectionPtr collection = TRY(Find(request.target));
    const auto filter = TRY(CompileFilter(*collection, request.filter, request.templates, "failed to create delete plan: "));
    if (filter == nullptr || filter->always_true()) { return Invalid("delete plan can't be empty or always true : ", request.filter); }
    const bool keyed = collection->schema->PartitionKey() != nullptr;
    if (keyed && !request.partition.empty()) {
      return Refused("not support manually specifying the partition names if partition key mode is used");
    }
    std::optional<PartitionId> partition;
    if (!request.partition.empty()) {
      const coord::Partition* found = collection->FindPartition(request.partition);
      if (found == nullptr) {
        return MilvusError(MilvusErrorCode::kPartitionNotFound, "partition not found[partition=", request.partition, "]");
      }
      partition = found->id;
    }
    const PrimaryKeys* keys = filter->exact_primary_keys();
    if (keys == nullptr) return DeleteMatching(collection, filter, partition, context);
    MutationResponse response;
    std::vector<std::pair<size_t, shard::WriteRequest>> writes;
    std::vector<PrimaryKeys> routed = RouteKeys(*collection, *keys);
    for (size_t i = 0; i < routed.size(); ++i) {
      if (routed[i].size() > 0) writes.push_back({i, {shard::WriteRequest::Kind::kDelete, partition, {}, std::move(routed[i])}});
    }
    if (!writes.empty()) response = TRY(RunWrites(collection, std::move(writes), context));
    response.count = static_cast<int64_t>(keys->size());  // as Milvus: those that were named
    if (response.timestamp == 0) response.timestamp = TRY(coordinator_.oracle().Next());
    return response;
  };
  Result<MutationResponse> response = run();
  timer.Done(response.status(), response.ok() ? static_cast<size_t>(response->count) : 0);
  return response;
}

Result<MutationResponse> LocalProxy::DeleteMatching(const CollectionPtr& collection, const std::shared_ptr<const filter::Filter>& filter,
                                                    std::optional<PartitionId> partition, const Context& context) {
  const Consistency newest;
  const std::vector<std::string> every_partition;
  shard::QueryRequest query;
  query.scope = TRY(MakeScope(*collection, filter, {every_partition, newest, false}, context));
  if (partition) query.scope.partitions = {*partition};
  query.max_bytes = options_.max_insert_bytes;
  std::vector<shard::QueryResult> found = TRY(QueryShards(*collection, query, context));
  std::vector<std::pair<size_t, shard::WriteRequest>> writes;
  int64_t matched = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].rows.row_count == 0) continue;
    matched += static_cast<int64_t>(found[i].rows.row_count);
    PrimaryKeys keys = KeysOf(*found[i].rows.Find(collection->schema->PrimaryKey().id));
    writes.push_back({i, {shard::WriteRequest::Kind::kDelete, partition, {}, std::move(keys)}});
  }
  MutationResponse response;
  if (!writes.empty()) response = TRY(RunWrites(collection, std::move(writes), context));
  if (response.timestamp == 0) response.timestamp = TRY(coordinator_.oracle().Next());
  response.count = matched;
  return response;
}

}  // namespace saker::proxy
