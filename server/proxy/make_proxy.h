// Builds the proxy over the coordinator and the shards of this process.
#pragma once

#include <cstddef>
#include <memory>

#include "server/coord/coordinator.h"
#include "server/proxy/proxy.h"
#include "server/proxy/text_embedder.h"

namespace saker::proxy {

struct ProxyOptions {
  size_t filter_cache_entries = 256;
  int64_t bounded_staleness_ms = 5000;
  int64_t max_guarantee_wait_ms = 3000;  // a guarantee timestamp further in the future is refused at once
  uint64_t max_query_bytes = 100 << 20;  // of one query's or search's output
  size_t max_insert_bytes = 256 << 20;   // of one request's rows after conversion
};

// `embedder` may be null: then no function of type TEXTEMBEDDING can be defined. Both outlive the proxy.
std::unique_ptr<Proxy> MakeProxy(coord::Coordinator& coordinator, TextEmbedder* embedder, ProxyOptions options = {});

}  // namespace saker::proxy
