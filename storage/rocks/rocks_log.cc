#include "storage/rocks/rocks_log.h"

#include <algorithm>

#include <rocksdb/convenience.h>

#include "common/kill_point.h"
#include "common/log.h"
#include "storage/rocks/codec.h"

namespace saker::storage::rocks {
namespace {

constexpr uint64_t kMaxBatchBytes = uint64_t{1} << 30;  // far below RocksDB's 4 GiB
constexpr uint64_t kMarkBytes = 256 << 10;
constexpr uint64_t kReclaimBytes = 16 << 20;
constexpr size_t kMaxReclaimable = 1024;
constexpr uint64_t kPerRecordBytes = 64;  // key, frame, RocksDB's own

rocksdb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

RocksLog::RocksLog(Database& database, DiskGuard& disk, DamagedLog damaged_log)
    : database_(database),
      disk_(disk),
      damaged_log_(damaged_log),
      log_bytes_(GetCounter("saker_storage_log_bytes_total", "bytes of records appended to the logs")) {}

void RocksLog::Sizes::Add(SequenceNumber sequence, uint64_t bytes) {
  appended += bytes;
  if (marks.empty() || appended - marks.back().second >= kMarkBytes) marks.emplace_back(sequence, appended);
}

uint64_t RocksLog::Sizes::TrimThrough(SequenceNumber sequence, SequenceNumber last) {
  const uint64_t before = trimmed;
  while (!marks.empty() && marks.front().first <= sequence) {
    trimmed = marks.front().second;
    marks.pop_front();
  }
  if (sequence >= last) {
    trimmed = appended;
    marks.clear();
  }
  return trimmed - before;
}

std::shared_ptr<RocksLog::Shard> RocksLog::Find(ShardId id) {
  MutexLock lock(mutex_);
  std::shared_ptr<Shard>& shard = shards_[id];
  if (shard == nullptr) shard = std::make_shared<Shard>();
  return shard;
}

Status RocksLog::Load(ShardId id, Shard* shard) {
  if (shard->loaded) return OkStatus();
  const std::string prefix = ShardPrefix(id);
  PrefixScan scan(database_, kLogFamily, prefix);
  const std::string what = internal::Join("log of shard ", id, " in ", database_.directory());
  if (scan.Valid() && scan.key() == LogKey(id, 0)) {
    const std::string_view state = TRY(Unframe(what, scan.key(), scan.value()));
    shard->trimmed = TRY(DecodeLogState(state));
  }
  TRY(scan.End(what));
  scan.SeekToLast();
  TRY(scan.End(what));
  shard->last = shard->trimmed;
  if (scan.Valid()) {
    if (scan.key().size() != prefix.size() + 8)
      return Corruption(what, ": a key of ", scan.key().size(), " bytes, expected ", prefix.size() + 8);
    shard->last = std::max(shard->last, GetBig64(scan.key().substr(prefix.size())));
  }
  const std::string from = LogKey(id, shard->trimmed + 1);
  const std::string to = AfterPrefix(prefix);
  const rocksdb::Range range(from, to);
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  uint64_t bytes = 0;
  if (shard->last > shard->trimmed) {
    TRY(FromRocks(database_.rocks()->GetApproximateSizes(options, database_.family(kLogFamily), &range, 1, &bytes), what));
    shard->sizes.Add(shard->last, std::max<uint64_t>(bytes, 1));
  }
  shard->loaded = true;
  return OkStatus();
}

Result<SequenceNumber> RocksLog::Append(ShardId id, std::span<const LogAppend> records) {
  if (records.empty()) return InvalidArgument("an append of no records to the log of shard ", id);
  uint64_t bytes = 0;
  for (const LogAppend& record : records) bytes += record.payload.size() + kPerRecordBytes * (1 + record.tombstones.size());
  if (bytes > kMaxBatchBytes)
    return InvalidArgument("a batch of ", bytes, " bytes for the log of shard ", id, ", at most ", kMaxBatchBytes);

  const std::shared_ptr<Shard> shard = Find(id);
  MutexLock lock(shard->mutex);
  TRY(Load(id, shard.get()));
  TRY(database_.Health());
  TRY(disk_.Admit(bytes));
  rocksdb::WriteBatch batch(bytes);
  SequenceNumber sequence = shard->last;
  for (const LogAppend& record : records) {
    const std::string key = LogKey(id, ++sequence);
    const auto header = FrameHeader(key, record.payload);
    const rocksdb::Slice key_part(key);
    const rocksdb::Slice value_parts[2] = {{header.data(), header.size()}, ToSlice(record.payload)};
    TRY(FromRocks(batch.Put(database_.family(kLogFamily), {&key_part, 1}, {value_parts, 2}), "log record"));
    for (const Tombstone& dead : record.tombstones) {
      const std::string dead_key = TombstoneKey(id, dead);
      TRY(FromRocks(batch.Put(database_.family(kTombstonesFamily), dead_key, EncodeTombstoneValue(dead_key, dead.timestamp)), "tombstone"));
    }
  }
  SAKER_KILL_POINT("log.before_write");
  TRY(database_.Write(&batch, internal::Join("append to the log of shard ", id)));
  SAKER_KILL_POINT("log.after_write");
  const SequenceNumber first = shard->last + 1;
  shard->last = sequence;
  shard->sizes.Add(sequence, bytes);
  log_bytes_.Add(static_cast<double>(bytes));
  return first;
}

Status RocksLog::Replay(ShardId id, SequenceNumber after, const std::function<Status(SequenceNumber, std::string_view)>& apply) {
  SequenceNumber last = 0;
  {
    const std::shared_ptr<Shard> shard = Find(id);
    MutexLock lock(shard->mutex);
    TRY(Load(id, shard.get()));
    last = shard->last;
    if (after < shard->trimmed) {
      return Corruption("replay of shard ", id, " in ", database_.directory(), " asks for records after ", after,
                        ", they are trimmed through ", shard->trimmed);
    }
  }
  if (after >= last) return OkStatus();
  const std::string prefix = ShardPrefix(id);
  PrefixScan scan(database_, kLogFamily, prefix, LogKey(id, after + 1));
  for (SequenceNumber expected = after + 1; expected <= last; ++expected, scan.Next()) {
    const std::string what = internal::Join("record ", expected, " of the log of shard ", id, " in ", database_.directory());
    Result<std::string_view> payload = std::string_view();
    if (!scan.Valid()) {
      const Status end = scan.End(what);
      payload = end.ok() ? Corruption(what, " is missing; the log should reach ", last) : end;
    } else if (scan.key() != LogKey(id, expected)) {
      payload = Corruption(what, " is missing; the next one there is ", scan.key().size() == 20 ? GetBig64(scan.key().substr(12)) : 0);
    } else {
      payload = Unframe(what, scan.key(), scan.value());
    }
    if (!payload.ok()) {
      if (damaged_log_ == DamagedLog::kKeepPrefix) return DropDamagedTail(id, expected, last, payload.status());
      return payload.status();
    }
    TRY(apply(expected, *payload));
  }
  return OkStatus();
}

// The operator accepted the loss: what stands before the damage is kept, the log goes on after it.
Status RocksLog::DropDamagedTail(ShardId id, SequenceNumber from, SequenceNumber last, const Status& why) {
  const std::shared_ptr<Shard> shard = Find(id);
  MutexLock lock(shard->mutex);
  rocksdb::WriteBatch batch;
  TRY(DeleteRange(&batch, database_.family(kLogFamily), LogKey(id, from), AfterPrefix(ShardPrefix(id))));
  TRY(database_.Write(&batch, internal::Join("drop the damaged end of the log of shard ", id)));
  shard->last = from - 1;
  saker::Log(kError, "log loss accepted",
             {{"shard", id}, {"records_dropped", last - from + 1}, {"first", from}, {"reason", why.message()}});
  return OkStatus();
}

Result<SequenceNumber> RocksLog::LastSequence(ShardId id) {
  const std::shared_ptr<Shard> shard = Find(id);
  MutexLock lock(shard->mutex);
  TRY(Load(id, shard.get()));
  return shard->last;
}

Status RocksLog::Trim(ShardId id, SequenceNumber through) {
  const std::shared_ptr<Shard> shard = Find(id);
  std::string from, to = LogKey(id, through + 1);
  uint64_t bytes = 0;
  {
    MutexLock lock(shard->mutex);
    TRY(Load(id, shard.get()));
    if (through > shard->last) {
      return FailedPrecondition("trim of the log of shard ", id, " through ", through, ", its last record is ", shard->last);
    }
    if (through <= shard->trimmed) return OkStatus();
    TRY(disk_.AdmitSmall(kPerRecordBytes));
    from = LogKey(id, shard->trimmed + 1);
    const std::string state_key = LogKey(id, 0);
    rocksdb::WriteBatch batch;
    TRY(DeleteRange(&batch, database_.family(kLogFamily), from, to));
    TRY(FromRocks(batch.Put(database_.family(kLogFamily), state_key, Frame(state_key, EncodeLogState(through))), "log state"));
    SAKER_KILL_POINT("log.before_trim");
    TRY(database_.Write(&batch, internal::Join("trim the log of shard ", id)));
    SAKER_KILL_POINT("log.after_trim");
    shard->trimmed = through;
    bytes = shard->sizes.TrimThrough(through, shard->last);
  }
  NoteReclaimable({std::move(from), std::move(to), bytes});
  return OkStatus();
}

uint64_t RocksLog::SizeBytes(ShardId id) {
  const std::shared_ptr<Shard> shard = Find(id);
  MutexLock lock(shard->mutex);
  if (!Load(id, shard.get()).ok()) return 0;
  return shard->sizes.appended - shard->sizes.trimmed;
}

Status RocksLog::ScanTombstones(ShardId id, SegmentId segment, const std::function<void(const Tombstone&)>& visit) {
  const std::string prefix = TombstonePrefix(id, segment);
  PrefixScan scan(database_, kTombstonesFamily, prefix);
  for (; scan.Valid(); scan.Next()) visit(TRY(DecodeTombstone(scan.key(), scan.value())));
  return scan.End(internal::Join("tombstones of segment ", segment, " in ", database_.directory()));
}

Status RocksLog::Drop(ShardId id) {
  const std::shared_ptr<Shard> shard = Find(id);
  const std::string prefix = ShardPrefix(id);
  const std::string end = AfterPrefix(prefix);
  uint64_t bytes = 0;
  {
    MutexLock lock(shard->mutex);
    rocksdb::WriteBatch batch;
    TRY(disk_.AdmitSmall(kPerRecordBytes));
    TRY(DeleteRange(&batch, database_.family(kLogFamily), prefix, end));
    TRY(DeleteRange(&batch, database_.family(kTombstonesFamily), prefix, end));
    SAKER_KILL_POINT("log.before_drop");
    TRY(database_.Write(&batch, internal::Join("drop the log of shard ", id)));
    SAKER_KILL_POINT("log.after_drop");
    bytes = shard->sizes.appended - shard->sizes.trimmed;
    shard->last = shard->trimmed = 0;
    shard->sizes = Sizes();
    shard->loaded = true;
  }
  NoteReclaimable({prefix, end, bytes});
  return OkStatus();
}

void RocksLog::NoteReclaimable(Reclaimable range) {
  MutexLock lock(mutex_);
  reclaimable_bytes_ += range.bytes;
  // Trims of one shard follow one another: one range.
  for (Reclaimable& known : reclaimable_) {
    if (known.to != range.from && known.from != range.from) continue;
    known.to = std::max(known.to, range.to);
    known.bytes += range.bytes;
    return;
  }
  if (reclaimable_.size() < kMaxReclaimable) reclaimable_.push_back(std::move(range));
}

bool RocksLog::ReclaimWanted() {
  const bool tight = !disk_.Check().ok();
  MutexLock lock(mutex_);
  return reclaimable_bytes_ >= (tight ? 1 : kReclaimBytes);
}

uint64_t RocksLog::LiveBytes() {
  std::vector<std::shared_ptr<Shard>> shards;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, shard] : shards_) shards.push_back(shard);
  }
  uint64_t bytes = 0;
  for (const std::shared_ptr<Shard>& shard : shards) {
    MutexLock lock(shard->mutex);
    bytes += shard->sizes.appended - shard->sizes.trimmed;
  }
  return bytes;
}

