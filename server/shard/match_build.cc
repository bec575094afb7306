// Indexes for text_match and phrase_match over rows in memory, for each field that enables match.
//
// Made when a segment is sealed or compacted, and behind the writes and loads else; until then, and for the few rows of the smaller
// pieces, every row is analysed, with the same answers. Nothing of it is durable: analysing again takes less than a second for
// 100,000 sentences.
#include <algorithm>
#include <set>
#include <utility>

#include "common/log.h"
#include "server/analyzer/analyzer.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

// Fewer are analysed in some milliseconds, and would be indexed again with each merge.
constexpr size_t kMatchRows = 1024;

bool NeedsIt(const segment::Piece& piece, const FieldSchema& field) {
  return piece.row_count >= kMatchRows && IsTrueParam(field.type_params, "enable_match") && !piece.matches.contains(field.id) &&
         piece.rows->Find(field.id) != nullptr;
}

// An index and its entry of the ledger in one.
struct Held {
  std::shared_ptr<const void> reservation;
  std::shared_ptr<const match::MatchIndex> index;
};

}  // namespace

bool LocalShard::WantsMatchIndex(const segment::GrowingSegment& segment) const {
  const std::shared_ptr<const segment::Pieces> pieces = segment.pieces();
  if (pieces->empty() || pieces->back()->row_count < kMatchRows) return false;
  const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
  return std::any_of(schema->fields.begin(), schema->fields.end(),
                     [&](const FieldSchema& field) { return NeedsIt(*pieces->back(), field); });
}

Result<std::shared_ptr<const match::MatchIndex>> LocalShard::BuildMatchIndex(const segment::Piece& piece, const FieldSchema& field) {
  const StageTimer timer(JobSeconds("match_index"));
  const Column& texts = *piece.rows->Find(field.id);
  const std::string* params = FindValue(field.type_params, "analyzer_params");
  const auto analyzer = TRY(analyzer::Analyzer::Make(params == nullptr ? "" : *params));
  auto held = std::make_shared<Held>();
  const auto scratch = TRY(ReserveMemory("index", match::MatchIndex::BuildBytes(texts), "an index of texts"));
  held->index = TRY(match::MatchIndex::Build(texts, *analyzer, stop_context_));
  held->reservation = TRY(ReserveMemory("index", held->index->memory_bytes(), "an index of texts"));
  return std::shared_ptr<const match::MatchIndex>(held, held->index.get());
}

void LocalShard::AddMatchIndexes(segment::Piece* piece) {
  const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
  for (const FieldSchema& field : schema->fields) {
    if (!NeedsIt(*piece, field)) continue;
    auto built = BuildMatchIndex(*piece, field);
    if (built.ok()) piece->matches[field.id] = std::move(built).value();  // else it is the lane's to try again and to report
  }
}

Status LocalShard::BuildMatchIndexes() {
  std::set<std::pair<const void*, int64_t>> failed;
  for (bool found = true; found;) {
    found = false;
    if (residence_ == Residence::kReleased) return OkStatus();
    const std::shared_ptr<const SegmentSet> set = segments_.Get();
    const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
    for (const std::shared_ptr<segment::Segment>& segment : set->segments) {
      const std::shared_ptr<const segment::Pieces> pieces = segment->pieces();
      if (pieces == nullptr) continue;
      for (const std::shared_ptr<const segment::Piece>& piece : *pieces) {
        for (const FieldSchema& field : schema->fields) {
          if (!NeedsIt(*piece, field) || failed.contains({piece->rows.get(), field.id})) continue;
          TRY(stop_context_.Check());
          const Status built = MatchPiece(*segment, *piece, field);
          found |= built.ok();
          if (built.ok()) continue;
          failed.insert({piece->rows.get(), field.id});
          Log(kWarning, "no index of texts: every match analyses its rows",
              {{"shard", id_}, {"segment", segment->id}, {"field", field.name}, {"why", built.message()}});
        }
      }
    }
  }
  return OkStatus();
}

Status LocalShard::MatchPiece(segment::Segment& segment, const segment::Piece& piece, const FieldSchema& field) {
  std::shared_ptr<const match::MatchIndex> built = TRY(BuildMatchIndex(piece, field));
  MutexLock lock(writer_mutex_);
  if (residence_ == Residence::kReleased) return OkStatus();
  if (segment.sealed()) {
    static_cast<segment::SealedSegment&>(segment).SetMatchIndex(piece, field.id, std::move(built));
  } else {
    static_cast<segment::GrowingSegment&>(segment).SetMatchIndex(piece, field.id, std::move(built));
  }
  return OkStatus();
}

}  // namespace saker::shard
