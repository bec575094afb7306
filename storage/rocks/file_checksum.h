// XXH3 as RocksDB's checksum of whole table files. RocksDB's own is CRC-32C, which Debian builds without the instruction
// for it: a tenth of the processor time of a large append.
#pragma once

#include <memory>

#include <rocksdb/file_checksum.h>

namespace saker::storage::rocks {

std::shared_ptr<rocksdb::FileChecksumGenFactory> NewXxh3FileChecksums();

}  // namespace saker::storage::rocks
