// A shard of this process.
#pragma once

#include <memory>
#include <utility>

#include "server/coord/shard_slot.h"
#include "server/proxy/shard_client.h"

namespace saker::proxy {

class LocalShardClient final : public ShardClient {
 public:
  explicit LocalShardClient(std::shared_ptr<coord::ShardSlot> slot) : slot_(std::move(slot)) {}

  Result<shard::WriteResult> Write(shard::WriteRequest request, const Context& context) override {
    return slot_->Use(context, [&](shard::Shard& shard) { return shard.Write(std::move(request), context); });
  }
  Result<shard::SearchResult> Search(const shard::SearchRequest& request, const Context& context) override {
    return slot_->Use(context, [&](shard::Shard& shard) { return shard.Search(request, context); });
  }
  Result<shard::QueryResult> Query(const shard::QueryRequest& request, const Context& context) override {
    return slot_->Use(context, [&](shard::Shard& shard) { return shard.Query(request, context); });
  }
  Result<index::Bm25Statistics> CountTerms(const shard::CountTermsRequest& request, const Context& context) override {
    return slot_->Use(context, [&](shard::Shard& shard) { return shard.CountTerms(request, context); });
  }

 private:
  const std::shared_ptr<coord::ShardSlot> slot_;
};

}  // namespace saker::proxy
