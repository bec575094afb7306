// Patterns against a simple matcher, hostile ones, and what they tell an index.
#include <ctime>
#include <random>

#include <gtest/gtest.h>

#include "server/filter/like.h"

namespace saker::filter {
namespace {

TEST(Like, AgreesWithASimpleMatcher) {
  // Characters by recursion, the definition.
  const auto simple = [](const auto& self, std::string_view p, std::string_view t) -> bool {
    if (p.empty()) return t.empty();
    if (p[0] == '%') return self(self, p.substr(1), t) || (!t.empty() && self(self, p, t.substr(1)));
    if (t.empty()) return false;
    size_t n = 1;
    while (p[0] == '_' && n < t.size() && (static_cast<uint8_t>(t[n]) & 0xC0) == 0x80) ++n;
    return (p[0] == '_' || p[0] == t[0]) && self(self, p.substr(1), t.substr(n));
  };
  uint64_t state = 12345;
  const auto next = [&state](uint64_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % n;
  };
  const char* letters[] = {"a", "b", "é", "a"};
  const char* signs[] = {"a", "b", "é", "%", "_", "%"};
  int matches = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    std::string pattern;
    for (uint64_t n = next(9); n > 0; --n) text += letters[next(4)];
    for (uint64_t n = next(7); n > 0; --n) pattern += signs[next(6)];
    const bool expected = simple(simple, pattern, text);
    matches += expected ? 1 : 0;
    ASSERT_EQ(LikeMatcher::Compile(pattern)->Matches(text), expected) << pattern << " on " << text;
  }
  EXPECT_GT(matches, 5000);
}

TEST(Like, StaysLinearOnHostilePatterns) {
  const std::string text(60'000, 'a');
  std::string pattern = "%";
  for (int i = 0; i < 30; ++i) pattern += std::string(15, 'a') + "_" + std::string(15, 'a') + "b%";
  const LikeMatcher hostile = *LikeMatcher::Compile(pattern);
  EXPECT_FALSE(hostile.Matches(text));
  const LikeMatcher plain = *LikeMatcher::Compile("%" + std::string(30'000, 'a') + "b%");
  EXPECT_FALSE(plain.Matches(text));
  EXPECT_FALSE(LikeMatcher::Compile("%_" + std::string(2000, 'a') + "%").ok());
  EXPECT_FALSE(LikeMatcher::Compile(std::string(70'000, 'a')).ok());
}

TEST(Like, TellsAnIndexWhatEveryMatchHolds) {
  const auto parts = [](const char* pattern) {
    const LikeMatcher matcher = *LikeMatcher::Compile(pattern);
    std::string out =
        matcher.whole_text() != nullptr ? "=" + *matcher.whole_text() : matcher.prefix() + (matcher.only_prefix() ? "*" : "?");
    for (const std::string& literal : matcher.literals()) out += "," + literal;
    return out;
  };
  EXPECT_EQ(parts("abc"), "=abc,abc");
  EXPECT_EQ(parts("abc%"), "abc*,abc");
  EXPECT_EQ(parts("%abc%"), "?,abc");
  EXPECT_EQ(parts("ab%c_d"), "ab?,ab,c,d");
  EXPECT_EQ(parts("_ab%"), "?,ab");
  EXPECT_EQ(parts("%"), "*,");
}

}  // namespace
}  // namespace saker::filter
