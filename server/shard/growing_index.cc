// Indexes for the larger pieces of growing segments: fresh rows are found nearly as fast as sealed ones.
//
// Built behind the writes, at low priority; until then, and for the few rows of the smaller pieces, an exact scan answers, with
// the same scores. Sparse fields get posting lists. Dense ones get a small graph, whatever index the field has, unless
// that is an exact one: its recall at a given width is that of HNSW over a few thousand rows or better. Graphs over many
// pieces cost a search each, so settled neighbours become one piece of up to kGraphPieceRows. Nothing of it is durable: the
// pieces merge, seal, and get theirs anew.
#include <algorithm>
#include <utility>

#include "index/footprint.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

// Fewer are scanned in a tenth of a millisecond, and would be indexed again with each merge.
constexpr size_t kPostingRows = 256;
// A dense piece of more rows than half of what writes merge up to is not merged by them any more, or by the last of them.
constexpr size_t kGraphRows = segment::kMergedPieceRows / 2 + 1;
constexpr size_t kGraphPieceRows = 65536;

// What the interim index of the field is; nothing when scans are what the user asked for, or the best there is.
std::optional<index::IndexSpec> InterimSpec(const IndexDefinition& definition, const CollectionSchema& schema, size_t rows) {
  const FieldSchema* field = schema.FindId(definition.field_id);
  if (field == nullptr || !IsVector(field->type) || field->type == DataType::kBinaryVector) return std::nullopt;
  const index::VectorType type = segment::VectorTypeOf(field->type);
  if (field->type != DataType::kSparseFloatVector && definition.spec.type == "FLAT") return std::nullopt;
  index::IndexSpec spec = definition.spec;
  if (field->type != DataType::kSparseFloatVector) {
    // A small piece needs no wide graph for the same recall, and is built in 32 us a row instead of 45 (dim 100).
    const bool large = rows > 2 * segment::kMergedPieceRows;
    spec.type = "HNSW";
    spec.params = {{"M", large ? "16" : "12"}, {"efConstruction", large ? "100" : "60"}};
  }
  Result<index::IndexSpec> checked = index::ValidateSpec(spec, type, static_cast<size_t>(std::max<int64_t>(field->dim, 0)));
  if (!checked.ok()) return std::nullopt;
  return std::move(*checked);
}

bool IsDense(const segment::Piece& piece, int64_t field_id) {
  const auto source = piece.vectors.find(field_id);
  return source != piece.vectors.end() && source->second->type() != index::VectorType::kSparse;
}

bool NeedsIt(const segment::Piece& piece, const IndexDefinition& definition) {
  if (!piece.vectors.contains(definition.field_id) || piece.indexes.contains(definition.field_id)) return false;
  return piece.row_count >= (IsDense(piece, definition.field_id) ? kGraphRows : kPostingRows);
}

// The first settled neighbours that are worth one graph together; empty when there are none.
std::span<const std::shared_ptr<const segment::Piece>> FindRun(const segment::Pieces& pieces) {
  for (size_t begin = 0; begin + 1 < pieces.size(); ++begin) {
    size_t end = begin, rows = 0;
    while (end + 1 < pieces.size() && pieces[end]->row_count >= kGraphRows && pieces[end]->row_count <= kGraphPieceRows / 4 &&
           rows + pieces[end]->row_count <= kGraphPieceRows && pieces[end]->rows->field_ids == pieces[begin]->rows->field_ids) {
      rows += pieces[end++]->row_count;
    }
    if (rows > kGraphPieceRows / 2) return std::span(pieces).subspan(begin, end - begin);
  }
  return {};
}

}  // namespace

bool LocalShard::WantsGrowingIndex(const segment::GrowingSegment& segment) const {
  const std::shared_ptr<const segment::Pieces> pieces = segment.pieces();
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
  return std::any_of(pieces->end() - std::min<ptrdiff_t>(2, static_cast<ptrdiff_t>(pieces->size())), pieces->end(), [&](const auto& piece) {
    return std::any_of(definitions->begin(), definitions->end(), [&](const IndexDefinition& definition) {
      return NeedsIt(*piece, definition) && InterimSpec(definition, *schema, piece->row_count);
    });
  });
}

// One step; the next one waits its turn behind the jobs of other shards.
Status LocalShard::IndexGrowing() {
  if (residence_ == Residence::kReleased) return OkStatus();
  const std::shared_ptr<const SegmentSet> set = segments_.Get();
  for (const std::shared_ptr<segment::Segment>& segment : set->segments) {
    if (segment->sealed()) continue;
    const Result<bool> did = IndexPieces(static_cast<segment::GrowingSegment&>(*segment));
    if (did.status().code() == StatusCode::kResourceExhausted) return OkStatus();  // scans cost time, not memory
    if (TRY(did)) {
      Schedule(kGrowingLane);
      return OkStatus();
    }
  }
  return OkStatus();
}

