#include "server/proxy/make_proxy.h"

#include "server/proxy/local_proxy.h"

namespace saker::proxy {

LocalProxy::LocalProxy(coord::Coordinator& coordinator, TextEmbedder* embedder, ProxyOptions options)
    : coordinator_(coordinator),
      embedder_(embedder),
      options_(options),
      filters_(options.filter_cache_entries),
      writes_({.name = "proxy-write", .threads = 8, .queue_limit = 4096}),
      jobs_({.name = "proxy-job", .threads = 1, .queue_limit = 256, .nice = 10}) {}

std::unique_ptr<Proxy> MakeProxy(coord::Coordinator& coordinator, TextEmbedder* embedder, ProxyOptions options) {
  return std::make_unique<LocalProxy>(coordinator, embedder, options);
}

}  // namespace saker::proxy
