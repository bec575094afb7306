// RocksDB's file system with one rule added: no byte is written that the disk has no room for. A flush, a compaction or
// a log write that meets a full disk waits for space (DiskGuard::WaitForRoom) instead of failing.
#pragma once

#include <memory>

#include <rocksdb/env.h>

#include "storage/rocks/disk_guard.h"

namespace saker::storage::rocks {

// `disk` must outlive it.
std::unique_ptr<rocksdb::Env> NewGuardedEnv(DiskGuard& disk);

}  // namespace saker::storage::rocks
