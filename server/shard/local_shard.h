// The shard of one process: storage through the seams of storage/, segments in memory and in files.
//
// State changes happen under the writer lock: groups of writes, freezing, and the short last step of every background
// job (commit the manifest, swap the segment set). Long work (files, index builds) happens outside it. Lock order:
// seal, compact or load mutex, then writer mutex, then the small ones.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "server/segment/growing_segment.h"
#include "server/segment/sealed_segment.h"
#include "server/segment/search.h"
#include "server/segment/segment_files.h"
#include "server/shard/growing_keys.h"
#include "server/shard/lanes.h"
#include "server/shard/read_history.h"
#include "server/shard/record.h"
#include "server/shard/segment_set.h"
#include "server/shard/shard.h"
#include "server/shard/write_queue.h"

namespace saker::shard {

class LocalShard final : public Shard {
 public:
  LocalShard(ShardConfig config, Environment& environment);
  ~LocalShard() override;
  // Once, before anything else.
  Status Recover() EXCLUDES(writer_mutex_);

  Result<WriteResult> Write(WriteRequest request, const Context& context) override;
  Result<SearchResult> Search(const SearchRequest& request, const Context& context) override;
  Result<QueryResult> Query(const QueryRequest& request, const Context& context) override;
  Result<index::Bm25Statistics> CountTerms(const CountTermsRequest& request, const Context& context) override;
  Timestamp watermark() const override { return watermark_.load(std::memory_order_acquire); }
  Result<std::vector<SegmentId>> Flush(const Context& context) override;
  Status Compact(const Context& context, std::vector<std::pair<std::vector<SegmentId>, SegmentId>>* merges) override;
  Status Load(const std::function<void(double)>& progress) override;
  void Release() override;
  Status SetSchema(std::shared_ptr<const CollectionSchema> schema) override;
  Status SetIndexes(std::vector<IndexDefinition> indexes) override;
  Status DropPartition(PartitionId partition) override;
  std::vector<SegmentStatus> Segments() const override;
  uint64_t LiveRows(std::optional<PartitionId> partition) const override;
  IndexProgress GetIndexProgress(int64_t index_id) const override;
  Status Destroy() override;

 private:
  enum class Residence { kReleased, kLoading, kLoaded };
  enum Lane { kSealLane, kIndexLane, kGrowingLane, kCompactLane, kLanes };

  // A segment whose rows are in the log only.
  struct Unsealed {
    std::shared_ptr<segment::GrowingSegment> segment;
    SequenceNumber first_sequence = 0;  // 0: no record yet
    SequenceNumber last_sequence = 0;
    uint64_t log_bytes_before = 0;  // of the shard's log when the first record came
    uint64_t used_bytes = 0;
    uint64_t reserved_bytes = 0;
    std::vector<MemoryBudget::Reservation> reservations;
    bool frozen = false;
  };
  struct Sealed {
    std::shared_ptr<segment::SealedSegment> segment;
    SequenceNumber last_sequence = 0;  // of its inserts in the log, 0: before the checkpoint
    bool keys_erased = true;           // no entry of growing_keys_ names it any more
  };
  // What replaying the log learns beside the segments.
  struct Replay {
    Timestamp newest = 0;
    // Segments whose first rows the checkpoint has passed: their partition was dropped later on, as the log must tell.
    std::map<SegmentId, PartitionId> cut;
  };
  // What one write of a group did in memory, enough to undo it.
  struct StagedWrite {
    PendingWrite* write = nullptr;
    RecordHeader header;
    Unsealed* target = nullptr;
    std::vector<storage::Tombstone> tombstones;
    std::vector<std::optional<Place>> replaced;  // per row: where growing_keys_ had the key before
    int64_t deleted = 0;
    uint64_t memory_bytes = 0;
  };
  struct SealedKeys {
    segment::SealedSegment* segment;
    std::shared_ptr<const segment::KeyIndex> keys;
  };
  // A read's view: the timestamp and the segments of the asked partitions with their pieces.
  struct View {
    Timestamp timestamp = 0;
    struct Part {
      std::shared_ptr<segment::Segment> segment;
      std::shared_ptr<const segment::Pieces> pieces;
    };
    std::vector<Part> parts;
    std::shared_ptr<const CollectionSchema> schema;
  };
  // An index and its entry of the ledger.
  struct Built {
    std::shared_ptr<const index::Index> index;
    std::shared_ptr<const void> reservation;
  };
  struct CompactionPlan {
    PartitionId partition;
    std::vector<std::shared_ptr<segment::SealedSegment>> sources;
  };

