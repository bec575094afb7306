// Filters one by one, behind a tokenizer that leaves them their input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/analyzer/multi_analyzer.h"
#include "server/analyzer/test_tokens.h"

namespace saker::analyzer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Behind(std::string_view filter, std::string_view tokenizer = R"("whitespace")") {
  return R"({"tokenizer":)" + std::string(tokenizer) + R"(,"filter":[)" + std::string(filter) + "]}";
}
std::string RefusedFilter(std::string_view filter) {
  return Refusal(Behind(filter));
}

TEST(Tokenizers, WhitespaceKeepsWhatIsBetween) {
  EXPECT_THAT(Words(R"({"tokenizer":"whitespace"})", " A-b\tc,d \u00a0x "), ElementsAre("A-b", "c,d", "\u00a0x"));
}

TEST(Tokenizers, CharGroupSplitsAtItsDelimiters) {
  EXPECT_THAT(Words(R"({"tokenizer":{"type":"char_group","delimiters":["o","punctuation","digit"]}})", "testotest,test1test 。x"),
              ElementsAre("test", "test", "test", "test ", "x"));
  EXPECT_THAT(Words(R"({"tokenizer":{"type":"char_group","delimiters":["，","whitespace"]}})", "甲，乙 丙"), ElementsAre("甲", "乙", "丙"));
  EXPECT_THAT(Words(R"({"tokenizer":{"type":"char_group","delimiters":["ascii_punctuation"]}})", "a$b。c"), ElementsAre("a", "b。c"));
  EXPECT_EQ(Refusal(R"({"tokenizer":{"type":"char_group","delimiters":["nothing"]}})"),
            "nothing not a char or name of build-in char group");
  EXPECT_EQ(Refusal(R"({"tokenizer":"char_group"})"), "char group tokenizer delimiters can't be empty");
}

TEST(Tokenizers, IcuGivesEverySegmentAndCountsCharacters) {
  EXPECT_THAT(Tokens(R"({"tokenizer":"icu"})", "中文 ok"),
              ElementsAre(Token{"中文", 0, 6, 0, 2}, Token{" ", 6, 7, 2, 1}, Token{"ok", 7, 9, 3, 2}));
  EXPECT_THAT(Words(R"({"tokenizer":"icu"})", "can't 3.14 👩‍🔬"), ElementsAre("can't", " ", "3.14", " ", "👩‍🔬"));
  EXPECT_THAT(Words(R"({"tokenizer":"icu"})", ""), IsEmpty());
}

TEST(Tokenizers, WhatIsNotHereSaysSo) {
  for (const char* name : {"lindera", "language_identifier", "grpc"}) {
    EXPECT_THAT(Refusal(std::string(R"({"tokenizer":{"type":")") + name + "\"}}"), HasSubstr("not part of this server"));
  }
  EXPECT_THAT(Refusal(R"({"tokenizer":{"type":"jieba","dict":["_default_","自定义"]}})"), HasSubstr("自定义"));
  EXPECT_THAT(Refusal(R"({"tokenizer":{"type":"jieba","mode":"fast"}})"), HasSubstr("\"exact\" or \"search\""));
  EXPECT_EQ(Refusal(R"({"tokenizer":{"type":"jieba","dict":["_default_"],"mode":"exact","hmm":false}})"), "");
  EXPECT_THAT(Refusal(R"({"tokenizer":{"type":"standard","uax29":true}})"), HasSubstr("uax29 is not supported"));
}

