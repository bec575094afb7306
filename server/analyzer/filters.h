// The filters of analyzer JSON.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/analyzer/pipeline.h"

namespace saker::analyzer {

using FilterPtr = std::unique_ptr<TokenFilter>;

FilterPtr MakeLowercase();
// Letters and digits to the ASCII ones that look like them (é to e, ß to ss, Ａ to A); what has none stays.
FilterPtr MakeAsciiFolding();
// Decimal digits of any script to 0-9.
FilterPtr MakeDecimalDigit();
// Lucene's: forms of alef, yeh and teh marbuta to one each; vowel marks and tatweel go.
FilterPtr MakeArabicNormalization();

// What a token must be to stay.
enum class TokenClass {
  kAscii,          // "alphanumonly": ASCII letters and digits alone
  kAsciiLetters,   // "alphaonly"
  kHasHan,         // "cncharonly": one Chinese character or more
  kHasHanOrAscii,  // "cnalphanumonly": a Chinese character, ASCII letter or digit
  kNoPunctuation,  // "removepunct": neither punctuation nor white space anywhere
};
FilterPtr MakeClassFilter(TokenClass wanted);

// Removes tokens of more than `max_bytes` bytes.
FilterPtr MakeLength(uint64_t max_bytes);
// Removes tokens that equal one of the words, byte for byte.
FilterPtr MakeStop(std::vector<std::string> words);
// Snowball's stemmer of the language ("english", any case). InvalidArgument for one that Snowball or Milvus does not have.
Result<FilterPtr> MakeStemmer(std::string_view language);
// A token that is a chain of the words, each time the longest, becomes these words; others stay. Words of at most 256 bytes.
Result<FilterPtr> MakeDecompounder(const std::vector<std::string>& words);
// Keeps the tokens in which the expression (ICU's dialect, which has look-around) finds something.
Result<FilterPtr> MakeRegex(std::string_view expression);

enum class SynonymMode { kReplace, kExpand };
// Lines "a, b, c" (each stands for all, or for the first when replacing) and "a, b => c, d"; a backslash makes the next of
// `,`, ` `, `\` and `=>` plain. Tokens of one place share their position and bytes.
Result<FilterPtr> MakeSynonym(const std::vector<std::string>& lines, SynonymMode mode);

// The words of `_english_`: those that Lucene has used since its first version.
std::span<const std::string_view> EnglishStopWords();

}  // namespace saker::analyzer
