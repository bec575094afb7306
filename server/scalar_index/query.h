// What a filter asks of an index: values, a range of them, texts that pass a test, or their tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/match/match_query.h"

namespace saker::scalar_index {

template <typename T>
struct Terms {
  std::vector<T> values;  // ascending, each once

  struct Bound {
    T value;
    bool inclusive = true;
  };
  std::optional<Bound> low;
  std::optional<Bound> high;
};

// Of a VarChar's kind only: begins with `prefix`, then passes `test` (when there is one).
struct TextTest {
  std::string prefix;
  std::function<bool(std::string_view)> test;
  std::vector<std::string> literals;  // each occurs in every text that passes; what n-grams are looked up for
};

struct Query {
  enum class Op : uint8_t {
    kIn,           // a value of the row is among `values`
    kRange,        // between `low` and `high`, one of which may be absent
    kText,         // TextTest
    kContainsAny,  // an element of the row's array is among `values`
    kContainsAll,  // all of `values` are elements of the row's array
    kKnown,        // the row is not null
    kMatch,        // the row's text has the tokens of a text_match or phrase_match
  };
  // Integers and booleans, or floats and JSON's numbers, or strings.
  using Operand = std::variant<Terms<int64_t>, Terms<double>, Terms<std::string>, TextTest, match::MatchQuery>;
  Op op = Op::kIn;
  bool boolean = false;  // the integers are 0 and 1 and stand for booleans
  Operand operand;
};

}  // namespace saker::scalar_index
