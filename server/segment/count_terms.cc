#include "server/segment/count_terms.h"

#include "index/capability.h"
#include "server/segment/select.h"

namespace saker::segment {
namespace {

void CountPiece(const Piece& piece, const index::VectorSource& source, int64_t field_id, std::span<const uint32_t> terms,
                index::Bm25Statistics* sum) {
  const auto index = piece.indexes.find(field_id);
  const auto* counter = index == piece.indexes.end() || index->second->spec().metric != index::Metric::kBm25
                            ? nullptr
                            : index::CapabilityOf<index::Bm25Counter>(*index->second);
  if (counter != nullptr) {
    counter->Count(terms, sum);
  } else {
    index::CountBm25(source, nullptr, terms, sum);
  }
}

void Subtract(const index::Bm25Statistics& part, index::Bm25Statistics* from) {
  from->row_count -= part.row_count;
  from->total_length -= part.total_length;
  for (index::Bm25Statistics::Term& term : from->terms) term.rows -= part.RowsWith(term.term);
}

}  // namespace

void CountStoredTerms(const Pieces& pieces, int64_t field_id, std::span<const uint32_t> terms, index::Bm25Statistics* sum) {
  for (const std::shared_ptr<const Piece>& piece : pieces) {
    const auto source = piece->vectors.find(field_id);
    if (source != piece->vectors.end()) CountPiece(*piece, *source->second, field_id, terms, sum);
  }
}

void CountVisibleTerms(const Pieces& pieces, const Deletions& deletions, Timestamp timestamp, int64_t field_id,
                       std::span<const uint32_t> terms, index::Bm25Statistics* sum) {
  const std::shared_ptr<const index::Bitset> dead = deletions.At(timestamp);
  for (const std::shared_ptr<const Piece>& piece : pieces) {
    const auto source = piece->vectors.find(field_id);
    if (source == piece->vectors.end()) continue;
    Selection visible = SelectVisible(*piece, dead.get(), {timestamp, std::nullopt, nullptr});
    if (!visible.bits) {
      CountPiece(*piece, *source->second, field_id, terms, sum);
    } else if (visible.count < piece->row_count / 2) {
      index::CountBm25(*source->second, &*visible.bits, terms, sum);
    } else {
      // Few are hidden: everything without them.
      index::Bitset hidden(piece->row_count, true);
      for (size_t w = 0; w < hidden.word_count(); ++w) hidden.words()[w] &= ~visible.bits->words()[w];
      index::Bm25Statistics all, gone;
      CountPiece(*piece, *source->second, field_id, terms, &all);
      index::CountBm25(*source->second, &hidden, terms, &gone);
      Subtract(gone, &all);
      sum->Add(all);
    }
  }
}

}  // namespace saker::segment
