// Text to ids, exactly as the fast Hugging Face tokenizer of BERT models does it.
//
// Immutable once loaded; any thread. Text that is not UTF-8 is InvalidArgument with the byte's offset. Special tokens
// written literally in a text ("[SEP]") become their ids, as the reference does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace saker::embed {

struct TokenizedText {
  std::vector<int32_t> ids;       // [CLS] ... [SEP], after truncation
  std::vector<uint8_t> type_ids;  // empty for a single text: all 0
  size_t full_count = 0;          // before truncation, special tokens included
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // At most `max_tokens` ids, at least 2: the text is cut at its end, the special tokens stay.
  virtual Result<TokenizedText> Encode(std::string_view text, size_t max_tokens) const = 0;
  // [CLS] a [SEP] b [SEP], uncut; type id 1 from b on.
  virtual Result<TokenizedText> EncodePair(std::string_view a, std::string_view b) const = 0;
  virtual size_t vocabulary_size() const = 0;  // the largest id + 1
  // The same value means the same ids for every text, whichever file the vocabulary came from.
  virtual uint64_t Fingerprint(uint64_t seed) const = 0;
  virtual uint64_t memory_bytes() const = 0;
};

// Reads `directory`/tokenizer.json or, without one, vocab.txt and tokenizer_config.json. A component that is not
// understood is Unimplemented and named: skipping it would give plausible, wrong vectors.
Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::string& directory);

}  // namespace saker::embed
