// Opens everything durable below one data directory.
//
// Layout: DIR/LOCK (one server at a time), DIR/VERSION, DIR/witness, DIR/reserve, DIR/db (RocksDB), DIR/segments (blobs).
#pragma once

#include <memory>
#include <string>

#include "common/file.h"
#include "common/memory_budget.h"
#include "common/result.h"
#include "storage/blob_store.h"
#include "storage/catalog.h"
#include "storage/log.h"
#include "storage/manifest.h"
#include "storage/rows.h"

namespace saker::storage {

struct StorageOptions {
  std::string directory;
  uint64_t block_cache_bytes = 32 << 20;
  uint64_t write_buffer_bytes = 64 << 20;  // all memtables together
  uint64_t reserve_bytes = 0;              // kept as a file for the full disk; 0: max(1 GiB, 2 %), at most a tenth of what is free
  bool accept_log_loss = false;            // open a damaged log and print how many records were dropped
};

// Closing: destroy. The seams live as long as the Storage.
class Storage {
 public:
  virtual ~Storage() = default;
  virtual Log& log() = 0;
  virtual Catalog& catalog() = 0;
  virtual Manifests& manifests() = 0;
  virtual Rows& rows() = 0;
  virtual BlobStore& blobs() = 0;
  // OK, or why writes are refused right now: the disk is too full, or a background error made the store read-only.
  virtual Status WritesAllowed() = 0;
  virtual uint64_t MemoryBytes() = 0;  // block cache, memtables, table readers
  virtual Status Close() = 0;          // syncs and stops background work; idempotent
};

// FailedPrecondition "another server (pid N) uses DIR" when locked; DataLoss with file and numbers when damaged.
Result<std::unique_ptr<Storage>> OpenStorage(const StorageOptions& options);

}  // namespace saker::storage
