// What all reads share: scope, consistency, filters, the fan-out.
#include <algorithm>
#include <thread>

#include "common/timestamp.h"
#include "server/proxy/local_proxy.h"
#include "server/proxy/local_shard_client.h"
#include "server/proxy/merge.h"
#include "server/proxy/refusal.h"
#include "server/proxy/routing.h"

namespace saker::proxy {
namespace {

// Guarantee timestamps below this are Milvus' marks for "eventually" and "bounded", not times.
constexpr Timestamp kFirstRealTimestamp = Timestamp{1} << kTimestampLogicalBits;

template <typename Answer, typename Ask>
Result<std::vector<Answer>> AskShards(const coord::Collection& collection, WorkerPool& pool, Ask ask) {
  std::vector<Answer> answers(collection.shards.size());
  if (answers.size() == 1) {
    LocalShardClient client(collection.shards[0]);
    answers[0] = TRY(ask(client));
    return answers;
  }
  TaskGroup group(pool);
  for (size_t i = 0; i < answers.size(); ++i) {
    group.Run([&, i]() -> Status {
      LocalShardClient client(collection.shards[i]);
      answers[i] = TRY(ask(client));
      return OkStatus();
    });
  }
  TRY(group.Wait());
  return answers;
}

}  // namespace

Result<std::vector<shard::SearchResult>> LocalProxy::SearchShards(const coord::Collection& collection, const shard::SearchRequest& request,
                                                                  const Context& context) {
  return AskShards<shard::SearchResult>(collection, coordinator_.environment().search_pool,
                                        [&](ShardClient& client) { return client.Search(request, context); });
}

Result<std::vector<shard::QueryResult>> LocalProxy::QueryShards(const coord::Collection& collection, const shard::QueryRequest& request,
                                                                const Context& context) {
  return AskShards<shard::QueryResult>(collection, coordinator_.environment().search_pool,
                                       [&](ShardClient& client) { return client.Query(request, context); });
}

Result<std::vector<index::Bm25Statistics>> LocalProxy::CountTermsInShards(const coord::Collection& collection,
                                                                          const shard::CountTermsRequest& request, const Context& context) {
  return AskShards<index::Bm25Statistics>(collection, coordinator_.environment().search_pool,
                                          [&](ShardClient& client) { return client.CountTerms(request, context); });
}

std::vector<PartitionId> LocalProxy::LoadedPartitions(const coord::Collection& collection) {
  std::vector<PartitionId> loaded;
  for (const coord::Partition& partition : collection.partitions) {
    if (partition.loaded) loaded.push_back(partition.id);
  }
  return loaded;
}

Result<std::shared_ptr<const filter::Filter>> LocalProxy::CompileFilter(const coord::Collection& collection, const std::string& text,
                                                                        const filter::Templates& templates, std::string_view failure) {
  Result<std::shared_ptr<const filter::Filter>> compiled = filters_.Get(collection, text, templates);
  if (compiled.ok()) return compiled;
  return Status(compiled.status().code(), internal::Join(failure, compiled.status().message()), MilvusCode(compiled.status()));
}

Status LocalProxy::AwaitGuarantee(const coord::Collection& collection, const Consistency& consistency, const Context& context) {
  // Every acknowledged write is visible: only a time that has not come yet needs waiting for.
  static_cast<void>(collection);
  const Timestamp guarantee = consistency.guarantee_timestamp;
  if (guarantee < kFirstRealTimestamp) return OkStatus();
  const uint64_t wanted_ms = TimestampMs(guarantee);
  const uint64_t now_ms = TimestampMs(coordinator_.oracle().Latest());
  if (wanted_ms <= now_ms) return OkStatus();
  const uint64_t ahead_ms = wanted_ms - now_ms;
  if (ahead_ms > static_cast<uint64_t>(options_.max_guarantee_wait_ms)) {
    return MilvusError(MilvusErrorCode::kTimeout, "timeout: guarantee timestamp ", guarantee, " lies ", ahead_ms,
                       " ms in the future, at most ", options_.max_guarantee_wait_ms, " ms are waited for");
  }
  const auto until = std::min(Context::Clock::now() + std::chrono::milliseconds(ahead_ms), context.deadline());
  while (Context::Clock::now() < until) {
    TRY(context.Check());
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min<uint64_t>(ahead_ms, 5)));
  }
  return context.Check();
}

