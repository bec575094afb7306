#include "server/match/match_index.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace saker::match {
namespace {

using analyzer::Token;

void PutVarint(uint32_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

// The bytes were made by PutVarint.
uint32_t GetVarint(const char** at) {
  uint32_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*(*at)++);
    value |= static_cast<uint32_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

struct Postings {
  uint32_t count = 0;
  uint32_t last_row = 0;
  std::string rows;
  std::string positions;
};

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

}  // namespace

class MatchIndexBuilder {
 public:
  void AddRow(uint32_t row, const std::vector<Token>& tokens) {
    occurrences_.clear();
    for (const Token& token : tokens) occurrences_.emplace_back(TermOf(token.text), token.position);
    std::sort(occurrences_.begin(), occurrences_.end());
    for (size_t i = 0; i < occurrences_.size();) {
      const uint32_t term = occurrences_[i].first;
      bytes_.clear();
      uint32_t last = 0;
      for (; i < occurrences_.size() && occurrences_[i].first == term; ++i) {
        PutVarint(occurrences_[i].second - last, &bytes_);
        last = occurrences_[i].second;
      }
      Postings& postings = postings_[term];
      PutVarint(row - postings.last_row, &postings.rows);
      PutVarint(static_cast<uint32_t>(bytes_.size()), &postings.positions);
      postings.positions += bytes_;
      postings.last_row = row;
      ++postings.count;
    }
  }

  std::shared_ptr<const MatchIndex> Finish(size_t row_count) {
    std::vector<std::pair<std::string_view, const Postings*>> sorted;
    sorted.reserve(terms_.size());
    uint64_t bytes[3] = {};
    for (const auto& [text, term] : terms_) {
      sorted.emplace_back(text, &postings_[term]);
      bytes[0] += text.size();
      bytes[1] += postings_[term].rows.size();
      bytes[2] += postings_[term].positions.size();
    }
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::shared_ptr<MatchIndex> index(new MatchIndex());
    index->row_count_ = row_count;
    index->terms_.reserve(bytes[0]);
    index->rows_.reserve(bytes[1]);
    index->positions_.reserve(bytes[2]);
    for (auto* starts : {&index->term_starts_, &index->row_starts_, &index->position_starts_}) {
      starts->reserve(sorted.size() + 1);
      starts->push_back(0);
    }
    index->row_counts_.reserve(sorted.size());
    for (const auto& [text, postings] : sorted) {
      index->terms_ += text;
      index->rows_ += postings->rows;
      index->positions_ += postings->positions;
      index->term_starts_.push_back(index->terms_.size());
      index->row_starts_.push_back(index->rows_.size());
      index->position_starts_.push_back(index->positions_.size());
      index->row_counts_.push_back(postings->count);
    }
    return index;
  }

 private:
  uint32_t TermOf(const std::string& text) {
    const auto [term, is_new] = terms_.try_emplace(text, static_cast<uint32_t>(postings_.size()));
    if (is_new) postings_.emplace_back();
    return term->second;
  }

  std::unordered_map<std::string, uint32_t> terms_;
  std::vector<Postings> postings_;                          // by term
  std::vector<std::pair<uint32_t, uint32_t>> occurrences_;  // of one row: term, position
  std::string bytes_;
};

Result<std::shared_ptr<const MatchIndex>> MatchIndex::Build(const Column& texts, const analyzer::Analyzer& analyzer,
                                                            const Context& context) {
  constexpr size_t kRowsBetweenChecks = 256;
  CHECK(texts.variable() && texts.row_count() <= UINT32_MAX);
  MatchIndexBuilder builder;
  std::vector<Token> tokens;
  for (size_t row = 0; row < texts.row_count(); ++row) {
    if (row % kRowsBetweenChecks == 0) TRY(context.Check());
    if (!texts.IsValid(row)) continue;
    TRY(analyzer.Analyze(texts.Text(row), &tokens));
    builder.AddRow(static_cast<uint32_t>(row), tokens);
  }
  return builder.Finish(texts.row_count());
}

uint64_t MatchIndex::BuildBytes(const Column& texts) {
  // Measured on sentences: the postings take some 0.6 of the text's bytes, the table while it is built about three times that, and
  // a vocabulary costs most in the first rows.
  return 2 * texts.bytes().size() + (uint64_t{1} << 20);
}

uint64_t MatchIndex::memory_bytes() const {
  const uint64_t starts = term_starts_.size() + row_starts_.size() + position_starts_.size();
  return sizeof(*this) + terms_.size() + rows_.size() + positions_.size() + starts * sizeof(uint64_t) +
         row_counts_.size() * sizeof(uint32_t);
}

size_t MatchIndex::FindTerm(std::string_view text) const {
  size_t low = 0;
  size_t high = term_count();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    Term(middle) < text ? low = middle + 1 : high = middle;
  }
  return low < term_count() && Term(low) == text ? low : term_count();
}

uint64_t MatchIndex::Estimate(const MatchQuery& query) const {
  uint64_t most = query.is_phrase() ? row_count_ : 0;
  for (const std::string& text : query.terms()) {
    const size_t term = FindTerm(text);
    const uint64_t rows = term < term_count() ? row_counts_[term] : 0;
    most = query.is_phrase() ? std::min(most, rows) : most + rows;
  }
  return std::min<uint64_t>(most, row_count_);
}

void MatchIndex::Find(const MatchQuery& query, uint64_t* words) const {
  if (query.is_phrase()) return FindPhrase(query, words);
  // One bit is enough where one token is; else the tokens of each row are counted.
  std::vector<uint32_t> found(query.minimum() > 1 ? row_count_ : 0);
  for (size_t i = 0; i < query.terms().size(); ++i) {
    const size_t term = FindTerm(query.terms()[i]);
    if (term == term_count()) continue;
    const char* at = rows_.data() + row_starts_[term];
    uint32_t row = 0;
    for (uint32_t left = row_counts_[term]; left > 0; --left) {
      row += GetVarint(&at);
      if (query.minimum() <= 1 || (found[row] += query.weights()[i]) >= query.minimum()) words[row / 64] |= uint64_t{1} << (row % 64);
    }
  }
}

void MatchIndex::FindPhrase(const MatchQuery& query, uint64_t* words) const {
  std::vector<Cursor> cursors;
  for (const std::string& text : query.terms()) {
    const size_t term = FindTerm(text);
    if (term == term_count()) return;
    cursors.emplace_back(rows_.data() + row_starts_[term], row_counts_[term], positions_.data() + position_starts_[term]);
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

}  // namespace saker::match
