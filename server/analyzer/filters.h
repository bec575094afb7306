// The filters of analyzer JSON.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/analyzer/pipeline.h"

namespace saker::analyzer {

std::unique_ptr<TokenFilter> MakeLowercase();
// Removes tokens that equal one of the words, byte for byte.
std::unique_ptr<TokenFilter> MakeStop(std::vector<std::string> words);
// Snowball's stemmer of the language ("english", lower case). InvalidArgument for one that Snowball or Milvus does not have.
Result<std::unique_ptr<TokenFilter>> MakeStemmer(std::string_view language);

// The words of `_english_`: those that Lucene has used since its first version.
std::span<const std::string_view> EnglishStopWords();

}  // namespace saker::analyzer
