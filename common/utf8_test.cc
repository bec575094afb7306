#include "common/utf8.h"

#include <gtest/gtest.h>

namespace saker {
namespace {

TEST(ReadableUtf8, LeavesWellFormedTextAlone) {
  for (const char* text : {"", "plain", "n\xC3\xA4her", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(ReadableUtf8(text), text);
  }
}

TEST(ReadableUtf8, ReplacesEachByteThatIsNoPartOfACharacter) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(ReadableUtf8("a\xFFz"), "a" + mark + "z");
  EXPECT_EQ(ReadableUtf8("cut \xC3"), "cut " + mark);
  EXPECT_EQ(ReadableUtf8("\xE2\x82"), mark + mark);
  EXPECT_EQ(ReadableUtf8("\xF0\x9F\x98x"), mark + mark + mark + "x");
  EXPECT_EQ(ReadableUtf8("\xC0\x80"), mark + mark);                        // overlong
  EXPECT_EQ(ReadableUtf8("\xED\xA0\x80"), mark + mark + mark);             // a surrogate
  EXPECT_EQ(ReadableUtf8("\xF4\x90\x80\x80"), mark + mark + mark + mark);  // above the last character
}

TEST(Utf8, GivesBackEveryCodePoint) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(c, &text);
    size_t at = 0;
    char32_t back = 0;
    ASSERT_TRUE(DecodeUtf8(text, &at, &back)) << static_cast<uint32_t>(c);
    ASSERT_EQ(back, c);
    ASSERT_EQ(at, text.size());
    ASSERT_EQ(ValidUtf8Prefix(text), text.size());
  }
}

TEST(Utf8, StopsAtWhatIsNotWellFormed) {
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\xFF", "\x80"}) {
    size_t at = 0;
    char32_t c = 7;
    EXPECT_FALSE(DecodeUtf8(bad, &at, &c));
    EXPECT_EQ(at, 0u);
    EXPECT_EQ(c, 7u);
    EXPECT_EQ(ValidUtf8Prefix("nine bytes " + std::string(bad)), 11u);
  }
  size_t end = 1;
  char32_t c = 0;
  EXPECT_FALSE(DecodeUtf8("a", &end, &c));
}

}  // namespace
}  // namespace saker
