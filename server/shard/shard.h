// One shard of a collection: its ordered log, its segments, what runs over them in the background.
//
// Writes go through one writer thread: it stamps a timestamp, appends to the log (one fsync for all that wait), makes the
// rows visible, and only then answers. Reads take one immutable snapshot and never block writes. Sealing, index builds and
// compaction run on the background pool, each step durable and with a named kill point (docs/kill-points.md).
// Thread-safe. Destroying a shard stops its work; nothing acknowledged is lost, whatever the moment.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/context.h"
#include "common/memory_budget.h"
#include "common/result.h"
#include "common/worker_pool.h"
#include "server/schema/schema.h"
#include "server/shard/request.h"
#include "storage/storage.h"

namespace saker::shard {

// Hands out timestamps in order, never going back across restarts. Thread-safe.
class TimestampSource {
 public:
  virtual ~TimestampSource() = default;
  virtual Result<Timestamp> Next() = 0;
};

// Hands out numbers that were never used before. Thread-safe.
class IdSource {
 public:
  virtual ~IdSource() = default;
  virtual Result<int64_t> Next() = 0;
};

// What every shard of the process shares; outlives them all.
struct Environment {
  storage::Storage& storage;
  WorkerPool& search_pool;
  WorkerPool& background_pool;  // seals and other short jobs
  WorkerPool& build_pool;       // one thread: index builds and compactions, one at a time
  MemoryBudget& memory;
  TimestampSource& timestamps;
  IdSource& ids;
  // Sealing begins when a growing segment holds this many bytes, or its log part does.
  uint64_t seal_bytes = 128ull << 20;
  // Compaction merges sealed segments up to this size and rewrites those with this share of dead rows.
  uint64_t segment_bytes = 512ull << 20;
  double compact_dead_share = 0.2;
  size_t write_queue_limit = 1024;  // requests waiting for the writer
  int build_threads = 1;            // of one index build
};

struct ShardConfig {
  ShardId id;
  std::shared_ptr<const CollectionSchema> schema;
  std::vector<IndexDefinition> indexes;
  bool loaded = false;
};

class Shard {
 public:
  // Reads the manifests, replays the log after the checkpoint, removes garbage of interrupted jobs.
  static Result<std::unique_ptr<Shard>> Open(ShardConfig config, Environment& environment);
  virtual ~Shard() = default;

  // Durable and visible when it returns. ResourceExhausted when the writer's queue is full or the disk is.
  virtual Result<WriteResult> Write(WriteRequest request, const Context& context) = 0;

  virtual Result<SearchResult> Search(const SearchRequest& request, const Context& context) = 0;
  virtual Result<QueryResult> Query(const QueryRequest& request, const Context& context) = 0;
  virtual Result<index::Bm25Statistics> CountTerms(const CountTermsRequest& request, const Context& context) = 0;
  // The newest timestamp whose writes are all visible.
  virtual Timestamp watermark() const = 0;

  // Seals every growing segment and waits until manifests are durable; returns the ids of the segments it sealed.
  virtual Result<std::vector<SegmentId>> Flush(const Context& context) = 0;
  virtual Status Compact(const Context& context, std::vector<std::pair<std::vector<SegmentId>, SegmentId>>* merges) = 0;

  // Brings columns and indexes of sealed segments into memory, or lets them go; writes work in both states.
  virtual Status Load(const std::function<void(double)>& progress) = 0;
  virtual void Release() = 0;

  // The schema grew by fields (old rows read as default or null), or indexes changed.
  virtual Status SetSchema(std::shared_ptr<const CollectionSchema> schema) = 0;
  virtual Status SetIndexes(std::vector<IndexDefinition> indexes) = 0;
  // Every row of the partition dies; durable when it returns.
  virtual Status DropPartition(PartitionId partition) = 0;

  virtual std::vector<SegmentStatus> Segments() const = 0;
  virtual uint64_t LiveRows(std::optional<PartitionId> partition) const = 0;
  // Rows of sealed segments that the index covers, and why a build failed, if one did.
  struct IndexProgress {
    uint64_t indexed_rows = 0;
    uint64_t total_rows = 0;
    bool building = false;
    std::string error;
  };
  virtual IndexProgress GetIndexProgress(int64_t index_id) const = 0;

  // Removes everything durable of the shard. The shard must not be used afterwards. Idempotent across crashes.
  virtual Status Destroy() = 0;
};

}  // namespace saker::shard
