// Indexes for text_match and phrase_match, for each field that enables match.
//
// A segment gets them with its other files when it is sealed or compacted; one that was sealed before there were any, or whose file
// is damaged, from the index lane like every scalar index. Growing rows have theirs in memory, made behind the writes. Until then,
// and for the few rows of smaller pieces, every row is analysed, with the same answers.
#include <algorithm>
#include <set>
#include <utility>

#include "common/log.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

// Fewer are analysed in some milliseconds, and would be indexed again with each merge.
constexpr size_t kTokenRows = 1024;

bool IsOfTokens(const IndexDefinition& definition) {
  return definition.scalar && definition.scalar->tokens();
}

bool NeedsIt(const segment::Piece& piece, const IndexDefinition& definition) {
  return IsOfTokens(definition) && piece.row_count >= kTokenRows && !piece.scalar_indexes.contains(definition.index_id) &&
         piece.rows->Find(definition.field_id) != nullptr;
}

// An index and its entry of the ledger in one.
struct Held {
  std::shared_ptr<const void> reservation;
  std::shared_ptr<const scalar_index::ScalarIndex> index;
};

}  // namespace

std::vector<IndexDefinition> LocalShard::WithTokenIndexes(const std::vector<IndexDefinition>& asked, const CollectionSchema& schema) {
  std::vector<IndexDefinition> all;
  std::copy_if(asked.begin(), asked.end(), std::back_inserter(all), [](const IndexDefinition& one) { return !IsOfTokens(one); });
  for (const FieldSchema& field : schema.fields) {
    if (scalar_index::WantsTokens(field)) all.push_back({-field.id, field.id, {}, scalar_index::TokenSpec(field)});
  }
  return all;
}

bool LocalShard::WantsTokenIndex(const segment::GrowingSegment& segment) const {
  const std::shared_ptr<const segment::Pieces> pieces = segment.pieces();
  if (pieces->empty()) return false;
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  return std::any_of(definitions->begin(), definitions->end(),
                     [&](const IndexDefinition& definition) { return NeedsIt(*pieces->back(), definition); });
}

Result<std::shared_ptr<const scalar_index::ScalarIndex>> LocalShard::BuildTokenIndex(const segment::Piece& piece,
                                                                                     const IndexDefinition& definition) {
  const StageTimer timer(JobSeconds("match_index"));
  const Column& texts = *piece.rows->Find(definition.field_id);
  auto held = std::make_shared<Held>();
  const auto scratch = TRY(ReserveMemory("index", scalar_index::BuildScratchBytes(*definition.scalar, texts), "an index of texts"));
  held->index = TRY(scalar_index::BuildInMemory(*definition.scalar, texts, stop_context_));
  held->reservation = TRY(ReserveMemory("index", held->index->memory_bytes(), "an index of texts"));
  return std::shared_ptr<const scalar_index::ScalarIndex>(held, held->index.get());
}

// Of growing rows that nobody reads yet.
void LocalShard::AddTokenIndexes(segment::Piece* piece) {
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  for (const IndexDefinition& definition : *definitions) {
    if (!NeedsIt(*piece, definition)) continue;
    auto built = BuildTokenIndex(*piece, definition);
    if (built.ok()) piece->scalar_indexes[definition.index_id] = std::move(built).value();  // else the lane tries again and reports it
  }
}

Status LocalShard::BuildTokenIndexes() {
  std::set<std::pair<const void*, int64_t>> failed;
  for (bool found = true; found;) {
    found = false;
    if (residence_ == Residence::kReleased) return OkStatus();
    const std::shared_ptr<const SegmentSet> set = segments_.Get();
    const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
    for (const std::shared_ptr<segment::Segment>& segment : set->segments) {
      if (segment->sealed()) continue;
      const std::shared_ptr<const segment::Pieces> pieces = segment->pieces();
      for (const std::shared_ptr<const segment::Piece>& piece : *pieces) {
        for (const IndexDefinition& definition : *definitions) {
          if (!NeedsIt(*piece, definition) || failed.contains({piece->rows.get(), definition.field_id})) continue;
          TRY(stop_context_.Check());
          auto built = BuildTokenIndex(*piece, definition);
          found |= built.ok();
          if (!built.ok()) {
            failed.insert({piece->rows.get(), definition.field_id});
            Log(kWarning, "no index of texts: every match analyses its rows",
                {{"shard", id_}, {"segment", segment->id}, {"field", definition.field_id}, {"why", built.status().message()}});
            continue;
          }
          MutexLock lock(writer_mutex_);
          if (residence_ == Residence::kReleased) return OkStatus();
          static_cast<segment::GrowingSegment&>(*segment).SetScalarIndex(*piece, definition.index_id, std::move(built).value());
        }
      }
    }
  }
  return OkStatus();
}

void LocalShard::IndexSealedTexts(storage::SegmentManifest* manifest, segment::Piece* piece) {
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  for (const IndexDefinition& definition : *definitions) {
    if (IsOfTokens(definition) && NeedsIndex(*manifest, definition)) IndexColumn(definition, manifest, piece);
  }
}

}  // namespace saker::shard
