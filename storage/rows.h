// The row payloads of sealed segments: everything but vectors, in columnar chunks.
//
// A chunk holds consecutive rows of one segment as one encoded batch (the caller's codec). Ingest is durable when it
// returns and idempotent: the same segment may be ingested again after a crash. Rows become reachable for users only
// through a manifest. Thread-safe. Local driver: storage/rocks/ (column family `rows`, chunks ingested as SST files).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/result.h"

namespace saker::storage {

struct RowChunk {
  RowOffset first_row = 0;
  std::string payload;
};

class Rows {
 public:
  virtual ~Rows() = default;
  // `next` gives the chunks in ascending order, false at the end; they are written as they come.
  virtual Status Ingest(SegmentId segment, const std::function<Result<bool>(RowChunk*)>& next) = 0;
  virtual Status Scan(SegmentId segment, const std::function<Status(RowOffset first_row, std::string_view payload)>& visit) = 0;
  virtual Status Drop(SegmentId segment) = 0;  // idempotent
  // Every segment that has chunks: to find garbage at start.
  virtual Result<std::vector<SegmentId>> Segments() = 0;
};

}  // namespace saker::storage
