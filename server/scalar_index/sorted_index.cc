#include "server/scalar_index/sorted_index.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace saker::scalar_index {
namespace {

constexpr double kProbeNanoseconds = 40;   // one binary search
constexpr double kTestNanoseconds = 20;    // a text tested by a pattern
constexpr double kWordNanoseconds = 0.15;  // a fresh word of the answer

// Places [first, last) between the bounds.
template <typename T>
std::pair<size_t, size_t> Between(const Dictionary<T>& dictionary, const Terms<T>& terms) {
  size_t first = 0;
  size_t last = dictionary.size();
  if (terms.low) first = terms.low->inclusive ? dictionary.LowerBound(terms.low->value) : dictionary.UpperBound(terms.low->value);
  if (terms.high) last = terms.high->inclusive ? dictionary.UpperBound(terms.high->value) : dictionary.LowerBound(terms.high->value);
  return {first, std::max(first, last)};
}

template <typename T>
Estimate EstimateValues(const Dictionary<T>& dictionary, const Terms<T>& terms, Query::Op op) {
  Estimate out;
  bool first_value = true;
  for (const T& value : terms.values) {
    const size_t place = dictionary.Find(value);
    const uint64_t rows = place < dictionary.size() ? dictionary.Count(place, place + 1) : 0;
    if (op != Query::Op::kContainsAll) {
      out.rows += rows;
    } else {
      out.rows = first_value ? rows : std::min(out.rows, rows);
    }
    first_value = false;
    out.work_ns += 2 * kProbeNanoseconds;  // once here and once to find
    if (place < dictionary.size()) out.work_ns += dictionary.AddNanoseconds(place, place + 1);
  }
  return out;
}

template <typename T>
void AddValues(const Dictionary<T>& dictionary, const Terms<T>& terms, uint64_t* words) {
  for (const T& value : terms.values) {
    if (const size_t place = dictionary.Find(value); place < dictionary.size()) dictionary.AddRows(place, place + 1, words);
  }
}

template <typename T>
void IntersectValues(const Dictionary<T>& dictionary, const Terms<T>& terms, index::Bitset* out) {
  for (size_t i = 0; i < terms.values.size(); ++i) {
    index::Bitset rows(out->size());
    if (const size_t place = dictionary.Find(terms.values[i]); place < dictionary.size())
      dictionary.AddRows(place, place + 1, rows.words());
    if (i == 0) {
      *out = std::move(rows);
    } else {
      out->And(rows);
    }
  }
}

}  // namespace

Result<std::shared_ptr<const ScalarIndex>> SortedIndex::Open(std::shared_ptr<const MappedFile> bytes, const IndexFileReader& file,
                                                             const Spec& spec, const RowSets& rows) {
  auto out = std::shared_ptr<SortedIndex>(new SortedIndex(spec, std::move(bytes), rows));
  out->integers_ = TRY(Dictionary<int64_t>::Read(file, Section::kIntegers, rows.row_count));
  out->reals_ = TRY(Dictionary<double>::Read(file, Section::kReals, rows.row_count));
  out->texts_ = TRY(Dictionary<std::string>::Read(file, Section::kTexts, rows.row_count));
  return std::shared_ptr<const ScalarIndex>(std::move(out));
}

// Whether every row that the query could choose is in the dictionary that it names.
bool SortedIndex::Answers(const Query& query) const {
  const Spec& own = spec();
  const bool json = own.field_type == DataType::kJson;
  if (query.op == Query::Op::kMatch) return false;
  if (query.op == Query::Op::kKnown) return !json;
  const bool elements = query.op == Query::Op::kContainsAny || query.op == Query::Op::kContainsAll;
  if (elements != own.of_elements()) return false;
  const DataType type = own.field_type == DataType::kArray ? own.element_type : own.field_type;
  const bool any = own.cast == JsonCast::kAny;
  if (std::holds_alternative<Terms<int64_t>>(query.operand)) {
    if (json) return query.boolean && (any || own.cast == JsonCast::kBool || own.cast == JsonCast::kArrayBool);
    return query.boolean ? type == DataType::kBool : IsInteger(type) || type == DataType::kTimestamptz;
  }
  if (std::holds_alternative<Terms<double>>(query.operand)) {
    return json ? any || own.cast == JsonCast::kDouble || own.cast == JsonCast::kArrayDouble : IsFloating(type);
  }
  return json ? any || own.cast == JsonCast::kVarChar || own.cast == JsonCast::kArrayVarChar : IsString(type);
}

