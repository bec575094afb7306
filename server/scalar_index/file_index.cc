#include "server/scalar_index/file_index.h"

#include <algorithm>
#include <functional>

namespace saker::scalar_index {

Result<RowSets> RowSets::Read(const IndexFileReader& file, size_t row_count) {
  RowSets out;
  out.row_count = row_count;
  constexpr auto kKnown = static_cast<uint32_t>(Section::kKnown);
  constexpr auto kUnsure = static_cast<uint32_t>(Section::kUnsure);
  out.known = TRY(file.View<uint64_t>(kKnown));
  out.unsure = TRY(file.View<uint32_t>(kUnsure));
  const size_t words = (row_count + 63) / 64;
  if (!out.known.empty() && (out.known.size() != words || (row_count % 64 != 0 && out.known.back() >> (row_count % 64) != 0)))
    return file.Damaged(kKnown, internal::Join(out.known.size(), " words for ", row_count, " rows"));
  if (std::adjacent_find(out.unsure.begin(), out.unsure.end(), std::greater_equal<>()) != out.unsure.end() ||
      (!out.unsure.empty() && out.unsure.back() >= row_count)) {
    return file.Damaged(kUnsure, "rows that do not ascend or lie behind the last");
  }
  return out;
}

Matches RowSets::None() const {
  Matches matches{.matching = index::Bitset(row_count), .unsure = std::nullopt, .known = known.empty() ? nullptr : known.data()};
  if (unsure.empty()) return matches;
  matches.unsure.emplace(row_count);
  for (const uint32_t row : unsure) matches.unsure->Set(row);
  return matches;
}

}  // namespace saker::scalar_index
