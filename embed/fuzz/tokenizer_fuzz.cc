// Any bytes as a text: refused as not UTF-8, or ids of the vocabulary and as many as were asked for at most.
#include <cstdlib>

#include "embed/testing/tiny_model.h"
#include "embed/tokenizer/unicode.h"
#include "embed/tokenizer/wordpiece.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace saker::embed;
  static const auto* const tokenizer = [] {
    WordPieceConfig config;
    int32_t id = 0;
    for (const std::string& word : TinyVocabulary()) {
      if (id < 5) config.added_tokens.emplace_back(word, id);
      config.pieces.emplace_back(word, id++);
    }
    return WordPieceTokenizer::Create(config).value().release();
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto encoded = tokenizer->Encode(text, 64);
  if (encoded.ok() != (saker::ValidUtf8Prefix(text) == size)) std::abort();
  if (!encoded.ok()) return 0;
  if (encoded->ids.size() < 2 || encoded->ids.size() > 64 || encoded->full_count < encoded->ids.size()) std::abort();
  for (const int32_t id : encoded->ids) {
    if (id < 0 || static_cast<size_t>(id) >= tokenizer->vocabulary_size()) std::abort();
  }
  return 0;
}
