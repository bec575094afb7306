// A proxy for tests: keeps what it was asked and answers what it was told.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/proxy/proxy.h"
#include "server/schema/error.h"

namespace saker::rest {

class FakeProxy : public proxy::Proxy {
 public:
  using Names = std::vector<std::string>;
  using Ref = proxy::CollectionRef;

  std::shared_ptr<proxy::CollectionInfo> info = std::make_shared<proxy::CollectionInfo>();
  std::vector<std::string> calls;
  proxy::InsertRequest insert;
  proxy::SearchRequest search;
  proxy::HybridSearchRequest hybrid;
  proxy::QueryRequest query;
  proxy::DeleteRequest erase;
  proxy::CreateCollectionRequest create;
  std::vector<proxy::CreateIndexRequest> indexes;
  proxy::MutationResponse mutation_response;
  proxy::SearchResponse search_response;
  proxy::QueryResponse query_response;
  std::vector<proxy::IndexInfo> index_infos;
  Status status;  // of everything that only has one

  Result<proxy::MutationResponse> Insert(proxy::InsertRequest request, const Context& context) override {
    insert = std::move(request);
    return Checked("Insert", mutation_response, context);
  }
  Result<proxy::MutationResponse> Upsert(proxy::InsertRequest request, const Context& context) override {
    insert = std::move(request);
    return Checked("Upsert", mutation_response, context);
  }
  Result<proxy::MutationResponse> Delete(const proxy::DeleteRequest& request, const Context& context) override {
    erase = request;
    return Checked("Delete", mutation_response, context);
  }
  Result<proxy::SearchResponse> Search(const proxy::SearchRequest& request, const Context& context) override {
    search = request;
    return Checked("Search", search_response, context);
  }
  Result<proxy::SearchResponse> HybridSearch(const proxy::HybridSearchRequest& request, const Context& context) override {
    hybrid = request;
    return Checked("HybridSearch", search_response, context);
  }
  Result<proxy::QueryResponse> Query(const proxy::QueryRequest& request, const Context& context) override {
    query = request;
    return Checked("Query", query_response, context);
  }
  Result<proxy::FlushResponse> Flush(const std::string&, const Names&, const Context&) override {
    TRY(Note("Flush"));
    return proxy::FlushResponse();
  }
  Result<Timestamp> FlushAll(const Context&) override { return Timestamp{1}; }
  Result<bool> IsFlushed(const std::vector<int64_t>&, Timestamp) override { return true; }

  Status CreateDatabase(const std::string& name, const KeyValues&) override { return Note("CreateDatabase " + name); }
  Status DropDatabase(const std::string& name) override { return Note("DropDatabase " + name); }
  Status AlterDatabase(const std::string& name, const KeyValues&, const Names&) override { return Note("AlterDatabase " + name); }
  Result<proxy::DatabaseInfo> DescribeDatabase(const std::string& name) override {
    TRY(Note("DescribeDatabase " + name));
    return proxy::DatabaseInfo{.id = DatabaseId(7), .name = name, .created = 0, .properties = {{"k", "v"}}};
  }
  std::vector<proxy::DatabaseInfo> ListDatabases() override {
    return {{.id = DatabaseId(1), .name = "default", .created = 0, .properties = {}}};
  }

  Status CreateCollection(const proxy::CreateCollectionRequest& request) override {
    create = request;
    return Note("CreateCollection " + request.target.collection);
  }
  Status DropCollection(const Ref& target) override { return Note("DropCollection " + target.database + "." + target.collection); }
  Status TruncateCollection(const Ref& target) override { return Note("TruncateCollection " + target.collection); }
  Result<std::shared_ptr<const proxy::CollectionInfo>> DescribeCollection(const Ref& target) override {
    if (target.collection != info->name) {
      return MilvusError(MilvusErrorCode::kCollectionNotFound, "can't find collection[database=", target.database,
                         "][collection=", target.collection, "]");
    }
    return std::shared_ptr<const proxy::CollectionInfo>(info);
  }
  Result<std::shared_ptr<const proxy::CollectionInfo>> DescribeCollection(CollectionId) override {
    return std::shared_ptr<const proxy::CollectionInfo>(info);
  }
  Result<std::vector<std::shared_ptr<const proxy::CollectionInfo>>> ListCollections(const std::string& database) override {
    TRY(Note("ListCollections " + database));
    return std::vector<std::shared_ptr<const proxy::CollectionInfo>>{info};
  }
  Status RenameCollection(const Ref& from, const Ref& to) override {
    return Note("RenameCollection " + from.collection + " " + to.database + "." + to.collection);
  }
  Status AlterCollection(const Ref&, const KeyValues& set, const Names& remove) override {
    return Note("AlterCollection +" + std::to_string(set.size()) + " -" + std::to_string(remove.size()));
  }
  Status AlterField(const Ref&, const std::string& field, const KeyValues&, const Names&) override { return Note("AlterField " + field); }
  Status AddField(const Ref&, const FieldSchema& field) override { return Note("AddField " + field.name); }
  Result<int64_t> RowCount(const Ref&, const std::string& partition) override {
    TRY(Note("RowCount " + partition));
    return int64_t{42};
  }