TEST(ChineseAnalyzer, FindsWordsAndDropsTheRest) {
  EXPECT_THAT(Words(R"({"type":"chinese"})", "北京大学的学生，使用 Milvus 2.5！"),
              ElementsAre("北京", "大学", "的", "学生", "使用", "Milvus", "2.5"));
  EXPECT_THAT(Words(R"({"type":"chinese","stop_words":["的"]})", "大学的学生"), ElementsAre("大学", "学生"));
  EXPECT_THAT(Tokens(R"({"tokenizer":{"type":"jieba"}})", "a共和国"),
              ElementsAre(Token{"a", 0, 1, 0, 1}, Token{"共和", 1, 7, 1, 2}, Token{"共和国", 1, 10, 1, 3}));
  EXPECT_THAT(Words(R"({"tokenizer":{"type":"jieba","mode":"search"}})", "图书 abc カタカナ"),
              ElementsAre("图书", " ", "abc", " ", "カタカナ"));
  for (const char* exact : {R"({"tokenizer":{"type":"jieba","mode":"exact"}})", R"({"tokenizer":"jieba"})"}) {
    EXPECT_THAT(Words(exact, "共和国"), ElementsAre("共和国"));
  }
  EXPECT_THAT(Words(R"({"tokenizer":"jieba","filter":["removepunct"]})", "中文标点，测试。"), ElementsAre("中文", "标点", "测试"));
}

TEST(ArabicAnalyzer, NormalizesAndStems) {
  EXPECT_THAT(Words(R"({"tokenizer":"whitespace","filter":["arabic_normalization"]})", "أَحْمَد مدرسة على"),
              ElementsAre("احمد", "مدرسه", "علي"));
  EXPECT_THAT(Words(R"({"type":"arabic"})", "١٢٣ الكتاب"), ElementsAre("123", "كتاب"));
}

TEST(ThaiAnalyzer, FindsWordsWithoutSpaces) {
  EXPECT_THAT(Words(R"({"type":"thai"})", "สวัสดีชาวโลก ๑๒!"), ElementsAre("สวัสดี", "ชาว", "โลก", "12"));
}

TEST(Filters, AsciiFoldingKeepsWhatHasNoAsciiForm) {
  EXPECT_THAT(Words(Behind("\"asciifolding\""), "Café naïve Straße Ærø Łódź ﬁne Ａ１！ 中文 ½ ’ e\u0301"),
              ElementsAre("Cafe", "naive", "Strasse", "AEro", "Lodz", "fine", "A1!", "中文", "½", "'", "e\u0301"));
}

TEST(Filters, ClassesLookAtWholeTokensOrAtAnyCharacter) {
  constexpr std::string_view kText = "abc a1 ñ 中文 x中 a-b , １";
  EXPECT_THAT(Words(Behind("\"alphaonly\""), kText), ElementsAre("abc"));
  EXPECT_THAT(Words(Behind("\"alphanumonly\""), kText), ElementsAre("abc", "a1"));
  EXPECT_THAT(Words(Behind("\"cncharonly\""), kText), ElementsAre("中文", "x中"));
  EXPECT_THAT(Words(Behind("\"cnalphanumonly\""), kText), ElementsAre("abc", "a1", "中文", "x中", "a-b"));
  EXPECT_THAT(Words(Behind("\"removepunct\""), kText), ElementsAre("abc", "a1", "ñ", "中文", "x中", "１"));
  EXPECT_THAT(Words(Behind("\"decimaldigit\""), "१२ ٣ x４½"), ElementsAre("12", "3", "x4½"));
}

TEST(Filters, LengthCountsBytes) {
  EXPECT_THAT(Words(Behind(R"({"type":"length","max":3})"), "a abc abcd 中 中文"), ElementsAre("a", "abc", "中"));
  EXPECT_EQ(RefusedFilter(R"({"type":"length","max":-1})"), "lenth max param was none or not uint");
  EXPECT_EQ(RefusedFilter(R"({"type":"length"})"), "lenth max param was none or not uint");
}

TEST(Filters, StopIsExactAndKnowsEnglish) {
  EXPECT_THAT(Words(Behind(R"({"type":"stop","stop_words":["_english_","x"]})"), "the The x y"), ElementsAre("The", "y"));
  EXPECT_THAT(RefusedFilter(R"({"type":"stop","stop_words":["_klingon_"]})"), HasSubstr("_klingon_"));
  EXPECT_EQ(RefusedFilter(R"({"type":"stop"})"), "stop filter stop_words can't be empty");
  EXPECT_EQ(RefusedFilter(R"({"type":"stop","stop_words":"x"})"), "stop_words should be array");
  EXPECT_EQ(RefusedFilter(R"({"type":"stop","stop_words":[1]})"), "stop_words item should be string");
  EXPECT_THAT(RefusedFilter(R"({"type":"stop","stop_words_file":{"type":"local"}})"), HasSubstr("stop_words_file is not supported"));
}

