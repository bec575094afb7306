#include "server/scalar_index/ngram_index.h"

#include <algorithm>
#include <utility>

#include "server/scalar_index/entries.h"

namespace saker::scalar_index {
namespace {

constexpr size_t kGramsTried = 8;  // more rarely rule out what these let pass
constexpr double kProbeNanoseconds = 60;
constexpr double kWordNanoseconds = 0.3;

}  // namespace

Result<std::shared_ptr<const ScalarIndex>> NgramIndex::Open(std::shared_ptr<const MappedFile> bytes, const IndexFileReader& file,
                                                            const Spec& spec, const RowSets& rows) {
  auto out = std::shared_ptr<NgramIndex>(new NgramIndex(spec, std::move(bytes), rows));
  out->grams_ = TRY(Dictionary<int64_t>::Read(file, Section::kIntegers, rows.row_count));
  return std::shared_ptr<const ScalarIndex>(std::move(out));
}

std::vector<size_t> NgramIndex::RarestGrams(const Query& query) const {
  std::vector<int64_t> hashes;
  for (const std::string& literal : std::get<TextTest>(query.operand).literals) {
    const size_t length = std::min<size_t>(CountCharacters(literal), spec().max_gram);
    if (length >= spec().min_gram) AppendGrams(literal, static_cast<uint32_t>(length), &hashes);
  }
  std::vector<size_t> places;
  places.reserve(hashes.size());
  for (const int64_t hash : hashes) places.push_back(grams_.Find(hash));
  const auto rows = [&](size_t place) { return place == grams_.size() ? 0 : grams_.Count(place, place + 1); };
  std::sort(places.begin(), places.end(), [&](size_t a, size_t b) { return rows(a) != rows(b) ? rows(a) < rows(b) : a < b; });
  places.erase(std::unique(places.begin(), places.end()), places.end());
  places.resize(std::min(places.size(), kGramsTried));
  return places;
}

std::optional<Estimate> NgramIndex::EstimateMatches(const Query& query) const {
  if (query.op != Query::Op::kText) return std::nullopt;
  const std::vector<size_t> places = RarestGrams(query);
  if (places.empty()) return std::nullopt;  // no literal is as long as the shortest gram
  Estimate out;
  for (const size_t place : places) {
    out.work_ns += kProbeNanoseconds + static_cast<double>((rows_.row_count + 63) / 64) * kWordNanoseconds;
    if (place < grams_.size()) out.work_ns += grams_.AddNanoseconds(place, place + 1);
  }
  out.rows = rows_.unsure.size() + (places[0] == grams_.size() ? 0 : grams_.Count(places[0], places[0] + 1));
  out.rows = std::min<uint64_t>(out.rows, rows_.row_count);
  out.unsure = out.rows;
  return out;
}

Matches NgramIndex::Find(const Query& query) const {
  Matches matches = rows_.None();
  index::Bitset candidates(rows_.row_count, true);
  for (const size_t place : RarestGrams(query)) {
    index::Bitset rows(rows_.row_count);
    if (place < grams_.size()) grams_.AddRows(place, place + 1, rows.words());
    candidates.And(rows);
  }
  if (matches.unsure) candidates.Or(*matches.unsure);
  matches.unsure = std::move(candidates);
  return matches;
}

}  // namespace saker::scalar_index
