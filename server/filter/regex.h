// A compiled regular expression of =~ and !~: RE2's syntax, found anywhere in the text. Time is linear in the text. Immutable.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "common/result.h"

namespace re2 {
class RE2;
}

namespace saker::filter {

class RegexMatcher {
 public:
  // InvalidArgument names what RE2 does not take.
  static Result<RegexMatcher> Compile(std::string_view pattern);
  bool Matches(std::string_view text) const;

 private:
  explicit RegexMatcher(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace saker::filter
