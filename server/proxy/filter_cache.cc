#include "server/proxy/filter_cache.h"

namespace saker::proxy {
namespace {
constexpr size_t kLongestCached = 4096;
}

Result<std::shared_ptr<const filter::Filter>> FilterCache::Get(const coord::Collection& collection, std::string_view text,
                                                               const filter::Templates& templates) {
  if (text.empty()) return std::shared_ptr<const filter::Filter>();
  if (!templates.empty() || text.size() > kLongestCached) return filter::Filter::Compile(text, *collection.schema, templates);
  std::string key;
  key.reserve(text.size() + 16);
  // `updated` moves with every change of the schema.
  key.append(reinterpret_cast<const char*>(&collection.id.value), sizeof collection.id.value);
  key.append(reinterpret_cast<const char*>(&collection.updated), sizeof collection.updated);
  key.append(text);
  {
    MutexLock lock(mutex_);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
      return found->second->filter;
    }
  }
  std::shared_ptr<const filter::Filter> compiled = TRY(filter::Filter::Compile(text, *collection.schema));
  MutexLock lock(mutex_);
  if (by_key_.count(key) > 0) return compiled;
  recent_.push_front({std::move(key), compiled});
  by_key_.emplace(recent_.front().key, recent_.begin());
  if (recent_.size() > entries_) {
    by_key_.erase(recent_.back().key);
    recent_.pop_back();
  }
  return compiled;
}

}  // namespace saker::proxy