void RocksLog::Reclaim(std::atomic<bool>* cancel) {
  std::vector<Reclaimable> ranges;
  {
    MutexLock lock(mutex_);
    ranges.swap(reclaimable_);
    reclaimable_bytes_ = 0;
  }
  if (ranges.empty()) return;
  rocksdb::DB* db = database_.rocks();
  rocksdb::ColumnFamilyHandle* family = database_.family(kLogFamily);
  // A memtable that holds mostly deleted records flushes to little, and lets go of its memory and of the write-ahead log.
  std::vector<rocksdb::ColumnFamilyHandle*> all;
  for (size_t i = 0; i < kFamilyCount; ++i) all.push_back(database_.family(static_cast<Family>(i)));
  rocksdb::FlushOptions flush;
  flush.allow_write_stall = true;
  db->Flush(flush, all).PermitUncheckedError();  // an error reaches the listener
  std::vector<rocksdb::Slice> bounds;
  std::vector<rocksdb::RangePtr> whole;
  bounds.reserve(2 * ranges.size());
  for (const Reclaimable& range : ranges) {
    bounds.emplace_back(range.from);
    bounds.emplace_back(range.to);
    whole.emplace_back(&bounds[bounds.size() - 2], &bounds[bounds.size() - 1]);
  }
  rocksdb::DeleteFilesInRanges(db, family, whole.data(), whole.size(), /*include_end=*/false).PermitUncheckedError();
  // Level 0 is not touched by that: merge it, if what is still alive in there fits beside it.
  for (Reclaimable& range : ranges) {
    if (*cancel) return;
    const uint64_t live_bytes = LiveBytes();
    if (!disk_.HasRoom(live_bytes)) {
      saker::Log(kWarning, "log compaction waits for disk space", {{"live_bytes", live_bytes}});
      NoteReclaimable(std::move(range));
      continue;
    }
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.canceled = cancel;
    const rocksdb::Slice from(range.from), to(range.to);
    db->CompactRange(options, family, &from, &to).PermitUncheckedError();
  }
}

}  // namespace saker::storage::rocks
