#include "server/scalar_index/token_index.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "server/scalar_index/varint.h"

namespace saker::scalar_index {
namespace {

using match::MatchQuery;

constexpr double kProbeNanoseconds = 60;  // one binary search
constexpr double kPostingNanoseconds = 1.5;
constexpr double kPhraseNanoseconds = 6;    // a posting whose positions may be read
constexpr double kCountNanoseconds = 0.15;  // a row whose tokens are counted

uint32_t Number(Section section) {
  return static_cast<uint32_t>(section);
}

// From 0 to `end`, one more than there are terms.
bool AscendTo(std::span<const uint64_t> starts, size_t terms, uint64_t end) {
  if (terms == 0) return starts.empty() && end == 0;
  return starts.size() == terms + 1 && starts.front() == 0 && starts.back() == end && std::is_sorted(starts.begin(), starts.end());
}

// Walks one term's rows; positions are read only where somebody asks.
class Cursor {
 public:
  Cursor(const char* rows, uint32_t count, const char* positions) : rows_(rows), left_(count), positions_(positions) { Next(); }
  bool done() const { return done_; }
  uint32_t row() const { return row_; }
  void Next() {
    if (left_ == 0) {
      done_ = true;
      return;
    }
    --left_;
    row_ += GetVarint(&rows_);
    const uint32_t bytes = GetVarint(&positions_);
    here_ = positions_;
    positions_ += bytes;
  }
  // To the first row that is not before `row`.
  void Seek(uint32_t row) {
    while (!done_ && row_ < row) Next();
  }
  void Read(std::vector<uint32_t>* out) const {
    out->clear();
    uint32_t position = 0;
    for (const char* at = here_; at < positions_;) out->push_back(position += GetVarint(&at));
  }

 private:
  const char* rows_;
  uint32_t left_;
  const char* positions_;       // of the next row
  const char* here_ = nullptr;  // of this one
  uint32_t row_ = 0;
  bool done_ = false;
};

// Everything that a Cursor will read: `count` rows that ascend below `row_count`, each with positions, and nothing behind them.
bool WellFormed(std::span<const char> rows, uint32_t count, size_t row_count, std::span<const char> positions) {
  const char* row_at = rows.data();
  const char* const row_end = row_at + rows.size();
  const char* at = positions.data();
  const char* const end = at + positions.size();
  uint64_t row = 0;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t step = 0, bytes = 0;
    if (!ReadVarint(&row_at, row_end, &step) || (i > 0 && step == 0) || (row += step) >= row_count) return false;
    if (!ReadVarint(&at, end, &bytes) || bytes == 0 || bytes > static_cast<size_t>(end - at)) return false;
    uint64_t position = 0;
    for (const char* const behind = at + bytes; at < behind;) {
      if (!ReadVarint(&at, behind, &step) || (position += step) > UINT32_MAX) return false;
    }
  }
  return row_at == row_end && at == end;
}

}  // namespace

Result<std::shared_ptr<const ScalarIndex>> TokenIndex::Open(std::shared_ptr<const MappedFile> bytes, const IndexFileReader& file,
                                                            const Spec& spec, const RowSets& rows) {
  auto out = std::shared_ptr<TokenIndex>(new TokenIndex(spec, std::move(bytes), rows));
  TRY(out->ReadSections(file));
  TRY(out->CheckPostings(file));
  return std::shared_ptr<const ScalarIndex>(std::move(out));
}

Status TokenIndex::ReadSections(const IndexFileReader& file) {
  terms_ = TRY(file.View<char>(Number(Section::kTokens)));
  term_starts_ = TRY(file.View<uint64_t>(Number(Section::kTokenStarts)));
  counts_ = TRY(file.View<uint32_t>(Number(Section::kTokenCounts)));
  row_bytes_ = TRY(file.View<char>(Number(Section::kTokenRows)));
  row_starts_ = TRY(file.View<uint64_t>(Number(Section::kTokenRowStarts)));
  position_bytes_ = TRY(file.View<char>(Number(Section::kTokenPositions)));
  position_starts_ = TRY(file.View<uint64_t>(Number(Section::kTokenPositionStarts)));
  constexpr auto kBad = "places that do not ascend to the end, one for each token";
  if (!AscendTo(term_starts_, term_count(), terms_.size())) return file.Damaged(Number(Section::kTokenStarts), kBad);
  if (!AscendTo(row_starts_, term_count(), row_bytes_.size())) return file.Damaged(Number(Section::kTokenRowStarts), kBad);
  if (!AscendTo(position_starts_, term_count(), position_bytes_.size())) return file.Damaged(Number(Section::kTokenPositionStarts), kBad);
  return OkStatus();
}

