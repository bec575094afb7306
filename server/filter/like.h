// A compiled LIKE pattern: % any run, _ one UTF-8 character, \% \_ \\ literal.
//
// Matching is linear in the text: parts between % are found leftmost first, plain ones by memmem, ones with _ by a
// bit-parallel automaton. Immutable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/result.h"

namespace saker::filter {

class LikeMatcher {
 public:
  static Result<LikeMatcher> Compile(std::string_view pattern);
  static LikeMatcher Prefix(std::string_view prefix);
  bool Matches(std::string_view text) const;

  // What an index can use: the one text that matches, if there is only one; the text that every match begins with, and whether that
  // is enough; the texts that every match holds.
  const std::string* whole_text() const { return shape_ == Shape::kEqual ? &literal_ : nullptr; }
  std::string prefix() const;
  bool only_prefix() const { return shape_ == Shape::kPrefix || shape_ == Shape::kAll; }
  std::vector<std::string> literals() const;

 private:
  // What stands between two %: literals, each after some single characters.
  struct Piece {
    size_t skip = 0;
    std::string literal;
  };
  struct Part {
    std::vector<Piece> pieces;
    size_t trailing_skip = 0;
    // The automaton of a part with both _ and text: for each character the places where it may stand.
    size_t length = 0;
    std::unordered_map<uint32_t, std::vector<uint64_t>> places;
    std::vector<uint64_t> anywhere;
  };
  enum class Shape { kGeneral, kEqual, kPrefix, kSuffix, kInfix, kAll };

  static size_t MatchAt(const Part& part, std::string_view text, size_t at);
  static size_t MatchEnd(const Part& part, std::string_view text);
  static size_t Find(const Part& part, std::string_view text, size_t at);
  static size_t FindAutomaton(const Part& part, std::string_view text, size_t at);
  static void BuildAutomaton(Part* part);

  Shape shape_ = Shape::kGeneral;
  std::string literal_;  // of the simple shapes
  bool open_start_ = false;
  bool open_end_ = false;
  std::vector<Part> parts_;
};

}  // namespace saker::filter
