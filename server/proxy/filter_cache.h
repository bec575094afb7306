// Compiled filters of the texts that come again and again. Bounded, least recently used goes first. Thread-safe.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/mutex.h"
#include "server/coord/collection.h"
#include "server/filter/filter.h"

namespace saker::proxy {

class FilterCache {
 public:
  explicit FilterCache(size_t entries) : entries_(entries) {}

  // Null for an empty text: every row. Texts with templates and very long ones are compiled each time.
  Result<std::shared_ptr<const filter::Filter>> Get(const coord::Collection& collection, std::string_view text,
                                                    const filter::Templates& templates);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const filter::Filter> filter;
  };
  const size_t entries_;
  Mutex mutex_;
  std::list<Entry> recent_ GUARDED_BY(mutex_);  // newest first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_ GUARDED_BY(mutex_);
};

}  // namespace saker::proxy