TEST(Filters, StemmerKnowsMilvusLanguages) {
  for (const char* language :
       {"arabic",    "danish",     "dutch",    "english", "finnish", "french",  "german", "greek",   "hungarian", "italian",
        "norwegian", "portuguese", "romanian", "russian", "spanish", "swedish", "tamil",  "turkish", "English",   "arabig"}) {
    EXPECT_EQ(RefusedFilter(std::string(R"({"type":"stemmer","language":")") + language + "\"}"), "") << language;
  }
  EXPECT_THAT(Words(Behind(R"({"type":"stemmer","language":"german"})"), "katzen häuser"), ElementsAre("katz", "haus"));
}

// Remembered stems are those that the stemmer made: each word in two languages, met again after thousands of others.
TEST(Filters, RememberedStemsAreTheStemmers) {
  const auto english = Analyzer::Make(Behind(R"({"type":"stemmer","language":"english"})")).value();
  const auto german = Analyzer::Make(Behind(R"({"type":"stemmer","language":"german"})")).value();
  const auto stems = [](const Analyzer& analyzer, const std::string& text) {
    std::vector<Token> tokens;
    EXPECT_TRUE(analyzer.Analyze(text, &tokens).ok());
    std::string joined;
    for (const Token& token : tokens) joined += token.text + " ";
    return joined;
  };
  // 22 and more bytes do not fit beside their stem, a long word neither.
  const std::string text = "running categories institutionalization " + std::string(60, 'x') + "ings häuser a " + std::string(23, 'q');
  const std::string first = stems(*english, text), other = stems(*german, text);
  EXPECT_NE(first, other);
  EXPECT_EQ(first.substr(0, 24), "run categori institution");
  for (int round = 0; round < 3; ++round) {
    std::string crowd;
    for (int i = 0; i < 6000; ++i) crowd += "word" + std::to_string(i * 7 + round) + "s ";
    EXPECT_EQ(stems(*english, crowd).find("s "), std::string::npos);
    EXPECT_EQ(stems(*english, text), first);
    EXPECT_EQ(stems(*english, text), first);
    EXPECT_EQ(stems(*german, text), other);
  }
}

TEST(Filters, DecompounderSplitsChainsOfItsWords) {
  EXPECT_THAT(Tokens(Behind(R"({"type":"decompounder","word_list":["dampf","schiff","fahrt","schifffahrt"]})"), "dampfschifffahrt dampfer"),
              ElementsAre(Token{"dampf", 0, 16, 0, 1}, Token{"schifffahrt", 0, 16, 0, 1}, Token{"dampfer", 17, 24, 1, 1}));
  EXPECT_EQ(RefusedFilter(R"({"type":"decompounder"})"), "decompounder word list should be array");
}

