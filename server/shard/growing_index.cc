// Posting lists for the larger pieces of growing segments: fresh sparse rows are found as fast as sealed ones.
//
// Built behind the writes; until then, and for the few rows of the smaller pieces, an exact scan answers, with the same
// scores. Nothing of it is durable: the pieces merge, seal, and get theirs anew.
#include <algorithm>
#include <utility>

#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

// Fewer are scanned in a fraction of a millisecond, and would be indexed again with each merge.
constexpr size_t kGrowingIndexRows = 1024;

bool IsSparse(const IndexDefinition& definition, const CollectionSchema& schema) {
  const FieldSchema* field = schema.FindId(definition.field_id);
  return field != nullptr && field->type == DataType::kSparseFloatVector;
}

bool NeedsIt(const segment::Piece& piece, const IndexDefinition& definition) {
  return piece.row_count >= kGrowingIndexRows && piece.vectors.contains(definition.field_id) &&
         !piece.indexes.contains(definition.field_id);
}

}  // namespace

bool LocalShard::WantsGrowingIndex(const segment::GrowingSegment& segment) const {
  const std::shared_ptr<const segment::Pieces> pieces = segment.pieces();
  if (pieces->empty() || pieces->back()->row_count < kGrowingIndexRows) return false;
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
  return std::any_of(definitions->begin(), definitions->end(), [&](const IndexDefinition& definition) {
    return IsSparse(definition, *schema) && NeedsIt(*pieces->back(), definition);
  });
}

Status LocalShard::IndexGrowing() {
  for (bool found = true; found;) {
    found = false;
    if (residence_ == Residence::kReleased) return OkStatus();
    const std::shared_ptr<const SegmentSet> set = segments_.Get();
    const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
    const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
    for (const std::shared_ptr<segment::Segment>& segment : set->segments) {
      if (segment->sealed()) continue;
      const std::shared_ptr<const segment::Pieces> pieces = segment->pieces();
      for (const std::shared_ptr<const segment::Piece>& piece : *pieces) {
        for (const IndexDefinition& definition : *definitions) {
          if (!IsSparse(definition, *schema) || !NeedsIt(*piece, definition)) continue;
          const Status built = IndexPiece(static_cast<segment::GrowingSegment&>(*segment), piece, definition);
          if (built.code() == StatusCode::kResourceExhausted) return OkStatus();  // scans cost time, not memory
          TRY(built);
          found = true;
        }
      }
    }
  }
  return OkStatus();
}

Status LocalShard::IndexPiece(segment::GrowingSegment& segment, const std::shared_ptr<const segment::Piece>& piece,
                              const IndexDefinition& definition) {
  const StageTimer timer(JobSeconds("growing_index"));
  TRY(stop_context_.Check());
  index::BuildOptions options;
  options.context = &stop_context_;
  const std::shared_ptr<const index::VectorSource>& source = piece->vectors.at(definition.field_id);
  const index::IndexSpec spec = TRY(index::ValidateSpec(definition.spec, source->type(), source->dim()));
  std::shared_ptr<const index::Index> built = TRY(index::BuildIndex(spec, source, options));
  std::shared_ptr<const void> reservation = TRY(ReserveMemory("index", built->memory_bytes(), "an index of growing rows"));
  MutexLock lock(writer_mutex_);
  const std::shared_ptr<const std::vector<IndexDefinition>> wanted = indexes_.Get();
  const bool still = std::any_of(wanted->begin(), wanted->end(), [&](const auto& one) { return one.index_id == definition.index_id; });
  if (!still || residence_ == Residence::kReleased) return OkStatus();
  segment.SetIndex(*piece, definition.field_id, std::move(built), std::move(reservation));
  return OkStatus();
}

}  // namespace saker::shard
