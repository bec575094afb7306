// The proxy of a single process: coordinator and shards are function calls away. One source file per group of operations.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/worker_pool.h"
#include "server/proxy/columns.h"
#include "server/proxy/field_analyzers.h"
#include "server/proxy/filter_cache.h"
#include "server/proxy/make_proxy.h"
#include "server/proxy/metrics.h"
#include "server/proxy/projection.h"
#include "server/proxy/proxy.h"
#include "server/proxy/rescore.h"
#include "server/proxy/routing.h"
#include "server/proxy/search_params.h"
#include "server/proxy/shard_client.h"

namespace saker::proxy {

using CollectionPtr = coord::Coordinator::CollectionPtr;

class LocalProxy final : public Proxy {
 public:
  LocalProxy(coord::Coordinator& coordinator, TextEmbedder* embedder, ProxyOptions options);

  Result<MutationResponse> Insert(InsertRequest request, const Context& context) override;
  Result<MutationResponse> Upsert(InsertRequest request, const Context& context) override;
  Result<MutationResponse> Delete(const DeleteRequest& request, const Context& context) override;
  Result<SearchResponse> Search(const SearchRequest& request, const Context& context) override;
  Result<SearchResponse> HybridSearch(const HybridSearchRequest& request, const Context& context) override;
  Result<QueryResponse> Query(const QueryRequest& request, const Context& context) override;
  Result<FlushResponse> Flush(const std::string& database, const std::vector<std::string>& collections, const Context& context) override;
  Result<Timestamp> FlushAll(const Context& context) override;
  Result<bool> IsFlushed(const std::vector<int64_t>& segments, Timestamp flush_timestamp) override;

  Status CreateDatabase(const std::string& name, const KeyValues& properties) override;
  Status DropDatabase(const std::string& name) override;
  Status AlterDatabase(const std::string& name, const KeyValues& set, const std::vector<std::string>& remove) override;
  Result<DatabaseInfo> DescribeDatabase(const std::string& name) override;
  std::vector<DatabaseInfo> ListDatabases() override;

  Status CreateCollection(const CreateCollectionRequest& request) override;
  Status DropCollection(const CollectionRef& target) override;
  Status TruncateCollection(const CollectionRef& target) override;
  Result<std::shared_ptr<const CollectionInfo>> DescribeCollection(const CollectionRef& target) override;
  Result<std::shared_ptr<const CollectionInfo>> DescribeCollection(CollectionId id) override;
  Result<std::vector<std::shared_ptr<const CollectionInfo>>> ListCollections(const std::string& database) override;
  Status RenameCollection(const CollectionRef& from, const CollectionRef& to) override;
  Status AlterCollection(const CollectionRef& target, const KeyValues& set, const std::vector<std::string>& remove) override;
  Status AlterField(const CollectionRef& target, const std::string& field, const KeyValues& set,
                    const std::vector<std::string>& remove) override;
  Status AddField(const CollectionRef& target, const FieldSchema& field) override;
  Result<int64_t> RowCount(const CollectionRef& target, const std::string& partition) override;

  Status CreatePartition(const CollectionRef& target, const std::string& partition) override;
  Status DropPartition(const CollectionRef& target, const std::string& partition) override;
  Result<std::vector<PartitionInfo>> ListPartitions(const CollectionRef& target) override;
  Status CreateAlias(const CollectionRef& target, const std::string& alias) override;
  Status AlterAlias(const CollectionRef& target, const std::string& alias) override;
  Status DropAlias(const std::string& database, const std::string& alias) override;
  Result<std::string> DescribeAlias(const std::string& database, const std::string& alias) override;
  Result<std::vector<std::string>> ListAliases(const std::string& database, const std::string& collection) override;

  Status CreateIndex(const CreateIndexRequest& request) override;
  Status DropIndex(const CollectionRef& target, const std::string& field, const std::string& index) override;
  Status AlterIndex(const CollectionRef& target, const std::string& index, const KeyValues& set,
                    const std::vector<std::string>& remove) override;
  Result<std::vector<IndexInfo>> DescribeIndex(const CollectionRef& target, const std::string& field, const std::string& index) override;

  Status Load(const CollectionRef& target, const std::vector<std::string>& partitions, bool refresh) override;
  Status Release(const CollectionRef& target, const std::vector<std::string>& partitions) override;
  Result<LoadState> GetLoadState(const CollectionRef& target, const std::vector<std::string>& partitions) override;
  Result<int> LoadProgress(const CollectionRef& target, const std::vector<std::string>& partitions) override;

  Result<std::vector<AnalyzedText>> RunAnalyzer(const RunAnalyzerRequest& request, const Context& context) override;
  Result<std::vector<std::optional<uint32_t>>> ComputePhraseSlops(const PhraseSlopRequest& request, const Context& context) override;

  Result<int64_t> Compact(const CollectionRef& target) override;
  Result<CompactionInfo> DescribeCompaction(int64_t id) override;
  Result<std::vector<SegmentInfo>> ListSegments(const CollectionRef& target) override;
  Result<Timestamp> AllocateTimestamp() override;