  // write.cc
  void RunGroup(const std::vector<PendingWrite*>& group) EXCLUDES(writer_mutex_);
  Status Stage(PendingWrite* write, StagedWrite* staged) REQUIRES(writer_mutex_);
  void StageDeletes(const PrimaryKeys& keys, const std::optional<PartitionId>& only_in, StagedWrite* staged) REQUIRES(writer_mutex_);
  void StageRows(std::shared_ptr<const RowBatch> rows, StagedWrite* staged) REQUIRES(writer_mutex_);
  void Undo(StagedWrite* staged) REQUIRES(writer_mutex_);
  Status AppendGroup(std::vector<StagedWrite>* staged) REQUIRES(writer_mutex_);
  void PublishGroup(std::vector<StagedWrite>* staged) REQUIRES(writer_mutex_);
  Result<Unsealed*> TargetFor(PartitionId partition, uint64_t bytes) REQUIRES(writer_mutex_);
  std::vector<SealedKeys> SealedThatMayHold(const segment::KeyRef& least, const segment::KeyRef& greatest) REQUIRES(writer_mutex_);
  std::optional<Place> FindLive(const segment::KeyRef& key, const std::vector<SealedKeys>& sealed) REQUIRES(writer_mutex_);
  segment::Segment* FindSegment(SegmentId id) REQUIRES(writer_mutex_);
  void FreezeFull() REQUIRES(writer_mutex_);
  void FreezeForMemory() REQUIRES(writer_mutex_);
  void ReportRows() REQUIRES(writer_mutex_);
  void PublishSet(Timestamp history_from = 0) REQUIRES(writer_mutex_);
  void BecomeReadOnly(const Status& why) REQUIRES(writer_mutex_);

  // open.cc
  Status OpenSealedSegments(const std::vector<storage::SegmentManifest>& manifests) REQUIRES(writer_mutex_);
  Result<Sealed> OpenSealed(const storage::SegmentManifest& manifest, bool load);
  Status RemoveGarbage(const std::vector<storage::SegmentManifest>& manifests);
  Status ReplayRecord(SequenceNumber sequence, std::string_view payload, Replay* replay) REQUIRES(writer_mutex_);
  Status RestoreTombstones(SegmentId id, size_t row_count, segment::Deletions* deletions);
  Status ForgetPartition(PartitionId partition, Timestamp dropped) REQUIRES(writer_mutex_);

  // read.cc, groups.cc, query.cc, fetch.cc
  Result<View> TakeView(const ReadScope& scope);
  Status FindHits(const View& view, const segment::VectorQuery& query, const ReadScope& scope, const Context& context,
                  std::vector<std::vector<segment::Hit>>* hits);
  Status FindGroups(const View& view, const segment::VectorQuery& query, const SearchRequest& request, const Context& context,
                    std::vector<std::vector<segment::Hit>>* hits);

  // seal.cc
  Status SealFrozen(std::vector<SegmentId>* sealed, const Context& context) EXCLUDES(writer_mutex_);
  Status SealOne(std::shared_ptr<segment::GrowingSegment> growing) REQUIRES(seal_mutex_);
  void EraseGrowingKeys(const segment::Segment& segment, const segment::Pieces& pieces) EXCLUDES(writer_mutex_);
  SequenceNumber SafeCheckpoint(SegmentId without) REQUIRES(writer_mutex_);

