#include "embed/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <random>

#include <simdjson.h>

#include "embed/testing/tiny_model.h"
#include "embed/tokenizer/trie.h"
#include "embed/tokenizer/unicode.h"
#include "embed/tokenizer/wordpiece.h"

namespace saker::embed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Tokenizer> Tiny(bool lowercase = true) {
  WordPieceConfig config;
  config.lowercase = config.strip_accents = lowercase;
  int32_t id = 0;
  for (const std::string& word : TinyVocabulary()) {
    if (id < 5) config.added_tokens.emplace_back(word, id);
    config.pieces.emplace_back(word, id++);
  }
  return WordPieceTokenizer::Create(config).value();
}

std::vector<std::string> Tokens(const Tokenizer& tokenizer, std::string_view text) {
  const std::vector<std::string> words = TinyVocabulary();
  std::vector<std::string> out;
  const TokenizedText encoded = tokenizer.Encode(text, 1000).value();
  for (const int32_t id : encoded.ids) out.push_back(words[static_cast<size_t>(id)]);
  return out;
}

TEST(Tokenizer, SplitsWordsIntoTheLongestPieces) {
  EXPECT_THAT(Tokens(*Tiny(), "The sealing."), ElementsAre("[CLS]", "the", "seal", "##ing", ".", "[SEP]"));
  EXPECT_THAT(Tokens(*Tiny(), "ab 1b"), ElementsAre("[CLS]", "a", "##b", "[UNK]", "[SEP]"));
}

TEST(Tokenizer, DropsControlsAndAccents) {
  EXPECT_THAT(Tokens(*Tiny(), "th\u200Be \u00C9"), ElementsAre("[CLS]", "the", "e", "[SEP]"));
  EXPECT_THAT(Tokens(*Tiny(false), "The"), ElementsAre("[CLS]", "[UNK]", "[SEP]"));
  EXPECT_THAT(Tokens(*Tiny(), std::string_view("a\0b", 3)), ElementsAre("[CLS]", "a", "##b", "[SEP]"));
}

TEST(Tokenizer, KeepsSpecialTokensWrittenInTheText) {
  EXPECT_THAT(Tokens(*Tiny(), "a[SEP]b [sep]"), ElementsAre("[CLS]", "a", "[SEP]", "b", "[UNK]", "s", "##e", "##p", "[UNK]", "[SEP]"));
}

TEST(Tokenizer, AWordOf101CharactersIsUnknown) {
  EXPECT_EQ(Tiny()->Encode(std::string(100, 'a'), 1000).value().ids.size(), 102U);
  EXPECT_EQ(Tiny()->Encode(std::string(101, 'a'), 1000).value().ids.size(), 3U);
}

