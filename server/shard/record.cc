#include "server/shard/record.h"

#include <cstring>

#include "common/check.h"

namespace saker::shard {

namespace {

constexpr uint8_t kVersion = 1;

struct Header {
  uint8_t version;
  uint8_t kind;
  uint16_t reserved;
  uint32_t first_row;
  uint64_t timestamp;
  int64_t partition;
  int64_t segment;
};
static_assert(sizeof(Header) == kRecordHeaderBytes);

}  // namespace

std::string EncodeRecordBody(const RowBatch& rows) {
  std::string payload(kRecordHeaderBytes, '\0');
  if (rows.row_count > 0) rows.EncodeTo(&payload);
  return payload;
}

void PutRecordHeader(const RecordHeader& header, std::string* payload) {
  CHECK(payload->size() >= kRecordHeaderBytes);
  const Header raw{
      kVersion, static_cast<uint8_t>(header.kind), 0, header.first_row, header.timestamp, header.partition.value, header.segment.value};
  std::memcpy(payload->data(), &raw, sizeof(raw));
}

Result<Record> DecodeRecord(std::string_view payload) {
  Header raw;
  if (payload.size() < sizeof(raw))
    return Corruption("a log record of ", payload.size(), " bytes is shorter than its header of ", sizeof(raw));
  std::memcpy(&raw, payload.data(), sizeof(raw));
  if (raw.version != kVersion) return Corruption("log record version ", int{raw.version}, " is not ", int{kVersion});
  if (raw.kind < 1 || raw.kind > 4 || raw.reserved != 0) return Corruption("log record of unknown kind ", int{raw.kind});
  Record record;
  record.header = {static_cast<RecordKind>(raw.kind), raw.timestamp, PartitionId(raw.partition), SegmentId(raw.segment), raw.first_row};
  payload.remove_prefix(sizeof(raw));
  if (payload.empty()) return record;
  if (record.header.kind > RecordKind::kUpsert)
    return Corruption("log record of kind ", int{raw.kind}, " carries ", payload.size(), " bytes of rows");
  record.rows = TRY(RowBatch::Decode(&payload));
  if (!payload.empty()) return Corruption("log record has ", payload.size(), " bytes after its rows");
  return record;
}

}  // namespace saker::shard
