// Golden token lists, written by hand from what Milvus documents.
#include "server/analyzer/analyzer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/analyzer/test_tokens.h"

namespace saker::analyzer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(StandardAnalyzer, SplitsAtWhatIsNeitherLetterNorNumberAndLowers) {
  for (const char* params : {"", "{}", R"({"type":"standard"})"}) {
    EXPECT_THAT(Words(params, "The 2 QUICK Brown-Foxes dog's 32.3"),
                ElementsAre("the", "2", "quick", "brown", "foxes", "dog", "s", "32", "3"));
  }
  EXPECT_THAT(Words("", "DEF_456---Straße ΣΊΣΥΦΟΣ Ünïcode İ"), ElementsAre("def", "456", "straße", "σίσυφοσ", "ünïcode", "i\u0307"));
  EXPECT_THAT(Words("", "中文 한국어 ½ Ⅷ ٣"), ElementsAre("中文", "한국어", "½", "ⅷ", "٣"));
  EXPECT_THAT(Words("", "👩🔬 e\u0301 a"), ElementsAre("e", "a"));  // emoji and lone marks are no letters
  EXPECT_THAT(Words("", " \t--- "), IsEmpty());
  EXPECT_THAT(Words("", ""), IsEmpty());
}

TEST(StandardAnalyzer, TellsBytesAndPositions) {
  EXPECT_THAT(Tokens("", "né, Zug"), ElementsAre(Token{"né", 0, 3, 0, 1}, Token{"zug", 5, 8, 1, 1}));
}

TEST(StandardAnalyzer, LeavesHolesWhereStopWordsWere) {
  EXPECT_THAT(Tokens(R"({"type":"standard","stop_words":["the","_english_"]})", "The cat and dog"),
              ElementsAre(Token{"cat", 4, 7, 1, 1}, Token{"dog", 12, 15, 3, 1}));
}

TEST(EnglishAnalyzer, StemsAndStops) {
  EXPECT_THAT(Words(R"({"type":"english"})", "The runners were running easily; milvus databases"),
              ElementsAre("runner", "were", "run", "easili", "milvus", "databas"));
}

TEST(Analyzer, RefusesWhatIsNoText) {
  const auto analyzer = Analyzer::Make("").value();
  std::vector<Token> tokens;
  for (const char* bad : {"\x80", "a\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE4\xB8"}) {
    EXPECT_THAT(analyzer->Analyze(bad, &tokens).message(), HasSubstr("must be utf8"));
  }
  EXPECT_THAT(analyzer->Analyze(std::string(kMaxTextBytes + 1, 'a'), &tokens).message(), HasSubstr("65536 bytes"));
  EXPECT_TRUE(analyzer->Analyze(std::string(kMaxTextBytes, 'a'), &tokens).ok());
  EXPECT_EQ(tokens.size(), 1u);
}

TEST(Analyzer, SaysWhatIsWrongWithItsParameters) {
  EXPECT_THAT(Refusal("{"), HasSubstr("not JSON"));
  EXPECT_EQ(Refusal("[]"), "params should be a json map");
  EXPECT_EQ(Refusal(R"({"type":"klingon"})"), "unknown build-in analyzer type: klingon");
  EXPECT_EQ(Refusal(R"({"type":1})"), "analyzer type shoud be string");
  EXPECT_EQ(Refusal(R"({"filter":[]})"), "tokenizer name or type must be set");
  EXPECT_EQ(Refusal(R"({"tokenizer":"x"})"), "unsupported tokenizer: x");
  EXPECT_EQ(Refusal(R"({"tokenizer":{"type":1}})"), "tokenizer type should be string");
  EXPECT_EQ(Refusal(R"({"tokenizer":"standard","filter":["x"]})"), "build analyzer failed, filter not found :x");
  EXPECT_EQ(Refusal(R"({"tokenizer":"standard","filter":[{"type":"stemmer","language":"klingon"}]})"),
            "create stemmer failed : unsupport language: klingon");
  EXPECT_EQ(Refusal(R"({"tokenizer":"standard","extra":1})"), "unknown analyzer option key: extra");
}

TEST(TermId, IsMilvusChecksum) {
  EXPECT_EQ(TermId("milvus"), 725768567u) << "CRC-32 (IEEE)";
  EXPECT_EQ(TermId(std::string(100, 'a') + "x"), TermId(std::string(100, 'a') + "y"));
  EXPECT_EQ(TermId("bm25-crc-1295crV"), 0u) << "the checksum 2^32 - 1 is no dimension";
  EXPECT_EQ(TermId(""), 0u);
}

}  // namespace
}  // namespace saker::analyzer
