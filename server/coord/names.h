// The coordinator's private tables: what its mutex guards.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/coord/coordinator.h"
#include "server/schema/error.h"

namespace saker::coord {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

struct Coordinator::Names {
  struct Entry {
    Database database;
    TextMap<CollectionPtr> collections;
    TextMap<CollectionId> aliases;
  };
  std::map<std::string, Entry, std::less<>> databases;
  std::unordered_map<int64_t, CollectionPtr> by_id;
  std::map<std::string, std::string, std::less<>> users;

  Entry* Find(std::string_view database) {
    const auto found = databases.find(database.empty() ? kDefaultDatabase : database);
    return found == databases.end() ? nullptr : &found->second;
  }
};

// The last load of a collection.
struct Coordinator::LoadJob {
  std::atomic<int> percent{0};
  Mutex mutex;
  CondVar ended;
  bool done GUARDED_BY(mutex) = false;
  Status error GUARDED_BY(mutex);
};

inline Status DatabaseNotFound(std::string_view database) {
  return MilvusError(MilvusErrorCode::kDatabaseNotFound, "database not found[database=", database, "]");
}
inline Status CollectionNotFound(std::string_view database, std::string_view collection) {
  return MilvusError(MilvusErrorCode::kCollectionNotFound, "collection not found[database=", database.empty() ? kDefaultDatabase : database,
                     "][collection=", collection, "]");
}

// Sets some keys, then removes others.
inline void Merge(KeyValues* values, const KeyValues& set, const std::vector<std::string>& remove) {
  for (const auto& [key, value] : set) {
    std::erase_if(*values, [&, k = &key](const auto& old) { return old.first == *k; });
    values->emplace_back(key, value);
  }
  for (const std::string& key : remove) std::erase_if(*values, [&](const auto& old) { return old.first == key; });
}

}  // namespace saker::coord
