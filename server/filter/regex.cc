#include "server/filter/regex.h"

#include <cstdint>

#include <re2/re2.h>

namespace saker::filter {
namespace {
constexpr size_t kMaxPattern = 4096;
constexpr int64_t kMaxMemory = 2 << 20;  // of the compiled form and its automaton's states
}  // namespace

Result<RegexMatcher> RegexMatcher::Compile(std::string_view pattern) {
  if (pattern.size() > kMaxPattern) {
    return InvalidArgument("a regular expression has ", pattern.size(), " bytes, the limit is ", kMaxPattern);
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(kMaxMemory);
  auto compiled = std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok()) return InvalidArgument("the regular expression '", pattern, "' is not valid: ", compiled->error());
  return RegexMatcher(std::move(compiled));
}

bool RegexMatcher::Matches(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

}  // namespace saker::filter