// f(dictionary, terms) of the operand's kind; not for TextTest.
template <typename F>
auto SortedIndex::WithTerms(const Query& query, F&& f) const {
  if (const auto* integers = std::get_if<Terms<int64_t>>(&query.operand)) return f(integers_, *integers);
  if (const auto* reals = std::get_if<Terms<double>>(&query.operand)) return f(reals_, *reals);
  return f(texts_, std::get<Terms<std::string>>(query.operand));
}

std::optional<Estimate> SortedIndex::EstimateMatches(const Query& query) const {
  if (!Answers(query)) return std::nullopt;
  Estimate out;
  if (query.op == Query::Op::kKnown) {
    out.rows = rows_.row_count;
  } else if (query.op == Query::Op::kText) {
    const auto& test = std::get<TextTest>(query.operand);
    const auto [first, last] = texts_.WithPrefix(test.prefix);
    out.rows = texts_.Count(first, last);
    out.work_ns = 4 * kProbeNanoseconds + texts_.AddNanoseconds(first, last);
    if (test.test) out.work_ns += static_cast<double>(last - first) * kTestNanoseconds;
  } else {
    out = WithTerms(query, [&](const auto& dictionary, const auto& terms) {
      if (query.op != Query::Op::kRange) return EstimateValues(dictionary, terms, query.op);
      Estimate range;
      const auto [first, last] = Between(dictionary, terms);
      range.rows = dictionary.Count(first, last);
      range.work_ns = 4 * kProbeNanoseconds + dictionary.AddNanoseconds(first, last);
      return range;
    });
  }
  out.work_ns += static_cast<double>((rows_.row_count + 63) / 64) * kWordNanoseconds;
  if (query.op != Query::Op::kKnown) {
    out.rows += rows_.unsure.size();
    out.unsure = rows_.unsure.size();
  }
  out.rows = std::min<uint64_t>(out.rows, rows_.row_count);
  return out;
}

Matches SortedIndex::Find(const Query& query) const {
  if (query.op == Query::Op::kKnown) {
    Matches matches{.matching = index::Bitset(rows_.row_count, rows_.known.empty()), .unsure = std::nullopt, .known = nullptr};
    std::copy(rows_.known.begin(), rows_.known.end(), matches.matching.words());
    return matches;
  }
  Matches matches = rows_.None();
  uint64_t* const words = matches.matching.words();
  if (query.op == Query::Op::kText) {
    const auto& test = std::get<TextTest>(query.operand);
    const auto [first, last] = texts_.WithPrefix(test.prefix);
    if (!test.test) {
      texts_.AddRows(first, last, words);
    } else {
      for (size_t place = first; place < last; ++place) {
        if (test.test(texts_.At(place))) texts_.AddRows(place, place + 1, words);
      }
    }
    return matches;
  }
  WithTerms(query, [&](const auto& dictionary, const auto& terms) {
    if (query.op == Query::Op::kRange) {
      const auto [first, last] = Between(dictionary, terms);
      dictionary.AddRows(first, last, words);
    } else if (query.op == Query::Op::kContainsAll) {
      IntersectValues(dictionary, terms, &matches.matching);
    } else {
      AddValues(dictionary, terms, words);
    }
  });
  return matches;
}

}  // namespace saker::scalar_index
