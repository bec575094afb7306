#include "server/segment/growing_segment.h"

#include <algorithm>
#include <utility>

namespace saker::segment {

namespace {

bool WorthMerging(const Piece& left, const Piece& right) {
  return left.row_count < 2 * right.row_count && left.row_count + right.row_count <= kMergedPieceRows &&
         left.rows->field_ids == right.rows->field_ids;
}

}  // namespace

uint64_t MemoryOf(const RowBatch& rows) {
  uint64_t bytes = rows.row_count * (sizeof(Timestamp) + sizeof(RowOffset));
  for (const Column& column : rows.columns) bytes += column.memory_bytes();
  return bytes;
}

GrowingSegment::GrowingSegment(SegmentId segment_id, PartitionId partition_id, int64_t primary_key_id)
    : Segment(segment_id, partition_id, std::make_shared<Deletions>()),
      primary_key_id_(primary_key_id),
      pieces_(std::make_shared<const Pieces>()) {}

void GrowingSegment::Stage(std::shared_ptr<const RowBatch> rows, Timestamp timestamp) {
  const size_t count = rows->row_count;
  auto timestamps = std::make_shared<const std::vector<Timestamp>>(count, timestamp);
  staged_.push_back(MakePiece(std::move(rows), std::move(timestamps), next_row_, primary_key_id_));
  next_row_ += static_cast<RowOffset>(count);
}

void GrowingSegment::PublishStaged() {
  if (staged_.empty()) return;
  auto pieces = std::make_shared<Pieces>(*pieces_.Get());
  uint64_t bytes = published_bytes_.load(std::memory_order_relaxed);
  for (std::shared_ptr<const Piece>& piece : staged_) {
    bytes += MemoryOf(*piece->rows);
    pieces->push_back(std::move(piece));
    while (pieces->size() >= 2 && WorthMerging(*(*pieces)[pieces->size() - 2], *pieces->back())) {
      std::shared_ptr<const Piece> merged = MergePieces(std::span(*pieces).last(2), primary_key_id_);
      pieces->pop_back();
      pieces->back() = std::move(merged);
    }
  }
  staged_.clear();
  pieces_.Set(std::move(pieces));
  published_rows_.store(next_row_, std::memory_order_release);
  published_bytes_.store(bytes, std::memory_order_relaxed);
}

void GrowingSegment::SetIndex(const Piece& piece, int64_t field_id, std::shared_ptr<const index::Index> index,
                              std::shared_ptr<const void> reservation) {
  auto pieces = std::make_shared<Pieces>(*pieces_.Get());
  for (std::shared_ptr<const Piece>& mine : *pieces) {
    // A piece that got the index of another field meanwhile is a copy, over the same vectors.
    const auto source = mine->vectors.find(field_id);
    if (source == mine->vectors.end() || source->second != piece.vectors.at(field_id)) continue;
    auto indexed = std::make_shared<Piece>(*mine);
    indexed->indexes[field_id] = std::move(index);
    indexed->reservations[field_id] = std::move(reservation);
    mine = std::move(indexed);
    pieces_.Set(std::move(pieces));
    return;
  }
}

void GrowingSegment::ReplaceRun(std::span<const std::shared_ptr<const Piece>> run, std::shared_ptr<const Piece> merged) {
  const std::shared_ptr<const Pieces> before = pieces_.Get();
  const auto same = [](const std::shared_ptr<const Piece>& a, const std::shared_ptr<const Piece>& b) { return a->rows == b->rows; };
  const auto first = std::search(before->begin(), before->end(), run.begin(), run.end(), same);
  if (first == before->end()) return;
  auto pieces = std::make_shared<Pieces>(before->begin(), first);
  pieces->push_back(std::move(merged));
  pieces->insert(pieces->end(), first + static_cast<ptrdiff_t>(run.size()), before->end());
  pieces_.Set(std::move(pieces));
}

void GrowingSegment::SetScalarIndex(const Piece& piece, int64_t index_id, std::shared_ptr<const scalar_index::ScalarIndex> index) {
  auto pieces = std::make_shared<Pieces>(*pieces_.Get());
  for (std::shared_ptr<const Piece>& mine : *pieces) {
    if (mine->rows != piece.rows) continue;  // the rows of a merged piece are others
    auto indexed = std::make_shared<Piece>(*mine);
    indexed->scalar_indexes[index_id] = std::move(index);
    mine = std::move(indexed);
    pieces_.Set(std::move(pieces));
    return;
  }
}

void GrowingSegment::DropScalarIndexes() {
  auto pieces = std::make_shared<Pieces>(*pieces_.Get());
  for (std::shared_ptr<const Piece>& mine : *pieces) {
    if (mine->scalar_indexes.empty()) continue;
    auto plain = std::make_shared<Piece>(*mine);
    plain->scalar_indexes.clear();
    mine = std::move(plain);
  }
  pieces_.Set(std::move(pieces));
}

void GrowingSegment::DropIndexes() {
  auto pieces = std::make_shared<Pieces>(*pieces_.Get());
  for (std::shared_ptr<const Piece>& mine : *pieces) {
    if (mine->indexes.empty()) continue;
    auto plain = std::make_shared<Piece>(*mine);
    plain->indexes.clear();
    plain->reservations.clear();
    mine = std::move(plain);
  }
  pieces_.Set(std::move(pieces));
}

void GrowingSegment::DropStaged() {
  if (staged_.empty()) return;
  next_row_ = staged_.front()->first_row;
  staged_.clear();
}

}  // namespace saker::segment