Status TokenIndex::CheckPostings(const IndexFileReader& file) const {
  for (size_t i = 0; i < term_count(); ++i) {
    if (i > 0 && !(Term(i - 1) < Term(i))) return file.Damaged(Number(Section::kTokens), internal::Join("token ", i, " does not ascend"));
    const auto rows = row_bytes_.subspan(row_starts_[i], row_starts_[i + 1] - row_starts_[i]);
    const auto positions = position_bytes_.subspan(position_starts_[i], position_starts_[i + 1] - position_starts_[i]);
    if (counts_[i] == 0 || !WellFormed(rows, counts_[i], rows_.row_count, positions))
      return file.Damaged(Number(Section::kTokenRows), internal::Join("the rows of token ", i));
  }
  return OkStatus();
}

size_t TokenIndex::FindTerm(std::string_view text) const {
  size_t low = 0;
  size_t high = term_count();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    Term(middle) < text ? low = middle + 1 : high = middle;
  }
  return low < term_count() && Term(low) == text ? low : term_count();
}

std::optional<Estimate> TokenIndex::EstimateMatches(const Query& query) const {
  if (query.op != Query::Op::kMatch) return std::nullopt;
  const auto& asked = std::get<MatchQuery>(query.operand);
  Estimate out;
  out.rows = asked.is_phrase() ? rows_.row_count : 0;
  uint64_t postings = 0;
  for (const std::string& text : asked.terms()) {
    const size_t term = FindTerm(text);
    const uint64_t rows = term < term_count() ? counts_[term] : 0;
    postings += rows;
    out.rows = asked.is_phrase() ? std::min(out.rows, rows) : out.rows + rows;
  }
  out.rows = std::min<uint64_t>(out.rows, rows_.row_count);
  out.work_ns = 2 * kProbeNanoseconds * static_cast<double>(asked.terms().size()) +
                static_cast<double>(postings) * (asked.is_phrase() ? kPhraseNanoseconds : kPostingNanoseconds);
  if (asked.minimum() > 1) out.work_ns += kCountNanoseconds * static_cast<double>(rows_.row_count);
  return out;
}

Matches TokenIndex::Find(const Query& query) const {
  Matches matches = rows_.None();
  const auto& asked = std::get<MatchQuery>(query.operand);
  asked.is_phrase() ? FindPhrase(asked, matches.matching.words()) : FindAny(asked, matches.matching.words());
  return matches;
}

void TokenIndex::FindAny(const MatchQuery& query, uint64_t* words) const {
  // One bit is enough where one token is; else the tokens of each row are counted.
  std::vector<uint32_t> found(query.minimum() > 1 ? rows_.row_count : 0);
  for (size_t i = 0; i < query.terms().size(); ++i) {
    const size_t term = FindTerm(query.terms()[i]);
    if (term == term_count()) continue;
    const char* at = row_bytes_.data() + row_starts_[term];
    uint32_t row = 0;
    for (uint32_t left = counts_[term]; left > 0; --left) {
      row += GetVarint(&at);
      if (query.minimum() <= 1 || (found[row] += query.weights()[i]) >= query.minimum()) words[row / 64] |= uint64_t{1} << (row % 64);
    }
  }
}

void TokenIndex::FindPhrase(const MatchQuery& query, uint64_t* words) const {
  std::vector<Cursor> cursors;
  for (const std::string& text : query.terms()) {
    const size_t term = FindTerm(text);
    if (term == term_count()) return;
    cursors.emplace_back(row_bytes_.data() + row_starts_[term], counts_[term], position_bytes_.data() + position_starts_[term]);
  }
  std::vector<std::vector<uint32_t>> positions(cursors.size());
  for (uint32_t row = 0;;) {
    uint32_t farthest = row;
    for (Cursor& cursor : cursors) {
      cursor.Seek(farthest);
      if (cursor.done()) return;
      farthest = cursor.row();
    }
    if (farthest != cursors.front().row()) {  // some stand before it
      row = farthest;
      continue;
    }
    for (size_t i = 0; i < cursors.size(); ++i) cursors[i].Read(&positions[i]);
    if (query.PhraseOccurs(positions)) words[farthest / 64] |= uint64_t{1} << (farthest % 64);
    row = farthest + 1;
  }
}

}  // namespace saker::scalar_index
