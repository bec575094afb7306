// Reads RocksDB's log files (the write-ahead log, the MANIFEST) before RocksDB does, more strictly than any of its
// recovery modes.
//
// RocksDB takes a record whose length points past the end of the file for a torn write and drops it, and skips a page of
// zeros without a word; both also happen to acknowledged records when a byte rots. A torn record has no checksum that
// fits: so for a bad length every shorter one is tried, and a fit means that a whole record is there.
//
// After a power cut the file may be as long as it should be and yet lack some pages of its last write, which nobody was
// told of: there a file system shows zeros. RocksDB calls that damage and does not open. It is torn when it is the last
// record, when a sector of it is zeros, and when no change of a single byte makes it whole. What is left, an end that
// was cut off cleanly or a last sector that the disk lost, is what the witness is for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace saker::storage::rocks {

struct LogFileCheck {
  uint64_t fragments = 0;    // whole ones
  uint64_t sound_bytes = 0;  // the last whole record ends here
  uint64_t torn_bytes = 0;   // behind it: a write that was never acknowledged
  bool holes = false;        // the torn write lacks sectors: only the file that was written last may look so
};

// DataLoss naming `path` and the offset when a record that was written whole is damaged.
Result<LogFileCheck> CheckLogFile(const std::string& path, std::string_view contents);

// All write-ahead logs and the current MANIFEST of a RocksDB directory; OK when there is no database yet. Cuts a torn
// write off the end of the newest log and of the MANIFEST, so that RocksDB never has to judge it.
Status CheckLogFiles(const std::string& database_directory);

}  // namespace saker::storage::rocks
