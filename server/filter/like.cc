#include "server/filter/like.h"

#include <cstring>
#include <utility>

namespace saker::filter {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxAutomaton = 1024;  // characters of a floating part with _
constexpr size_t kMaxPattern = 65'536;

bool Continues(char c) {
  return (static_cast<uint8_t>(c) & 0xC0) == 0x80;
}

// The end of the character at `at`; kNone at the end of the text.
size_t NextCharacter(std::string_view text, size_t at) {
  if (at >= text.size()) return kNone;
  const size_t limit = std::min(text.size(), at + 4);
  for (++at; at < limit && Continues(text[at]); ++at) {}
  return at;
}

uint32_t CharacterKey(std::string_view text, size_t begin, size_t end) {
  uint32_t key = 0;
  std::memcpy(&key, text.data() + begin, end - begin);
  return key;
}

size_t FindText(std::string_view text, std::string_view needle, size_t at) {
  if (needle.empty()) return at;
  if (at > text.size()) return kNone;
  const void* found = memmem(text.data() + at, text.size() - at, needle.data(), needle.size());
  return found == nullptr ? kNone : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace

Result<LikeMatcher> LikeMatcher::Compile(std::string_view pattern) {
  if (pattern.size() > kMaxPattern) return InvalidArgument("a like pattern has ", pattern.size(), " bytes, the limit is ", kMaxPattern);
  LikeMatcher matcher;
  matcher.open_start_ = pattern.starts_with('%');
  bool floating = false;
  Part part;
  size_t skip = 0;
  const auto end_part = [&] {
    part.trailing_skip = std::exchange(skip, 0);
    if (!part.pieces.empty() || part.trailing_skip > 0) matcher.parts_.push_back(std::move(part));
    part = Part();
  };
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    matcher.open_end_ = c == '%';
    if (c == '%') {
      end_part();
      floating = true;
    } else if (c == '_') {
      ++skip;
    } else {
      const bool escape = c == '\\' && i + 1 < pattern.size() && (pattern[i + 1] == '%' || pattern[i + 1] == '_' || pattern[i + 1] == '\\');
      if (escape) ++i;
      if (part.pieces.empty() || skip > 0) part.pieces.push_back({.skip = std::exchange(skip, 0), .literal = ""});
      part.pieces.back().literal.push_back(pattern[i]);
    }
  }
  end_part();
  const bool plain = matcher.parts_.size() == 1 && matcher.parts_[0].pieces.size() == 1 && matcher.parts_[0].pieces[0].skip == 0 &&
                     matcher.parts_[0].trailing_skip == 0;
  if (matcher.parts_.empty()) matcher.shape_ = floating ? Shape::kAll : Shape::kEqual;
  if (plain) {
    matcher.literal_ = matcher.parts_[0].pieces[0].literal;
    matcher.shape_ = matcher.open_start_ ? (matcher.open_end_ ? Shape::kInfix : Shape::kSuffix)
                     : matcher.open_end_ ? Shape::kPrefix
                                         : Shape::kEqual;
  }
  for (size_t i = 0; i < matcher.parts_.size(); ++i) {
    const bool anchored = (i == 0 && !matcher.open_start_) || (i + 1 == matcher.parts_.size() && !matcher.open_end_);
    if (anchored) continue;
    BuildAutomaton(&matcher.parts_[i]);
    if (matcher.parts_[i].length > kMaxAutomaton) {
      return InvalidArgument("a like pattern has a part with _ of ", matcher.parts_[i].length, " characters between %, the limit is ",
                             kMaxAutomaton);
    }
  }
  return matcher;
}

LikeMatcher LikeMatcher::Prefix(std::string_view prefix) {
  LikeMatcher matcher;
  matcher.shape_ = Shape::kPrefix;
  matcher.literal_ = prefix;
  return matcher;
}

std::string LikeMatcher::prefix() const {
  if (shape_ == Shape::kPrefix) return literal_;
  if (shape_ != Shape::kGeneral || open_start_ || parts_[0].pieces.empty() || parts_[0].pieces[0].skip > 0) return {};
  return parts_[0].pieces[0].literal;
}

std::vector<std::string> LikeMatcher::literals() const {
  if (shape_ != Shape::kGeneral) return {literal_};
  std::vector<std::string> out;
  for (const Part& part : parts_) {
    for (const Piece& piece : part.pieces) out.push_back(piece.literal);
  }
  return out;
}

// Leaves `length` 0 when the part needs no automaton: only text, or only _.
void LikeMatcher::BuildAutomaton(Part* part) {
  if (part->pieces.empty()) return;
  if (part->pieces.size() == 1 && part->pieces[0].skip == 0 && part->trailing_skip == 0) return;
  size_t length = part->trailing_skip;
  for (const Piece& piece : part->pieces) {
    length += piece.skip;
    for (const char c : piece.literal) length += Continues(c) ? 0 : 1;
  }
  part->length = length;
  if (length > kMaxAutomaton) return;
  const size_t words = (length + 63) / 64;
  part->anywhere.assign(words, 0);
  size_t place = 0;
  const auto skip = [&](size_t count) {
    for (; count > 0; --count, ++place) part->anywhere[place / 64] |= uint64_t{1} << (place % 64);
  };
  for (const Piece& piece : part->pieces) {
    skip(piece.skip);
    for (size_t at = 0; at < piece.literal.size(); ++place) {
      const size_t next = NextCharacter(piece.literal, at);
      std::vector<uint64_t>& mask = part->places[CharacterKey(piece.literal, at, next)];
      mask.resize(words, 0);
      mask[place / 64] |= uint64_t{1} << (place % 64);
      at = next;
    }
  }
  skip(part->trailing_skip);
  for (auto& [key, mask] : part->places) {
    for (size_t w = 0; w < words; ++w) mask[w] |= part->anywhere[w];
  }
}

// The end of the match that begins at `at`, or kNone.
size_t LikeMatcher::MatchAt(const Part& part, std::string_view text, size_t at) {
  const auto skip = [&](size_t count) {
    for (; count > 0 && at != kNone; --count) at = NextCharacter(text, at);
    return at != kNone;
  };
  for (const Piece& piece : part.pieces) {
    if (!skip(piece.skip) || !text.substr(at).starts_with(piece.literal)) return kNone;
    at += piece.literal.size();
  }
  return skip(part.trailing_skip) ? at : kNone;
}

// The start of the match that ends with the text, or kNone.
size_t LikeMatcher::MatchEnd(const Part& part, std::string_view text) {
  const auto skip = [&](size_t count) {
    for (; count > 0; --count) {
      if (text.empty()) return false;
      size_t at = text.size() - 1;
      while (at > 0 && text.size() - at < 4 && Continues(text[at])) --at;
      text = text.substr(0, at);
    }
    return true;
  };
  if (!skip(part.trailing_skip)) return kNone;
  for (size_t i = part.pieces.size(); i-- > 0;) {
    if (!text.ends_with(part.pieces[i].literal)) return kNone;
    text.remove_suffix(part.pieces[i].literal.size());
    if (!skip(part.pieces[i].skip)) return kNone;
  }
  return text.size();
}

// The end of the leftmost match at or behind `at`, or kNone.
size_t LikeMatcher::Find(const Part& part, std::string_view text, size_t at) {
  if (part.length > 0) return FindAutomaton(part, text, at);
  if (part.pieces.empty()) return MatchAt(part, text, at);
  const size_t found = FindText(text, part.pieces[0].literal, at);
  return found == kNone ? kNone : found + part.pieces[0].literal.size();
}

size_t LikeMatcher::FindAutomaton(const Part& part, std::string_view text, size_t at) {
  const size_t words = part.anywhere.size();
  uint64_t state[kMaxAutomaton / 64] = {};
  while (at < text.size()) {
    const size_t next = NextCharacter(text, at);
    const auto found = part.places.find(CharacterKey(text, at, next));
    const std::vector<uint64_t>& mask = found == part.places.end() ? part.anywhere : found->second;
    uint64_t carry = 1;
    for (size_t w = 0; w < words; ++w) {
      const uint64_t out = state[w] >> 63;
      state[w] = (state[w] << 1 | carry) & mask[w];
      carry = out;
    }
    at = next;
    if ((state[(part.length - 1) / 64] >> ((part.length - 1) % 64) & 1) != 0) return at;
  }
  return kNone;
}

bool LikeMatcher::Matches(std::string_view text) const {
  switch (shape_) {
    case Shape::kAll: return true;
    case Shape::kEqual: return text == literal_;
    case Shape::kPrefix: return text.starts_with(literal_);
    case Shape::kSuffix: return text.ends_with(literal_);
    case Shape::kInfix: return FindText(text, literal_, 0) != kNone;
    case Shape::kGeneral: break;
  }
  size_t first = 0;
  size_t last = parts_.size();
  size_t at = 0;
  if (!open_start_) {
    at = MatchAt(parts_[first++], text, 0);
    if (at == kNone) return false;
    if (first == last && !open_end_) return at == text.size();
  }
  size_t end = text.size();
  if (!open_end_) {
    end = MatchEnd(parts_[--last], text);
    if (end == kNone || end < at) return false;
  }
  for (; first < last; ++first) {
    at = Find(parts_[first], text.substr(0, end), at);
    if (at == kNone) return false;
  }
  return true;
}

}  // namespace saker::filter
