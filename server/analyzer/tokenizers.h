// The tokenizers of analyzer JSON. Positions count tokens, but characters where words are found by a dictionary: there a phrase's
// distance is what lies between the words, as with Milvus' jieba.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/analyzer/pipeline.h"

namespace saker::analyzer {

// Runs of alphanumeric characters; what Milvus calls "standard".
std::unique_ptr<Tokenizer> MakeStandardTokenizer();
// Runs of anything but ASCII white space.
std::unique_ptr<Tokenizer> MakeWhitespaceTokenizer();
// Runs of anything but the delimiters: single characters, or "whitespace", "letter", "digit", "punctuation", "symbol" and
// "ascii_..." of the first four. InvalidArgument for another text.
Result<std::unique_ptr<Tokenizer>> MakeCharGroupTokenizer(const std::vector<std::string>& delimiters);

enum class Segments { kAll, kWords };  // white space and punctuation are tokens too, or only what has a letter, digit or emoji
// ICU's word boundaries, with its dictionaries for Chinese, Japanese, Thai, Lao, Khmer and Burmese.
Result<std::unique_ptr<Tokenizer>> MakeIcuTokenizer(Segments segments);
// The same with all segments, and before each Chinese word of three characters or more the words of two and three in it: what
// jieba's search mode adds.
Result<std::unique_ptr<Tokenizer>> MakeIcuSearchTokenizer();

}  // namespace saker::analyzer
