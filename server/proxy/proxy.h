// Every operation of the Milvus API behind the dialects: names to ids, validation, routing, merge, projection.
//
// Calls block until the answer is there; a dialect runs them on a request pool, never on a network thread. Errors carry
// Milvus' codes (server/schema/error.h) and wording. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/context.h"
#include "common/result.h"
#include "server/proxy/requests.h"

namespace saker::proxy {

class Proxy {
 public:
  virtual ~Proxy() = default;

  // Data
  virtual Result<MutationResponse> Insert(InsertRequest request, const Context& context) = 0;
  virtual Result<MutationResponse> Upsert(InsertRequest request, const Context& context) = 0;
  virtual Result<MutationResponse> Delete(const DeleteRequest& request, const Context& context) = 0;
  virtual Result<SearchResponse> Search(const SearchRequest& request, const Context& context) = 0;
  virtual Result<SearchResponse> HybridSearch(const HybridSearchRequest& request, const Context& context) = 0;
  virtual Result<QueryResponse> Query(const QueryRequest& request, const Context& context) = 0;
  // Seals what is in memory and waits until it is durable in segment files. Empty names: every collection of the database.
  virtual Result<FlushResponse> Flush(const std::string& database, const std::vector<std::string>& collections, const Context& context) = 0;
  virtual Result<Timestamp> FlushAll(const Context& context) = 0;
  virtual Result<bool> IsFlushed(const std::vector<int64_t>& segments, Timestamp flush_timestamp) = 0;

  // Databases
  virtual Status CreateDatabase(const std::string& name, const KeyValues& properties) = 0;
  virtual Status DropDatabase(const std::string& name) = 0;
  virtual Status AlterDatabase(const std::string& name, const KeyValues& set, const std::vector<std::string>& remove) = 0;
  virtual Result<DatabaseInfo> DescribeDatabase(const std::string& name) = 0;
  virtual std::vector<DatabaseInfo> ListDatabases() = 0;

  // Collections
  virtual Status CreateCollection(const CreateCollectionRequest& request) = 0;
  virtual Status DropCollection(const CollectionRef& target) = 0;
  virtual Status TruncateCollection(const CollectionRef& target) = 0;
  virtual Result<std::shared_ptr<const CollectionInfo>> DescribeCollection(const CollectionRef& target) = 0;
  virtual Result<std::shared_ptr<const CollectionInfo>> DescribeCollection(CollectionId id) = 0;
  virtual Result<std::vector<std::shared_ptr<const CollectionInfo>>> ListCollections(const std::string& database) = 0;
  virtual Status RenameCollection(const CollectionRef& from, const CollectionRef& to) = 0;
  virtual Status AlterCollection(const CollectionRef& target, const KeyValues& set, const std::vector<std::string>& remove) = 0;
  virtual Status AlterField(const CollectionRef& target, const std::string& field, const KeyValues& set,
                            const std::vector<std::string>& remove) = 0;
  virtual Status AddField(const CollectionRef& target, const FieldSchema& field) = 0;
  virtual Result<int64_t> RowCount(const CollectionRef& target, const std::string& partition) = 0;  // live rows; empty: all partitions

  // Partitions and aliases
  virtual Status CreatePartition(const CollectionRef& target, const std::string& partition) = 0;
  virtual Status DropPartition(const CollectionRef& target, const std::string& partition) = 0;
  virtual Result<std::vector<PartitionInfo>> ListPartitions(const CollectionRef& target) = 0;
  virtual Status CreateAlias(const CollectionRef& target, const std::string& alias) = 0;
  virtual Status AlterAlias(const CollectionRef& target, const std::string& alias) = 0;
  virtual Status DropAlias(const std::string& database, const std::string& alias) = 0;
  virtual Result<std::string> DescribeAlias(const std::string& database, const std::string& alias) = 0;  // the collection's name
  virtual Result<std::vector<std::string>> ListAliases(const std::string& database, const std::string& collection) = 0;  // empty: all

  // Indexes
  virtual Status CreateIndex(const CreateIndexRequest& request) = 0;
  virtual Status DropIndex(const CollectionRef& target, const std::string& field, const std::string& index) = 0;
  virtual Status AlterIndex(const CollectionRef& target, const std::string& index, const KeyValues& set,
                            const std::vector<std::string>& remove) = 0;
  // Filtered by field and name where not empty. NotFound (700) when none matches.
  virtual Result<std::vector<IndexInfo>> DescribeIndex(const CollectionRef& target, const std::string& field, const std::string& index) = 0;

  // Load and release; empty partitions: the whole collection. Load returns when the load has begun.
  virtual Status Load(const CollectionRef& target, const std::vector<std::string>& partitions, bool refresh) = 0;
  virtual Status Release(const CollectionRef& target, const std::vector<std::string>& partitions) = 0;
  virtual Result<LoadState> GetLoadState(const CollectionRef& target, const std::vector<std::string>& partitions) = 0;
  virtual Result<int> LoadProgress(const CollectionRef& target, const std::vector<std::string>& partitions) = 0;  // percent

  // Analyzers
  virtual Result<std::vector<AnalyzedText>> RunAnalyzer(const RunAnalyzerRequest& request, const Context& context) = 0;
  // For each text the least slop with which the phrase occurs there, or nothing when it cannot; no results for an empty phrase.
  virtual Result<std::vector<std::optional<uint32_t>>> ComputePhraseSlops(const PhraseSlopRequest& request, const Context& context) = 0;

  // Maintenance
  virtual Result<int64_t> Compact(const CollectionRef& target) = 0;  // the job's id
  virtual Result<CompactionInfo> DescribeCompaction(int64_t id) = 0;
  virtual Result<std::vector<SegmentInfo>> ListSegments(const CollectionRef& target) = 0;
  virtual Result<Timestamp> AllocateTimestamp() = 0;
};

}  // namespace saker::proxy
