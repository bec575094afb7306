// One record of a shard's log. Layout: FORMAT.md.
#pragma once

#include <string>
#include <string_view>

#include "common/ids.h"
#include "common/result.h"
#include "server/schema/column.h"

namespace saker::shard {

enum class RecordKind : uint8_t { kInsert = 1, kUpsert = 2, kDelete = 3, kDropPartition = 4 };

struct RecordHeader {
  RecordKind kind = RecordKind::kInsert;
  Timestamp timestamp = 0;
  PartitionId partition{-1};
  SegmentId segment;
  RowOffset first_row = 0;
};

struct Record {
  RecordHeader header;
  RowBatch rows;
};

inline constexpr size_t kRecordHeaderBytes = 32;

// Room for a header, then the rows: the part of a record that needs no writer.
std::string EncodeRecordBody(const RowBatch& rows);
// Fills in the header of what EncodeRecordBody made.
void PutRecordHeader(const RecordHeader& header, std::string* payload);
Result<Record> DecodeRecord(std::string_view payload);

}  // namespace saker::shard