  // index_build.cc
  bool NeedsIndex(const storage::SegmentManifest& manifest, const IndexDefinition& definition) const;
  bool NextBuild(std::shared_ptr<segment::SealedSegment>* next, IndexDefinition* definition) EXCLUDES(index_mutex_);
  Status BuildIndexes() EXCLUDES(writer_mutex_);
  Status BuildOne(const std::shared_ptr<segment::SealedSegment>& segment, const IndexDefinition& definition) EXCLUDES(writer_mutex_);
  // The last step of a build: `put` names the file in a manifest and gives back the one that it replaces, `publish` runs once that is
  // durable. Removes the file when nobody wants it any more.
  Status CommitIndex(segment::SealedSegment* segment, const IndexDefinition& definition, const storage::FileRef& file,
                     const std::function<std::string(storage::SegmentManifest*)>& put, const std::function<void()>& publish)
      EXCLUDES(writer_mutex_);
  Result<std::unique_ptr<index::Index>> BuildIdle(const index::IndexSpec& spec, const std::shared_ptr<const index::VectorSource>& source,
                                                  index::BuildOptions options);
  Result<storage::IndexRef> WriteIndex(const storage::SegmentManifest& manifest, const IndexDefinition& definition,
                                       std::shared_ptr<const index::VectorSource> source, index::CheckpointStore* checkpoints,
                                       Built* built);
  Result<std::shared_ptr<const void>> ReserveForBuild(const index::IndexSpec& spec, const index::VectorSource& source, uint64_t bytes,
                                                      uint64_t spare);
  // What searches of the view found damaged is built again from the vectors.
  void MendDamaged(const View& view) EXCLUDES(index_mutex_);
  void RebuildDamaged(SegmentId segment, int64_t field_id, const std::string& what) EXCLUDES(index_mutex_);
  void OpenIndexes(const storage::SegmentManifest& manifest, segment::Piece* piece);
  Result<std::shared_ptr<const void>> ReserveMemory(const std::string& account, uint64_t bytes, const std::string& what);
  bool VectorsStayOnDisk(const storage::SegmentManifest& manifest) const;
  // The right to hold a segment's vectors in memory; null when the budget refuses or nothing needs them there: they are then
  // searched where they are mapped.
  std::shared_ptr<const void> ReserveVectors(const storage::SegmentManifest& manifest);

  // token_index_build.cc
  // The indexes that were asked for, and those that text_match and phrase_match want of the schema's fields.
  static std::vector<IndexDefinition> WithTokenIndexes(const std::vector<IndexDefinition>& asked, const CollectionSchema& schema);
  bool WantsTokenIndex(const segment::GrowingSegment& segment) const;
  Result<std::shared_ptr<const scalar_index::ScalarIndex>> BuildTokenIndex(const segment::Piece& piece, const IndexDefinition& definition);
  void AddTokenIndexes(segment::Piece* piece);
  Status BuildTokenIndexes() EXCLUDES(writer_mutex_);
  void IndexSealedTexts(storage::SegmentManifest* manifest, segment::Piece* piece);

  // growing_index.cc
  bool WantsGrowingIndex(const segment::GrowingSegment& segment) const;
  Status IndexGrowing() EXCLUDES(writer_mutex_);
  Result<bool> IndexPieces(segment::GrowingSegment& segment) EXCLUDES(writer_mutex_);
  Result<Built> BuildInterim(const segment::Piece& piece, const IndexDefinition& definition);
  bool StillWanted(const IndexDefinition& definition) const REQUIRES(writer_mutex_);
  Status IndexPiece(segment::GrowingSegment& segment, const std::shared_ptr<const segment::Piece>& piece, const IndexDefinition& definition)
      EXCLUDES(writer_mutex_);
  Status MergeRun(segment::GrowingSegment& segment, std::span<const std::shared_ptr<const segment::Piece>> run) EXCLUDES(writer_mutex_);

  // scalar_index_build.cc
  using ScalarIndexPtr = std::shared_ptr<const scalar_index::ScalarIndex>;
  Status BuildScalar(const std::shared_ptr<segment::SealedSegment>& segment, const IndexDefinition& definition) EXCLUDES(writer_mutex_);
  Result<storage::ScalarIndexRef> WriteScalarIndex(const storage::SegmentManifest& manifest, const IndexDefinition& definition,
                                                   const Column& column);
  Result<ScalarIndexPtr> OpenScalarIndex(const storage::SegmentManifest& manifest, const IndexDefinition& definition,
                                         const storage::ScalarIndexRef& ref);
  void IndexColumn(const IndexDefinition& definition, storage::SegmentManifest* manifest, segment::Piece* piece);
  // False when the file is there and cannot be used: then it is built again.
  bool OpenScalarIndexOf(const storage::SegmentManifest& manifest, const IndexDefinition& definition, segment::Piece* piece);

