// Keys and value frames of the RocksDB column families; knows no RocksDB header. Layout: storage/FORMAT.md.
//
// A frame says of which version and how long a value is and carries its checksum, seeded with the key, so that a value
// which turns up under another key is as wrong as one with a flipped bit.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "common/result.h"
#include "storage/catalog.h"
#include "storage/log.h"
#include "storage/manifest.h"

namespace saker::storage::rocks {

inline constexpr uint8_t kFrameVersion = 1;
inline constexpr size_t kFrameHeaderBytes = 17;  // version, length (big-endian 64), XXH3 (big-endian 64)

void PutBig32(std::string* out, uint32_t value);
void PutBig64(std::string* out, uint64_t value);
uint32_t GetBig32(std::string_view bytes);  // the first 4 bytes; the caller has checked that they are there
uint64_t GetBig64(std::string_view bytes);

std::string ShardPrefix(ShardId shard);                          // `log`, `tombstones`, `manifest`: 12 bytes
std::string LogKey(ShardId shard, SequenceNumber sequence);      // sequence 0: the shard's state, see EncodeLogState
std::string TombstonePrefix(ShardId shard, SegmentId segment);   // 20 bytes
std::string TombstoneKey(ShardId shard, const Tombstone& dead);  // and 4 of the row
std::string CheckpointKey(ShardId shard);                        // `manifest`
std::string SegmentManifestKey(ShardId shard, SegmentId segment);
std::string SegmentManifestPrefix(ShardId shard);
std::string RowsPrefix(SegmentId segment);
std::string RowsKey(SegmentId segment, RowOffset first_row);
std::string CatalogKey(CatalogKind kind, std::string_view key);
// The first key after all that begin with `prefix`.
std::string AfterPrefix(std::string prefix);

std::array<char, kFrameHeaderBytes> FrameHeader(std::string_view key, std::string_view payload);
std::string Frame(std::string_view key, std::string_view payload);
// The payload, a view into `value`; DataLoss naming `what` otherwise.
Result<std::string_view> Unframe(std::string_view what, std::string_view key, std::string_view value);

std::string EncodeTombstoneValue(std::string_view key, Timestamp timestamp);
Result<Tombstone> DecodeTombstone(std::string_view key, std::string_view value);

std::string EncodeLogState(SequenceNumber trimmed_through);
Result<SequenceNumber> DecodeLogState(std::string_view payload);

}  // namespace saker::storage::rocks