 private:
  // One nearest-neighbour request, resolved against a collection and ready for its shards.
  struct SearchPlan {
    const FieldSchema* field = nullptr;
    const FieldSchema* group_by = nullptr;
    shard::SearchRequest request;
    SearchParams params;
  };
  struct ReadOptions {
    const std::vector<std::string>& partitions;
    const Consistency& consistency;
    bool iterator = false;
    bool hybrid_leg = false;  // its own offset is ignored: pymilvus repeats there what the fused list leaves out
  };

  Result<CollectionPtr> Find(const CollectionRef& target) const { return coordinator_.Find(target.database, target.collection); }

  // Writes (write.cc)
  Result<CollectionPtr> FindForWrite(const InsertRequest& request);
  Result<RowBatch> FinishRows(const coord::Collection& collection, MatchedColumns columns, size_t row_count, const Context& context);
  Status FillAutoIds(const FieldSchema& primary, size_t row_count, std::optional<Column>* column);
  Result<size_t> ResolvePartition(const coord::Collection& collection, const std::string& partition) const;
  Result<MutationResponse> WriteRows(const CollectionPtr& collection, shard::WriteRequest::Kind kind, RowBatch rows,
                                     const PrimaryKeys& delete_keys, size_t partition, const Context& context);
  Result<MutationResponse> RunWrites(const CollectionPtr& collection, std::vector<std::pair<size_t, shard::WriteRequest>> writes,
                                     const Context& context);
  Result<MatchedColumns> MergeOldRows(const CollectionPtr& collection, MatchedColumns given, size_t row_count, const Context& context);
  Result<MutationResponse> DeleteMatching(const CollectionPtr& collection, const std::shared_ptr<const filter::Filter>& filter,
                                          std::optional<PartitionId> partition, const Context& context);

  // Reads (read.cc, search.cc)
  Result<shard::ReadScope> MakeScope(const coord::Collection& collection, const std::shared_ptr<const filter::Filter>& filter,
                                     const ReadOptions& options, const Context& context);
  Status AwaitGuarantee(const coord::Collection& collection, const Consistency& consistency, const Context& context);
  Result<std::shared_ptr<const filter::Filter>> CompileFilter(const coord::Collection& collection, const std::string& text,
                                                              const filter::Templates& templates, std::string_view failure);
  Result<RowBatch> ReadByKeys(const CollectionPtr& collection, const PrimaryKeys& keys, const std::vector<int64_t>& field_ids,
                              const Context& context);
  Result<SearchPlan> PlanSearch(const CollectionPtr& collection, const AnnRequest& ann, const ReadOptions& options, const Context& context);
  Status ResolveField(const coord::Collection& collection, SearchPlan* plan) const;
  Status ResolveMetric(const coord::Collection& collection, SearchPlan* plan) const;
  Status ResolveQueries(const CollectionPtr& collection, const Queries& queries, const Context& context, SearchPlan* plan);
  Status ResolveKeys(const CollectionPtr& collection, const PrimaryKeys& keys, const Context& context, SearchPlan* plan);
  Result<shard::SearchResult> RunSearch(const CollectionPtr& collection, const SearchPlan& plan, size_t limit, size_t offset,
                                        const Context& context);
  Result<shard::SearchResult> RunIteratorPage(const CollectionPtr& collection, SearchPlan* plan, const Context& context);
  Result<std::vector<shard::SearchResult>> SearchShards(const coord::Collection& collection, const shard::SearchRequest& request,
                                                        const Context& context);
  Result<std::vector<index::Bm25Statistics>> CountTermsInShards(const coord::Collection& collection,
                                                                const shard::CountTermsRequest& request, const Context& context);
  Result<index::Bm25Statistics> CountForBm25(const coord::Collection& collection, const SearchPlan& plan, const Context& context);
  static std::vector<PartitionId> LoadedPartitions(const coord::Collection& collection);
  Result<std::vector<shard::QueryResult>> QueryShards(const coord::Collection& collection, const shard::QueryRequest& request,
                                                      const Context& context);
  Result<SearchResponse> SearchCollection(const SearchRequest& request, const Context& context);
  Result<SearchResponse> HybridSearchCollection(const HybridSearchRequest& request, const Context& context);
  Result<QueryResponse> QueryCollection(const QueryRequest& request, const Context& context);
  SearchResponse MakeSearchResponse(const coord::Collection& collection, const Projection& projection, const FieldSchema* group_by,
                                    shard::SearchResult result) const;

  std::shared_ptr<const CollectionInfo> Describe(const coord::Collection& collection) const;

  coord::Coordinator& coordinator_;
  TextEmbedder* const embedder_;
  const ProxyOptions options_;
  FilterCache filters_;
  FieldAnalyzers analyzers_;
  Metrics metrics_;
  Mutex jobs_mutex_;
  std::map<int64_t, CompactionInfo> compactions_ GUARDED_BY(jobs_mutex_);  // the newest thousand
  int64_t next_job_ GUARDED_BY(jobs_mutex_) = 1;
  WorkerPool writes_;  // the parts of one write wait for their fsyncs together
  WorkerPool jobs_;    // compactions that users ask for; destroyed first
};

}  // namespace saker::proxy