Result<shard::ReadScope> LocalProxy::MakeScope(const coord::Collection& collection, const std::shared_ptr<const filter::Filter>& filter,
                                               const ReadOptions& options, const Context& context) {
  TRY(coordinator_.AwaitLoad(collection, context));
  TRY(AwaitGuarantee(collection, options.consistency, context));
  shard::ReadScope scope;
  scope.filter = filter;
  const bool keyed = collection.schema->PartitionKey() != nullptr;
  if (keyed && !options.partitions.empty()) {
    return Refused("not support manually specifying the partition names if partition key mode is used");
  }
  if (!options.partitions.empty()) {
    scope.partitions.emplace();
    for (const std::string& name : options.partitions) {
      const coord::Partition* partition = collection.FindPartition(name);
      if (partition == nullptr) return Refused("partition name ", name, " not found");
      if (!partition->loaded) return MilvusError(MilvusErrorCode::kPartitionNotLoaded, "partition not loaded[partition=", name, "]");
      scope.partitions->push_back(partition->id);
    }
  } else if (keyed && filter != nullptr && filter->partition_key_values() != nullptr) {
    scope.partitions = PartitionsOfKeys(collection, *filter->partition_key_values());
  } else if (!collection.EveryLoaded()) {
    scope.partitions = LoadedPartitions(collection);
  }
  if (options.iterator) {
    // All pages read one moment: the client's, or now, which it then gets as the session's timestamp.
    const Timestamp guarantee = options.consistency.guarantee_timestamp;
    scope.timestamp = guarantee >= kFirstRealTimestamp ? guarantee : TRY(coordinator_.oracle().Next());
  }
  const std::string* ttl = FindValue(collection.properties, "collection.ttl.seconds");
  int64_t seconds = 0;
  if (ttl != nullptr && ParseInteger(*ttl, &seconds) && seconds > 0) {
    const uint64_t now_ms = TimestampMs(coordinator_.oracle().Latest());
    const uint64_t ttl_ms = static_cast<uint64_t>(seconds) * 1000;
    if (ttl_ms < now_ms) scope.min_timestamp = MakeTimestamp(now_ms - ttl_ms);
  }
  return scope;
}

Result<RowBatch> LocalProxy::ReadByKeys(const CollectionPtr& collection, const PrimaryKeys& keys, const std::vector<int64_t>& field_ids,
                                        const Context& context) {
  const std::vector<PrimaryKeys> routed = RouteKeys(*collection, keys);
  std::vector<RowBatch> parts;
  for (size_t i = 0; i < routed.size(); ++i) {
    if (routed[i].size() == 0) continue;
    filter::TemplateValue::List list(routed[i].size());
    for (size_t k = 0; k < list.size(); ++k) {
      if (keys.type == DataType::kInt64) {
        list[k].value = routed[i].ints[k];
      } else {
        list[k].value = routed[i].strings[k];
      }
    }
    shard::QueryRequest request;
    const std::string text = collection->schema->PrimaryKey().name + " in {keys}";
    request.scope.filter = TRY(filter::Filter::Compile(text, *collection->schema, {{"keys", {std::move(list)}}}));
    request.output_field_ids = field_ids;
    request.max_bytes = options_.max_insert_bytes;
    LocalShardClient client(collection->shards[i]);
    parts.push_back(TRY(client.Query(request, context)).rows);
  }
  std::vector<const RowBatch*> batches;
  std::vector<Pick> picks;
  for (uint32_t p = 0; p < parts.size(); ++p) {
    batches.push_back(&parts[p]);
    for (uint32_t row = 0; row < parts[p].row_count; ++row) picks.push_back({p, row});
  }
  return parts.size() == 1 ? std::move(parts[0]) : GatherRows(batches, picks);
}

}  // namespace saker::proxy
