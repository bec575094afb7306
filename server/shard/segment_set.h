// The segments of a shard at one moment: what a read takes once and keeps.
#pragma once

#include <memory>
#include <vector>

#include "server/segment/segment.h"

namespace saker::shard {

struct SegmentSet {
  std::vector<std::shared_ptr<segment::Segment>> segments;
  // Compaction dropped rows that died at or before it: a read at an older timestamp might miss them.
  Timestamp history_from = 0;
};

}  // namespace saker::shard
