// Reads RocksDB's log files (the write-ahead log, the MANIFEST) before RocksDB does, more strictly than any of its
// recovery modes.
//
// RocksDB takes a record whose length points past the end of the file for a torn write and drops it, and skips a page of
// zeros without a word; both also happen to acknowledged records when a byte rots. A torn record has no checksum that
// fits: so for a bad length every shorter one is tried, and a fit means that a whole record is there. Zeros may stand at
// the end only. What is left, an end that was cut off cleanly, is what the witness is for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace saker::storage::rocks {

struct LogFileCheck {
  uint64_t records = 0;     // whole ones
  uint64_t torn_bytes = 0;  // behind the last whole record: a write that was never acknowledged
};

// DataLoss naming `path` and the offset when a record that was written whole is damaged.
Result<LogFileCheck> CheckLogFile(const std::string& path, std::string_view contents);

// All write-ahead logs and the current MANIFEST of a RocksDB directory; OK when there is no database yet.
Status CheckLogFiles(const std::string& database_directory);

uint32_t Crc32c(uint32_t crc, std::string_view bytes);

}  // namespace saker::storage::rocks
