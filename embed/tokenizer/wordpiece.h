// BERT's tokenizer: added tokens, BertNormalizer, BertPreTokenizer, WordPiece, [CLS] A [SEP].
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embed/tokenizer/tokenizer.h"
#include "embed/tokenizer/trie.h"

namespace saker::embed {

struct WordPieceConfig {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
  std::string unk_token = "[UNK]";
  std::string cls_token = "[CLS]";
  std::string sep_token = "[SEP]";
  std::string continuing_prefix = "##";
  size_t max_chars_per_word = 100;  // Unicode characters, after normalisation
  std::vector<std::pair<std::string, int32_t>> pieces;
  std::vector<std::pair<std::string, int32_t>> added_tokens;  // matched literally in the raw text, longest first
};

class WordPieceTokenizer final : public Tokenizer {
 public:
  static Result<std::unique_ptr<Tokenizer>> Create(WordPieceConfig config);

  Result<TokenizedText> Encode(std::string_view text, size_t max_tokens) const override;
  Result<TokenizedText> EncodePair(std::string_view a, std::string_view b) const override;
  size_t vocabulary_size() const override { return vocabulary_size_; }
  uint64_t Fingerprint(uint64_t seed) const override;
  uint64_t memory_bytes() const override { return pieces_.memory_bytes() + added_.memory_bytes(); }

 private:
  struct Word {
    std::string bytes;
    size_t chars = 0;
  };
  enum AsciiClass : uint8_t { kPlain, kSpace, kPunct, kDrop };

  explicit WordPieceTokenizer(WordPieceConfig config);
  Status AppendText(std::string_view text, std::vector<int32_t>* ids) const;
  void AppendSegment(std::string_view text, std::vector<int32_t>* ids) const;
  void AppendCodePoint(char32_t c, Word* word, std::vector<int32_t>* ids) const;
  void AppendNormalized(char32_t c, Word* word, std::vector<int32_t>* ids) const;
  void FlushWord(Word* word, std::vector<int32_t>* ids) const;

  const WordPieceConfig config_;
  Trie pieces_;
  Trie added_;
  uint32_t continuing_node_ = Trie::kNone;  // of pieces_, after continuing_prefix
  std::array<uint8_t, 256> added_first_byte_{};
  std::array<uint8_t, 128> ascii_class_{};
  std::array<char, 128> ascii_lower_{};
  int32_t unk_id_ = -1, cls_id_ = -1, sep_id_ = -1;
  size_t vocabulary_size_ = 0;
};

}  // namespace saker::embed
