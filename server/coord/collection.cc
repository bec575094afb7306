#include "server/coord/collection.h"

#include <algorithm>

namespace saker::coord {

const Partition* Collection::FindPartition(std::string_view partition) const {
  const auto found = std::find_if(partitions.begin(), partitions.end(), [&](const Partition& p) { return p.name == partition; });
  return found == partitions.end() ? nullptr : &*found;
}

const IndexDefinition* Collection::IndexOn(int64_t field_id) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(), [&](const IndexDefinition& i) { return i.field_id == field_id; });
  return found == indexes.end() ? nullptr : &*found;
}

bool Collection::AnyLoaded() const {
  return std::any_of(partitions.begin(), partitions.end(), [](const Partition& partition) { return partition.loaded; });
}

bool Collection::EveryLoaded() const {
  return std::all_of(partitions.begin(), partitions.end(), [](const Partition& partition) { return partition.loaded; });
}

}  // namespace saker::coord
