#include "server/scalar_index/token_build.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/analyzer/analyzer.h"
#include "server/scalar_index/varint.h"

namespace saker::scalar_index {
namespace {

using analyzer::Token;

struct Postings {
  uint32_t count = 0;
  uint32_t last_row = 0;
  std::string rows;
  std::string positions;
};

template <typename T>
void Append(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

class TokenTable {
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

  // Empties the table as it goes, so that its bytes are not held twice.
  void Write(IndexFileWriter* file) {
    std::vector<std::pair<std::string_view, Postings*>> sorted;
    sorted.reserve(terms_.size());
    for (const auto& [text, term] : terms_) sorted.emplace_back(text, &postings_[term]);
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string terms, term_starts, counts, rows, row_starts, positions, position_starts;
    for (auto& [text, postings] : sorted) {
      Append(uint64_t{terms.size()}, &term_starts);
      Append(uint64_t{rows.size()}, &row_starts);
      Append(uint64_t{positions.size()}, &position_starts);
      Append(postings->count, &counts);
      terms += text;
      rows += postings->rows;
      positions += postings->positions;
      *postings = Postings();
    }
    if (!sorted.empty()) {
      Append(uint64_t{terms.size()}, &term_starts);
      Append(uint64_t{rows.size()}, &row_starts);
      Append(uint64_t{positions.size()}, &position_starts);
    }
    const auto add = [file](Section section, std::string bytes) { file->Add(static_cast<uint32_t>(section), std::move(bytes)); };
    add(Section::kTokens, std::move(terms));
    add(Section::kTokenStarts, std::move(term_starts));
    add(Section::kTokenCounts, std::move(counts));
    add(Section::kTokenRows, std::move(rows));
    add(Section::kTokenRowStarts, std::move(row_starts));
    add(Section::kTokenPositions, std::move(positions));
    add(Section::kTokenPositionStarts, std::move(position_starts));
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

}  // namespace

Status WriteTokens(const Spec& spec, const Column& texts, const Context& context, IndexFileWriter* file) {
  constexpr size_t kRowsBetweenChecks = 256;
  CHECK(texts.variable() && texts.row_count() <= UINT32_MAX);
  const auto analyzer = TRY(analyzer::Analyzer::Make(spec.analyzer_params));
  TokenTable table;
  std::vector<Token> tokens;
  for (size_t row = 0; row < texts.row_count(); ++row) {
    if (row % kRowsBetweenChecks == 0) TRY(context.Check());
    if (!texts.IsValid(row)) continue;
    TRY(analyzer->Analyze(texts.Text(row), &tokens));
    table.AddRow(static_cast<uint32_t>(row), tokens);
  }
  table.Write(file);
  return OkStatus();
}

uint64_t TokenScratchBytes(const Column& texts) {
  // Measured on sentences: the postings take some 0.6 of the text's bytes, the table while it is built about three times that, the
  // file's bytes once more, and a vocabulary costs most in the first rows.
  return 3 * texts.bytes().size() + (uint64_t{1} << 20);
}

}  // namespace saker::scalar_index