// One piece, or one run of them, at a time; false when nothing was left to do.
Result<bool> LocalShard::IndexPieces(segment::GrowingSegment& segment) {
  const std::shared_ptr<const segment::Pieces> pieces = segment.pieces();
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
  const auto wanted = [&](const segment::Piece& piece, const IndexDefinition& definition) {
    return NeedsIt(piece, definition) && InterimSpec(definition, *schema, piece.row_count).has_value();
  };
  const std::span<const std::shared_ptr<const segment::Piece>> run = FindRun(*pieces);
  const bool graphs = !run.empty() && std::any_of(definitions->begin(), definitions->end(), [&](const IndexDefinition& definition) {
    return IsDense(*run.front(), definition.field_id) && InterimSpec(definition, *schema, kGraphPieceRows);
  });
  if (graphs) {
    TRY(MergeRun(segment, run));
    return true;
  }
  for (const std::shared_ptr<const segment::Piece>& piece : *pieces) {
    for (const IndexDefinition& definition : *definitions) {
      if (!wanted(*piece, definition)) continue;
      TRY(IndexPiece(segment, piece, definition));
      return true;
    }
  }
  return false;
}

Result<LocalShard::Built> LocalShard::BuildInterim(const segment::Piece& piece, const IndexDefinition& definition) {
  const StageTimer timer(JobSeconds("growing_index"));
  TRY(stop_context_.Check());
  index::BuildOptions options;
  const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
  const std::optional<index::IndexSpec> spec = InterimSpec(definition, *schema, piece.row_count);
  if (!spec) return FailedPrecondition("field ", definition.field_id, " takes no index while it grows");
  const std::shared_ptr<const index::VectorSource>& source = piece.vectors.at(definition.field_id);
  const index::MemoryFootprint footprint = index::MemoryFootprintOf(*spec, *source, options.threads);
  Built interim;
  interim.reservation = TRY(ReserveMemory("index", footprint.loaded_bytes, "an index of growing rows"));
  const auto scratch = TRY(ReserveMemory("index", footprint.build_bytes - footprint.loaded_bytes, "building an index of growing rows"));
  interim.index = TRY(BuildIdle(*spec, source, options));
  if (interim.index->memory_bytes() > footprint.loaded_bytes) {
    interim.reservation.reset();
    interim.reservation = TRY(ReserveMemory("index", interim.index->memory_bytes(), "an index of growing rows"));
  }
  return interim;
}

bool LocalShard::StillWanted(const IndexDefinition& definition) const {
  const std::shared_ptr<const std::vector<IndexDefinition>> wanted = indexes_.Get();
  return residence_ != Residence::kReleased &&
         std::any_of(wanted->begin(), wanted->end(), [&](const auto& one) { return one.index_id == definition.index_id; });
}

Status LocalShard::IndexPiece(segment::GrowingSegment& segment, const std::shared_ptr<const segment::Piece>& piece,
                              const IndexDefinition& definition) {
  Built interim = TRY(BuildInterim(*piece, definition));
  MutexLock lock(writer_mutex_);
  if (!StillWanted(definition)) return OkStatus();
  segment.SetIndex(*piece, definition.field_id, std::move(interim.index), std::move(interim.reservation));
  return OkStatus();
}

// Old and new columns live side by side until the last reader of the old ones is gone.
Status LocalShard::MergeRun(segment::GrowingSegment& segment, std::span<const std::shared_ptr<const segment::Piece>> run) {
  uint64_t bytes = 0;
  for (const auto& piece : run) bytes += segment::MemoryOf(*piece->rows);
  const std::shared_ptr<const void> copies = TRY(ReserveMemory("growing", bytes, "merging growing rows"));
  const std::shared_ptr<segment::Piece> merged = segment::MergePieces(run, segment.primary_key_id());
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
  std::vector<std::pair<IndexDefinition, Built>> built;
  for (const IndexDefinition& definition : *definitions) {
    if (!NeedsIt(*merged, definition) || !InterimSpec(definition, *schema, merged->row_count)) continue;
    built.emplace_back(definition, TRY(BuildInterim(*merged, definition)));
  }
  AddTokenIndexes(merged.get());
  MutexLock lock(writer_mutex_);
  for (auto& [definition, interim] : built) {
    if (!StillWanted(definition)) continue;
    merged->indexes[definition.field_id] = std::move(interim.index);
    merged->reservations[definition.field_id] = std::move(interim.reservation);
  }
  segment.ReplaceRun(run, merged);
  return OkStatus();
}

}  // namespace saker::shard