  Status CreatePartition(const Ref&, const std::string& name) override { return Note("CreatePartition " + name); }
  Status DropPartition(const Ref&, const std::string& name) override { return Note("DropPartition " + name); }
  Result<std::vector<proxy::PartitionInfo>> ListPartitions(const Ref&) override {
    return std::vector<proxy::PartitionInfo>{{.id = PartitionId(1), .name = "_default", .created = 0, .loaded = true}};
  }
  Status CreateAlias(const Ref& target, const std::string& alias) override {
    return Note("CreateAlias " + alias + " " + target.collection);
  }
  Status AlterAlias(const Ref& target, const std::string& alias) override { return Note("AlterAlias " + alias + " " + target.collection); }
  Status DropAlias(const std::string&, const std::string& alias) override { return Note("DropAlias " + alias); }
  Result<std::string> DescribeAlias(const std::string&, const std::string&) override { return info->name; }
  Result<std::vector<std::string>> ListAliases(const std::string&, const std::string&) override { return Names{"a1", "a2"}; }

  Status CreateIndex(const proxy::CreateIndexRequest& request) override {
    indexes.push_back(request);
    return Note("CreateIndex " + request.name);
  }
  Status DropIndex(const Ref&, const std::string&, const std::string& index) override { return Note("DropIndex " + index); }
  Status AlterIndex(const Ref&, const std::string& index, const KeyValues&, const Names&) override { return Note("AlterIndex " + index); }
  Result<std::vector<proxy::IndexInfo>> DescribeIndex(const Ref&, const std::string&, const std::string&) override {
    if (index_infos.empty()) return MilvusError(MilvusErrorCode::kIndexNotFound, "index not found[collection=", info->name, "]");
    return index_infos;
  }

  Status Load(const Ref&, const Names& partitions, bool refresh) override {
    return Note("Load " + std::to_string(partitions.size()) + (refresh ? " refresh" : ""));
  }
  Status Release(const Ref&, const Names& partitions) override { return Note("Release " + std::to_string(partitions.size())); }
  Result<proxy::LoadState> GetLoadState(const Ref& target, const Names&) override {
    return target.collection == info->name ? proxy::LoadState::kLoaded : proxy::LoadState::kNotExist;
  }
  Result<int> LoadProgress(const Ref&, const Names&) override { return 50; }

  Result<std::vector<proxy::AnalyzedText>> RunAnalyzer(const proxy::RunAnalyzerRequest& request, const Context&) override {
    last_analysis = request;
    proxy::AnalyzedText text;
    text.tokens = {{"ab", 1, 3, 4, 1}};
    text.hashes = {7};
    return std::vector<proxy::AnalyzedText>(request.texts.size(), text);
  }
  Result<std::vector<std::optional<uint32_t>>> ComputePhraseSlops(const proxy::PhraseSlopRequest&, const Context&) override {
    return std::vector<std::optional<uint32_t>>();
  }
  proxy::RunAnalyzerRequest last_analysis;

  Result<int64_t> Compact(const Ref&) override { return int64_t{5}; }
  Result<proxy::CompactionInfo> DescribeCompaction(int64_t id) override {
    proxy::CompactionInfo compaction;
    compaction.id = id;
    return compaction;
  }
  Result<std::vector<proxy::SegmentInfo>> ListSegments(const Ref&) override { return std::vector<proxy::SegmentInfo>(); }
  Result<Timestamp> AllocateTimestamp() override { return Timestamp{1}; }

 private:
  Status Note(std::string call) {
    calls.push_back(std::move(call));
    return status;
  }
  template <typename T>
  Result<T> Checked(std::string call, const T& response, const Context& context) {
    const Status noted = Note(std::move(call));
    if (!noted.ok()) return noted;
    const Status alive = context.Check();
    if (!alive.ok()) return alive;
    return response;
  }
};

}  // namespace saker::rest
