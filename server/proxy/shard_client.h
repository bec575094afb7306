// The one way the proxy talks to a shard: a function call in one process, gRPC in a cluster.
#pragma once

#include "common/context.h"
#include "common/result.h"
#include "server/shard/request.h"

namespace saker::proxy {

class ShardClient {
 public:
  virtual ~ShardClient() = default;
  virtual Result<shard::WriteResult> Write(shard::WriteRequest request, const Context& context) = 0;
  virtual Result<shard::SearchResult> Search(const shard::SearchRequest& request, const Context& context) = 0;
  virtual Result<shard::QueryResult> Query(const shard::QueryRequest& request, const Context& context) = 0;
  // BM25 adds these up over the shards before it searches them.
  virtual Result<index::Bm25Statistics> CountTerms(const shard::CountTermsRequest& request, const Context& context) = 0;
};

}  // namespace saker::proxy
