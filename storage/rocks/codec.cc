#include "storage/rocks/codec.h"

#include "common/checksum.h"

namespace saker::storage::rocks {
namespace {

constexpr uint8_t kTombstoneVersion = 1;
constexpr size_t kTombstoneKeyBytes = 24;
constexpr size_t kTombstoneValueBytes = 13;  // version, timestamp, the low half of XXH3
constexpr uint8_t kLogStateVersion = 1;
constexpr char kCheckpointMark = 0;
constexpr char kSegmentMark = 1;

}  // namespace

void PutBig32(std::string* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

void PutBig64(std::string* out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

uint32_t GetBig32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

uint64_t GetBig64(std::string_view bytes) {
  return static_cast<uint64_t>(GetBig32(bytes)) << 32 | GetBig32(bytes.substr(4));
}

std::string ShardPrefix(ShardId shard) {
  std::string key;
  key.reserve(24);
  PutBig64(&key, static_cast<uint64_t>(shard.collection.value));
  PutBig32(&key, static_cast<uint32_t>(shard.shard));
  return key;
}

std::string LogKey(ShardId shard, SequenceNumber sequence) {
  std::string key = ShardPrefix(shard);
  PutBig64(&key, sequence);
  return key;
}

std::string TombstonePrefix(ShardId shard, SegmentId segment) {
  std::string key = ShardPrefix(shard);
  PutBig64(&key, static_cast<uint64_t>(segment.value));
  return key;
}

std::string TombstoneKey(ShardId shard, const Tombstone& dead) {
  std::string key = TombstonePrefix(shard, dead.segment);
  PutBig32(&key, dead.row);
  return key;
}

std::string CheckpointKey(ShardId shard) {
  return ShardPrefix(shard) + kCheckpointMark;
}

std::string SegmentManifestPrefix(ShardId shard) {
  return ShardPrefix(shard) + kSegmentMark;
}

std::string SegmentManifestKey(ShardId shard, SegmentId segment) {
  std::string key = SegmentManifestPrefix(shard);
  PutBig64(&key, static_cast<uint64_t>(segment.value));
  return key;
}

std::string RowsPrefix(SegmentId segment) {
  std::string key;
  PutBig64(&key, static_cast<uint64_t>(segment.value));
  return key;
}

std::string RowsKey(SegmentId segment, RowOffset first_row) {
  std::string key = RowsPrefix(segment);
  PutBig32(&key, first_row);
  return key;
}

std::string CatalogKey(CatalogKind kind, std::string_view key) {
  std::string out(1, static_cast<char>(kind));
  out.append(key);
  return out;
}

std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<uint8_t>(prefix.back()) + 1);
  return prefix;
}

std::array<char, kFrameHeaderBytes> FrameHeader(std::string_view key, std::string_view payload) {
  std::string header(1, static_cast<char>(kFrameVersion));
  PutBig64(&header, payload.size());
  PutBig64(&header, Checksum(payload, Checksum(key)));
  std::array<char, kFrameHeaderBytes> out;
  header.copy(out.data(), out.size());
  return out;
}

std::string Frame(std::string_view key, std::string_view payload) {
  const auto header = FrameHeader(key, payload);
  std::string out;
  out.reserve(header.size() + payload.size());
  out.append(header.data(), header.size());
  out.append(payload);
  return out;
}

Result<std::string_view> Unframe(std::string_view what, std::string_view key, std::string_view value) {
  if (value.size() < kFrameHeaderBytes) {
    return Corruption(what, ": ", value.size(), " bytes, less than the header's ", kFrameHeaderBytes);
  }
  const auto version = static_cast<uint8_t>(value[0]);
  if (version != kFrameVersion) return Corruption(what, ": format ", int{version}, ", this build reads ", int{kFrameVersion});
  const std::string_view payload = value.substr(kFrameHeaderBytes);
  const uint64_t length = GetBig64(value.substr(1));
  if (length != payload.size()) return Corruption(what, ": holds ", payload.size(), " bytes, its header says ", length);
  const uint64_t expected = GetBig64(value.substr(9));
  const uint64_t actual = Checksum(payload, Checksum(key));
  if (expected != actual) return Corruption(what, ": checksum ", actual, ", its header says ", expected);
  return payload;
}

std::string EncodeTombstoneValue(std::string_view key, Timestamp timestamp) {
  std::string value(1, static_cast<char>(kTombstoneVersion));
  PutBig64(&value, timestamp);
  PutBig32(&value, static_cast<uint32_t>(Checksum(value, Checksum(key))));
  return value;
}

Result<Tombstone> DecodeTombstone(std::string_view key, std::string_view value) {
  if (key.size() != kTombstoneKeyBytes || value.size() != kTombstoneValueBytes) {
    return Corruption("a tombstone of ", key.size(), " + ", value.size(), " bytes, expected ", kTombstoneKeyBytes, " + ",
                      kTombstoneValueBytes);
  }
  Tombstone dead{SegmentId(static_cast<int64_t>(GetBig64(key.substr(12)))), GetBig32(key.substr(20)), GetBig64(value.substr(1))};
  const auto checksum = static_cast<uint32_t>(Checksum(value.substr(0, 9), Checksum(key)));
  if (static_cast<uint8_t>(value[0]) != kTombstoneVersion || GetBig32(value.substr(9)) != checksum) {
    return Corruption("the tombstone of row ", dead.row, " of segment ", dead.segment, ": version ", int{static_cast<uint8_t>(value[0])},
                      ", checksum ", checksum, ", it says ", GetBig32(value.substr(9)));
  }
  return dead;
}

std::string EncodeLogState(SequenceNumber trimmed_through) {
  std::string out(1, static_cast<char>(kLogStateVersion));
  PutBig64(&out, trimmed_through);
  return out;
}

Result<SequenceNumber> DecodeLogState(std::string_view payload) {
  if (payload.size() != 9 || static_cast<uint8_t>(payload[0]) != kLogStateVersion) {
    return Corruption("a log's state of ", payload.size(), " bytes, expected 9 of version ", int{kLogStateVersion});
  }
  return GetBig64(payload.substr(1));
}

}  // namespace saker::storage::rocks
