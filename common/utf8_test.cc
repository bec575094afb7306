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

}  // namespace
}  // namespace saker
