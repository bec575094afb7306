// What a scalar index keeps of a column: (value, row) pairs by the kind of value, and which rows are null or not to be told.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/context.h"
#include "common/result.h"
#include "index/bitset.h"
#include "server/scalar_index/spec.h"
#include "server/schema/column.h"

namespace saker::scalar_index {

struct Entries {
  std::vector<std::pair<int64_t, uint32_t>> integers;  // booleans too, and hashes of n-grams
  std::vector<std::pair<double, uint32_t>> reals;      // NaN, which equals nothing, is left out
  std::vector<std::pair<std::string_view, uint32_t>> texts;
  std::deque<std::string> owned;  // what texts of JSON point to
  index::Bitset known;            // rows that are not null
  std::vector<uint32_t> unsure;   // ascending; rows whose values the index cannot hold as a filter compares them
};

// `column` is the spec's field and outlives the entries. Cancelled by the context.
Result<Entries> CollectEntries(const Spec& spec, const Column& column, const Context& context);

// Hashes of the runs of `length` characters in the text; none when it is shorter. A character is a byte and the continuation bytes
// behind it, so a piece of well-formed text has its grams wherever it occurs in well-formed text.
void AppendGrams(std::string_view text, uint32_t length, std::vector<int64_t>* grams);
size_t CountCharacters(std::string_view text);

}  // namespace saker::scalar_index