TEST(Tokenizer, TruncatesAndCountsWhatWasCut) {
  const TokenizedText text = Tiny()->Encode("a b c d e f", 5).value();
  EXPECT_EQ(text.ids.size(), 5U);
  EXPECT_EQ(text.ids.back(), 3);
  EXPECT_EQ(text.full_count, 8U);
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8) {
  for (const std::string bad : {"ab\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "abcdefgh\xe2\x82", "\x80"}) {
    const auto result = Tiny()->Encode(bad, 10);
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(Tiny()->Encode("abcdefgh\xff", 10).status().message(), HasSubstr("byte 8 of 9"));
}

TEST(Tokenizer, NamesWhatItCannotRead) {
  TestDirectory directory;
  EXPECT_EQ(LoadTokenizer(directory.path()).status().code(), StatusCode::kNotFound);
  const std::string path = directory.path() + "/tokenizer.json";
  WriteTestFile(path, "{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}");
  EXPECT_THAT(LoadTokenizer(directory.path()).status().message(), HasSubstr("Unigram"));
  WriteTestFile(path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  EXPECT_THAT(LoadTokenizer(directory.path()).status().message(), HasSubstr("Git LFS pointer"));
  WriteTestFile(path, R"({"model":{"type":"WordPiece","vocab":{"a":0,"[UNK]":1,"a":2}}})");
  EXPECT_FALSE(LoadTokenizer(directory.path()).ok());
  WriteTestFile(path, "{");
  EXPECT_EQ(LoadTokenizer(directory.path()).status().code(), StatusCode::kDataLoss);
}

TEST(Trie, FindsTheLongestOfRandomKeys) {
  const uint32_t seed = TestSeed();
  SCOPED_TRACE("SAKER_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  std::map<std::string, int32_t> keys;
  while (keys.size() < 3000) {
    std::string key(1 + random() % 6, ' ');
    for (char& c : key) c = static_cast<char>(random() % 4 == 0 ? random() % 256 : 'a' + random() % 3);
    keys.emplace(key, static_cast<int32_t>(keys.size()));
  }
  const Trie trie{std::vector<Trie::Entry>(keys.begin(), keys.end())};
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 9, ' ');
    for (char& c : text) c = static_cast<char>(random() % 4 == 0 ? random() % 256 : 'a' + random() % 3);
    int32_t expected = -1;
    size_t expected_length = 0;
    for (size_t length = 1; length <= text.size(); ++length) {
      const auto key = keys.find(text.substr(0, length));
      if (key != keys.end()) expected = key->second, expected_length = length;
    }
    size_t length = 0;
    ASSERT_EQ(trie.LongestPrefix(Trie::kRoot, text, &length), expected);
    ASSERT_EQ(length, expected_length);
  }
}

// Ids of the reference implementation (Hugging Face tokenizers) for edge cases and for real text.
class GoldenIds : public ::testing::TestWithParam<const char*> {};

void CheckGolden(const Tokenizer& tokenizer, const std::string& golden_path) {
  std::ifstream file(golden_path);
  ASSERT_TRUE(file.good()) << golden_path;
  simdjson::dom::parser parser;
  size_t lines = 0;
  size_t wrong = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    const simdjson::dom::element element = parser.parse(line);
    std::vector<int32_t> ids;
    for (const auto id : simdjson::dom::array(element["ids"])) ids.push_back(static_cast<int32_t>(int64_t(id)));
    const std::string_view text = element["text"];
    std::string_view pair;
    const bool is_pair = element["pair"].get(pair) == simdjson::SUCCESS;
    const auto encoded = is_pair ? tokenizer.EncodePair(text, pair) : tokenizer.Encode(text, SIZE_MAX);
    ASSERT_TRUE(encoded.ok()) << encoded.status().ToString();
    if (encoded->ids != ids && ++wrong <= 5) ADD_FAILURE() << "line " << lines + 1 << ": " << line.substr(0, 300);
    if (is_pair) {
      std::vector<uint8_t> types;
      for (const auto type : simdjson::dom::array(element["type_ids"])) types.push_back(static_cast<uint8_t>(int64_t(type)));
      EXPECT_EQ(encoded->type_ids, types);
    }
  }
  EXPECT_GT(lines, 500U);
  EXPECT_EQ(wrong, 0U);
}

TEST_P(GoldenIds, AreTheReferences) {
  const std::string shared = SharedDirectory();
  if (shared.empty()) GTEST_SKIP() << "no shared data: set SAKER_SHARED";
  const std::string folder = shared + "/data/tokenizers/";
  const auto tokenizer = LoadTokenizer(folder + GetParam());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  CheckGolden(**tokenizer, folder + "golden/wordpiece." + GetParam() + ".jsonl");
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenIds, ::testing::Values("all-MiniLM-L6-v2", "bge-small-zh-v1.5"));

TEST(Tokenizer, VocabularyTextGivesTheIdsOfTokenizerJson) {
  const std::string shared = SharedDirectory();
  if (shared.empty()) GTEST_SKIP() << "no shared data: set SAKER_SHARED";
  const auto from_text = LoadTokenizer(shared + "/data/tokenizers/bert-base-uncased");
  ASSERT_TRUE(from_text.ok()) << from_text.status().ToString();
  CheckGolden(**from_text, shared + "/data/tokenizers/golden/wordpiece.all-MiniLM-L6-v2.jsonl");
  const auto from_json = LoadTokenizer(shared + "/data/tokenizers/all-MiniLM-L6-v2");
  EXPECT_EQ((*from_text)->Fingerprint(7), (*from_json)->Fingerprint(7));
}

TEST(Tokenizer, IsFast) {
  const std::string shared = SharedDirectory();
  if (shared.empty()) GTEST_SKIP() << "no shared data: set SAKER_SHARED";
  const auto tokenizer = LoadTokenizer(shared + "/data/tokenizers/all-MiniLM-L6-v2");
  std::ifstream file(shared + "/data/ir/cranfield/corpus.jsonl");
  std::vector<std::string> texts;
  for (std::string line; std::getline(file, line);) texts.push_back(line);
  size_t tokens = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < 3; ++round) {
    for (const std::string& text : texts) tokens += (*tokenizer)->Encode(text, SIZE_MAX).value().full_count;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  // Printed, not asserted: machines are shared and sanitizers slow.
  std::cout << "tokenizer: " << static_cast<double>(tokens) / seconds / 1e6 << " M tokens/s\n";
  EXPECT_GT(tokens, 0U);
}

}  // namespace
}  // namespace saker::embed
