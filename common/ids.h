// Distinct integer types for the things that must not be mixed up: swapped arguments fail to compile.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace saker {

template <typename Tag>
struct StrongId {
  int64_t value = 0;

  constexpr StrongId() = default;
  constexpr explicit StrongId(int64_t v) : value(v) {}
  friend constexpr auto operator<=>(StrongId, StrongId) = default;
  friend std::ostream& operator<<(std::ostream& out, StrongId id) { return out << id.value; }
};

using DatabaseId = StrongId<struct DatabaseTag>;
using CollectionId = StrongId<struct CollectionTag>;
using PartitionId = StrongId<struct PartitionTag>;
using SegmentId = StrongId<struct SegmentTag>;
using FieldId = StrongId<struct FieldTag>;
using IndexId = StrongId<struct IndexTag>;

// One shard of one collection; its log has the same name.
struct ShardId {
  CollectionId collection;
  int32_t shard = 0;
  friend constexpr auto operator<=>(const ShardId&, const ShardId&) = default;
  friend std::ostream& operator<<(std::ostream& out, const ShardId& id) { return out << id.collection << "/" << id.shard; }
};

// Position of a record in a shard's log; the first record has number 1, 0 means "before everything".
using SequenceNumber = uint64_t;

// Milliseconds since 1970 << 18 | counter; see common/timestamp.h.
using Timestamp = uint64_t;
inline constexpr Timestamp kMaxTimestamp = ~Timestamp{0};

// A row's place in its segment, from 0.
using RowOffset = uint32_t;

}  // namespace saker

template <typename Tag>
struct std::hash<saker::StrongId<Tag>> {
  size_t operator()(saker::StrongId<Tag> id) const noexcept { return std::hash<int64_t>()(id.value); }
};
template <>
struct std::hash<saker::ShardId> {
  size_t operator()(const saker::ShardId& id) const noexcept { return std::hash<int64_t>()(id.collection.value * 1024 + id.shard); }
};
