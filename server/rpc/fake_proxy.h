// A proxy for tests: answers what the test put into it, remembers what it was asked.
#pragma once

#include <functional>

#include "server/proxy/proxy.h"
#include "server/schema/error.h"

namespace saker::rpc {

class FakeProxy : public proxy::Proxy {
 public:
  using Ref = proxy::CollectionRef;
  using Names = std::vector<std::string>;
  using Collection = std::shared_ptr<const proxy::CollectionInfo>;

  std::function<Result<proxy::MutationResponse>(const proxy::InsertRequest&, const Context&)> on_insert;
  std::function<Result<proxy::SearchResponse>(const proxy::SearchRequest&, const Context&)> on_search;
  std::function<Result<proxy::QueryResponse>(const proxy::QueryRequest&)> on_query;
  Collection collection;  // known under its name in its database
  Ref last_target;
  proxy::RunAnalyzerRequest last_analysis;

  Result<proxy::MutationResponse> Insert(proxy::InsertRequest request, const Context& context) override {
    last_target = request.target;
    return on_insert(request, context);
  }
  Result<proxy::MutationResponse> Upsert(proxy::InsertRequest request, const Context& context) override {
    return on_insert(request, context);
  }
  Result<proxy::MutationResponse> Delete(const proxy::DeleteRequest& request, const Context&) override {
    last_target = request.target;
    return proxy::MutationResponse{.ids = {}, .count = 2, .timestamp = 7};
  }
  Result<proxy::SearchResponse> Search(const proxy::SearchRequest& request, const Context& context) override {
    return on_search(request, context);
  }
  Result<proxy::SearchResponse> HybridSearch(const proxy::HybridSearchRequest&, const Context&) override { return NotHere(); }
  Result<proxy::QueryResponse> Query(const proxy::QueryRequest& request, const Context&) override { return on_query(request); }
  Result<proxy::FlushResponse> Flush(const std::string&, const Names& names, const Context&) override {
    proxy::FlushResponse response;
    for (const std::string& name : names) response.collections.push_back({name, {11, 12}, 99, 1234});
    return response;
  }
  Result<Timestamp> FlushAll(const Context&) override { return Timestamp{99}; }
  Result<bool> IsFlushed(const std::vector<int64_t>&, Timestamp) override { return true; }
  Status CreateDatabase(const std::string&, const KeyValues&) override { return OkStatus(); }
  Status DropDatabase(const std::string&) override { return OkStatus(); }
  Status AlterDatabase(const std::string&, const KeyValues&, const Names&) override { return OkStatus(); }
  Result<proxy::DatabaseInfo> DescribeDatabase(const std::string& name) override {
    if (name == "default" || name == "books") return proxy::DatabaseInfo{.id = DatabaseId(1), .name = name, .created = 1, .properties = {}};
    return MilvusError(MilvusErrorCode::kDatabaseNotFound, "database not found[database=", name, "]");
  }
  std::vector<proxy::DatabaseInfo> ListDatabases() override { return {}; }
  Status CreateCollection(const proxy::CreateCollectionRequest& request) override {
    last_target = request.target;
    return OkStatus();
  }
  Status DropCollection(const Ref& target) override {
    last_target = target;
    return OkStatus();
  }
  Status TruncateCollection(const Ref&) override { return OkStatus(); }
  Result<Collection> DescribeCollection(const Ref& target) override {
    if (collection != nullptr && collection->name == target.collection && collection->database == target.database) return collection;
    return MilvusError(MilvusErrorCode::kCollectionNotFound, "collection not found[database=", target.database,
                       "][collection=", target.collection, "]");
  }
  Result<Collection> DescribeCollection(CollectionId id) override { return DescribeCollection(Ref{"", std::to_string(id.value)}); }
  Result<std::vector<Collection>> ListCollections(const std::string&) override { return std::vector<Collection>(); }
  Status RenameCollection(const Ref&, const Ref&) override { return OkStatus(); }
  Status AlterCollection(const Ref&, const KeyValues&, const Names&) override { return OkStatus(); }
  Status AlterField(const Ref&, const std::string&, const KeyValues&, const Names&) override { return OkStatus(); }
  Status AddField(const Ref&, const FieldSchema&) override { return OkStatus(); }
  Result<int64_t> RowCount(const Ref&, const std::string&) override { return int64_t{42}; }
  Status CreatePartition(const Ref&, const std::string&) override { return OkStatus(); }
  Status DropPartition(const Ref&, const std::string&) override { return OkStatus(); }
  Result<std::vector<proxy::PartitionInfo>> ListPartitions(const Ref&) override { return std::vector<proxy::PartitionInfo>(); }
  Status CreateAlias(const Ref&, const std::string&) override { return OkStatus(); }
  Status AlterAlias(const Ref&, const std::string&) override { return OkStatus(); }
  Status DropAlias(const std::string&, const std::string&) override { return OkStatus(); }
  Result<std::string> DescribeAlias(const std::string&, const std::string&) override { return NotHere(); }
  Result<Names> ListAliases(const std::string&, const std::string&) override { return Names(); }
  Status CreateIndex(const proxy::CreateIndexRequest&) override { return OkStatus(); }
  Status DropIndex(const Ref&, const std::string&, const std::string&) override { return OkStatus(); }
  Status AlterIndex(const Ref&, const std::string&, const KeyValues&, const Names&) override { return OkStatus(); }
  Result<std::vector<proxy::IndexInfo>> DescribeIndex(const Ref& target, const std::string&, const std::string&) override {
    return MilvusError(MilvusErrorCode::kIndexNotFound, "index not found[collection=", target.collection, "]");
  }
  Status Load(const Ref&, const Names&, bool) override { return OkStatus(); }
  Status Release(const Ref&, const Names&) override { return OkStatus(); }
  Result<proxy::LoadState> GetLoadState(const Ref& target, const Names&) override {
    TRY(DescribeCollection(target));
    return proxy::LoadState::kLoaded;
  }
  Result<int> LoadProgress(const Ref&, const Names&) override { return 100; }
  Result<std::vector<proxy::AnalyzedText>> RunAnalyzer(const proxy::RunAnalyzerRequest& request, const Context&) override {
    last_analysis = request;
    proxy::AnalyzedText text;
    text.tokens = {{"ab", 1, 3, 4, 1}};
    text.hashes = {7};
    return std::vector<proxy::AnalyzedText>(request.texts.size(), text);
  }
  Result<std::vector<std::optional<uint32_t>>> ComputePhraseSlops(const proxy::PhraseSlopRequest&, const Context&) override {
    return std::vector<std::optional<uint32_t>>{2, std::nullopt};
  }
  Result<int64_t> Compact(const Ref&) override { return int64_t{1}; }
  Result<proxy::CompactionInfo> DescribeCompaction(int64_t) override { return proxy::CompactionInfo(); }
  Result<std::vector<proxy::SegmentInfo>> ListSegments(const Ref&) override { return std::vector<proxy::SegmentInfo>(); }
  Result<Timestamp> AllocateTimestamp() override { return Timestamp{1} << 60; }

 private:
  static Status NotHere() { return Unimplemented("not in the fake"); }
};

}  // namespace saker::rpc