  // compact.cc
  enum class CompactionReason { kBackground, kAsked };
  using Merges = std::vector<std::pair<std::vector<SegmentId>, SegmentId>>;
  Status CompactAll(const Context& context, CompactionReason reason, Merges* merges) EXCLUDES(writer_mutex_, compact_mutex_);
  std::vector<CompactionPlan> PlanCompactions(CompactionReason reason) EXCLUDES(writer_mutex_);
  Result<SegmentId> CompactOne(const CompactionPlan& plan) REQUIRES(compact_mutex_);
  // False when a source is no longer there (its partition was dropped): then nothing was changed.
  Result<bool> CompactInto(SegmentId id, const CompactionPlan& plan, RowOffset* rows) REQUIRES(compact_mutex_);
  Status IndexCompacted(storage::SegmentManifest* manifest, segment::Piece* piece);
  Result<bool> SwapCompacted(const CompactionPlan& plan, const std::vector<std::vector<RowOffset>>& places, Timestamp horizon,
                             storage::SegmentManifest* manifest, const std::shared_ptr<segment::Piece>& piece) EXCLUDES(writer_mutex_);
  Timestamp HistoryHorizon();

  // maintenance.cc
  void Schedule(Lane lane);
  void RunLane(Lane lane);
  Status RunLaneOnce(Lane lane);
  void StopLanes();
  bool stopping() const { return stop_context_.cancelled(); }

  // load.cc
  Result<std::shared_ptr<segment::Piece>> OpenLoaded(const storage::SegmentManifest& manifest);

  Environment& environment_;
  const ShardId id_;
  const int64_t primary_key_id_;
  Snapshot<CollectionSchema> schema_;
  Snapshot<SegmentSet> segments_;
  Snapshot<std::vector<IndexDefinition>> indexes_;
  std::atomic<Timestamp> watermark_{0};
  std::atomic<Residence> residence_;
  ReadHistory read_history_;
  Context stop_context_;  // cancelled when the shard goes

  Mutex seal_mutex_;
  Mutex compact_mutex_;
  Mutex load_mutex_;
  Mutex writer_mutex_;
  std::map<SegmentId, Unsealed> unsealed_ GUARDED_BY(writer_mutex_);
  std::map<SegmentId, Sealed> sealed_ GUARDED_BY(writer_mutex_);
  std::map<PartitionId, SegmentId> current_ GUARDED_BY(writer_mutex_);  // the segment that takes rows
  GrowingKeys growing_keys_ GUARDED_BY(writer_mutex_);
  SequenceNumber last_sequence_ GUARDED_BY(writer_mutex_) = 0;
  SequenceNumber checkpoint_ GUARDED_BY(writer_mutex_) = 0;
  uint64_t log_bytes_ GUARDED_BY(writer_mutex_) = 0;  // appended so far, replayed ones included
  bool set_changed_ GUARDED_BY(writer_mutex_) = false;
  size_t reported_growing_ GUARDED_BY(writer_mutex_) = 0;  // what the process's gauges hold of this shard
  size_t reported_sealed_ GUARDED_BY(writer_mutex_) = 0;
  Status read_only_ GUARDED_BY(writer_mutex_);
  WriteQueue queue_;

  mutable Mutex index_mutex_;
  std::map<int64_t, std::string> index_errors_ GUARDED_BY(index_mutex_);            // by index id
  std::set<std::pair<SegmentId, int64_t>> failed_builds_ GUARDED_BY(index_mutex_);  // not tried again until a change
  std::set<std::pair<SegmentId, int64_t>> exact_only_ GUARDED_BY(index_mutex_);     // no such index: exact search serves
  std::set<std::pair<SegmentId, int64_t>> damaged_ GUARDED_BY(index_mutex_);        // on disk, but not to be believed
  int64_t building_ GUARDED_BY(index_mutex_) = 0;                                   // index id, 0: none

  std::atomic<int64_t> seal_again_ms_{0};  // steady clock: a seal that failed is not tried before
  Lanes lanes_{kLanes, [this](int lane) { RunLane(static_cast<Lane>(lane)); }};
};

}  // namespace saker::shard
