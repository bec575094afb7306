// Where each primary key's newest row is, for rows that came through the log and may not be in a sorted key index yet.
//
// Entries outlive the sealing of their segment for a while: rows keep their places, so they stay right until they are
// erased. Used under the writer's lock only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/ids.h"
#include "server/segment/key_index.h"

namespace saker::shard {

// A row of the shard.
struct Place {
  SegmentId segment;
  RowOffset row = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

class GrowingKeys {
 public:
  std::optional<Place> Find(const segment::KeyRef& key) const {
    if (key.is_text) return FindIn(texts_, std::string(key.text));
    return FindIn(integers_, key.integer);
  }
  // The place that the key had before.
  std::optional<Place> Put(const segment::KeyRef& key, Place place) {
    if (key.is_text) return PutIn(&texts_, std::string(key.text), place);
    return PutIn(&integers_, key.integer, place);
  }
  void Erase(const segment::KeyRef& key) {
    if (key.is_text) {
      texts_.erase(std::string(key.text));
    } else {
      integers_.erase(key.integer);
    }
  }
  void EraseIfIn(const segment::KeyRef& key, SegmentId segment) {
    const std::optional<Place> place = Find(key);
    if (place && place->segment == segment) Erase(key);
  }
  size_t size() const { return integers_.size() + texts_.size(); }

 private:
  template <typename Map, typename Key>
  static std::optional<Place> FindIn(const Map& map, const Key& key) {
    const auto found = map.find(key);
    if (found == map.end()) return std::nullopt;
    return found->second;
  }
  template <typename Map, typename Key>
  static std::optional<Place> PutIn(Map* map, Key key, Place place) {
    const auto [entry, fresh] = map->try_emplace(std::move(key), place);
    if (fresh) return std::nullopt;
    const Place before = entry->second;
    entry->second = place;
    return before;
  }

  std::unordered_map<int64_t, Place> integers_;
  std::unordered_map<std::string, Place> texts_;
};

}  // namespace saker::shard