TEST(Filters, RegexKeepsWhatMatches) {
  EXPECT_THAT(Words(Behind(R"x({"type":"regex","expr":"^(?!test)"})x"), "test milvus testing 测试"), ElementsAre("milvus", "测试"));
  EXPECT_THAT(Words(Behind(R"({"type":"regex","expr":"é+$"})"), "cafés café"), ElementsAre("café"));
  EXPECT_THAT(RefusedFilter(R"({"type":"regex","expr":"("})"), HasSubstr("regex expression invalid, expr:(, err: "));
  EXPECT_EQ(RefusedFilter(R"({"type":"regex"})"), "must set expr for regex filter");
}

TEST(Filters, RegexGivesUpInsteadOfHanging) {
  const auto analyzer = Analyzer::Make(Behind(R"({"type":"regex","expr":"(a+)+$"})")).value();
  std::vector<Token> tokens;
  EXPECT_THAT(analyzer->Analyze(std::string(60, 'a') + "b", &tokens).message(), HasSubstr("gives up"));
  EXPECT_TRUE(analyzer->Analyze("aaa", &tokens).ok());
}

TEST(Filters, SynonymsExpandOrReplace) {
  EXPECT_THAT(Tokens(Behind(R"({"type":"synonym","synonyms":["gap, interval","trans => translate"]})"), "gap trans x"),
              ElementsAre(Token{"gap", 0, 3, 0, 1}, Token{"interval", 0, 3, 0, 1}, Token{"trans", 4, 9, 1, 1},
                          Token{"translate", 4, 9, 1, 1}, Token{"x", 10, 11, 2, 1}));
  EXPECT_THAT(Words(Behind(R"({"type":"synonym","expand":false,"synonyms":["trans => translate, \\=>", "\\\\test, test, tests"]})"),
                    "test trans synonym"),
              ElementsAre("\\test", "translate", "=>", "synonym"));
  EXPECT_THAT(RefusedFilter(R"({"type":"synonym","synonyms":["a => b => c"]})"), HasSubstr("more than one"));
  EXPECT_THAT(RefusedFilter(R"({"type":"synonym","synonyms":["a b"]})"), HasSubstr("has space between words"));
  EXPECT_THAT(RefusedFilter(R"({"type":"synonym","synonyms":["a\\"]})"), HasSubstr("escaped in the end"));
  EXPECT_THAT(RefusedFilter(R"({"type":"synonym","expand":1})"), HasSubstr("`expand` must be bool"));
}

TEST(Filters, TooManyTokensAreRefused) {
  std::string synonyms;
  for (int i = 0; i < 200; ++i) synonyms += (i == 0 ? "a" : ",w") + std::to_string(i);
  const auto analyzer = Analyzer::Make(Behind(R"({"type":"synonym","synonyms":["a0=>)" + synonyms + "\"]}")).value();
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "a0 ";
  std::vector<Token> tokens;
  EXPECT_THAT(analyzer->Analyze(text, &tokens).message(), HasSubstr("more than 262144 tokens"));
}

TEST(MultiAnalyzer, ChoosesByNameAliasOrDefault) {
  const auto several = MultiAnalyzer::Make(R"({"analyzers":{"default":{},"english":{"type":"english"},"cn":{"type":"chinese"}},)"
                                           R"("by_field":"lang","alias":{"en":"english"}})")
                           .value();
  EXPECT_EQ(several->by_field(), "lang");
  const auto first = [&](std::string_view name) {
    std::vector<Token> tokens;
    EXPECT_TRUE(several->For(name).Analyze("Runners", &tokens).ok());
    return tokens.at(0).text;
  };
  EXPECT_EQ(first("english"), "runner");
  EXPECT_EQ(first("en"), "runner");
  EXPECT_EQ(first("cn"), "Runners");
  EXPECT_EQ(first("klingon"), "runners");
}

TEST(MultiAnalyzer, SaysWhatIsMissing) {
  const auto refusal = [](std::string_view params) { return MultiAnalyzer::Make(params).status().message(); };
  EXPECT_THAT(refusal("{}"), HasSubstr("must set by_field"));
  EXPECT_THAT(refusal(R"({"by_field":1})"), HasSubstr("by_field must be string but now: 1"));
  EXPECT_THAT(refusal(R"({"by_field":"f"})"), HasSubstr("must set analyzers"));
  EXPECT_THAT(refusal(R"({"by_field":"f","analyzers":{"english":{}}})"), HasSubstr("must set default analyzer"));
  EXPECT_THAT(refusal(R"({"by_field":"f","analyzers":{"default":{"type":"x"}}})"), HasSubstr("multi analyzer default: unknown build-in"));
  EXPECT_THAT(refusal(R"({"by_field":"f","analyzers":{"default":{}},"alias":["a"]})"), HasSubstr("alias must be string map"));
}

}  // namespace
}  // namespace saker::analyzer
