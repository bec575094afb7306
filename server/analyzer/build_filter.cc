#include "server/analyzer/build.h"
#include "server/analyzer/filters.h"
#include "server/analyzer/json_params.h"

namespace saker::analyzer {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

Result<FilterPtr> NamedFilter(std::string_view name) {
  if (name == "lowercase") return MakeLowercase();
  if (name == "asciifolding") return MakeAsciiFolding();
  if (name == "alphanumonly") return MakeClassFilter(TokenClass::kAscii);
  if (name == "alphaonly") return MakeClassFilter(TokenClass::kAsciiLetters);
  if (name == "cncharonly") return MakeClassFilter(TokenClass::kHasHan);
  if (name == "cnalphanumonly") return MakeClassFilter(TokenClass::kHasHanOrAscii);
  if (name == "removepunct") return MakeClassFilter(TokenClass::kNoPunctuation);
  if (name == "decimaldigit") return MakeDecimalDigit();
  if (name == "arabic_normalization") return MakeArabicNormalization();
  if (name == "pinyin") return InvalidArgument("build analyzer failed, the pinyin filter is not part of this server");
  return InvalidArgument("build analyzer failed, filter not found :", name);
}

// A dictionary in a file of the server: Milvus reads those, here the words are given.
Status RefuseFile(object params, std::string_view key, std::string_view instead) {
  if (!FindMember(params, key)) return OkStatus();
  return InvalidArgument(key, " is not supported by this server; give the words in ", instead);
}

Result<FilterPtr> BuildLength(object params) {
  const auto max = FindMember(params, "max");
  uint64_t limit = 0;
  if (!max || max->get(limit) != simdjson::SUCCESS) return InvalidArgument("lenth max param was none or not uint");
  return MakeLength(limit);
}

Result<FilterPtr> BuildStop(object params) {
  TRY(RefuseFile(params, "stop_words_file", "stop_words"));
  const auto words = FindMember(params, "stop_words");
  if (!words) return InvalidArgument("stop filter stop_words can't be empty");
  return MakeStop(TRY(StopWords(*words)));
}

Result<FilterPtr> BuildDecompounder(object params) {
  TRY(RefuseFile(params, "word_list_file", "word_list"));
  const auto words = FindMember(params, "word_list");
  if (!words) return InvalidArgument("decompounder word list should be array");
  return MakeDecompounder(TRY(StringList(*words, "decompounder word list")));
}

Result<FilterPtr> BuildSynonym(object params) {
  TRY(RefuseFile(params, "synonyms_file", "synonyms"));
  bool expand = true;
  if (const auto flag = FindMember(params, "expand"); flag && flag->get(expand) != simdjson::SUCCESS) {
    return InvalidArgument("create synonym filter failed, `expand` must be bool");
  }
  std::vector<std::string> lines;
  if (const auto list = FindMember(params, "synonyms")) lines = TRY(StringList(*list, "create synonym filter failed, `synonyms`"));
  return MakeSynonym(lines, expand ? SynonymMode::kExpand : SynonymMode::kReplace);
}

}  // namespace

// Milvus has lists of more languages; they are refused, for as plain words they would silently do nothing.
Result<std::vector<std::string>> StopWords(element list) {
  std::vector<std::string> words;
  for (std::string& word : TRY(StringList(list, "stop_words"))) {
    if (word == "_english_") {
      words.insert(words.end(), EnglishStopWords().begin(), EnglishStopWords().end());
    } else if (word.size() > 2 && word.front() == '_' && word.back() == '_') {
      return InvalidArgument("there is no built-in list of stop words ", word, ", only _english_; give the words themselves");
    } else {
      words.push_back(std::move(word));
    }
  }
  return words;
}

Result<FilterPtr> BuildFilter(element params) {
  std::string_view name;
  object options;
  if (params.get(name) == simdjson::SUCCESS) return NamedFilter(name);
  if (params.get(options) != simdjson::SUCCESS) return InvalidArgument("filter should be string or dict");
  const std::string_view type = TRY(TextMember(options, "type", "no type field in filter params", "filter type should be string"));
  if (type == "length") return BuildLength(options);
  if (type == "stop") return BuildStop(options);
  if (type == "decompounder") return BuildDecompounder(options);
  if (type == "synonym") return BuildSynonym(options);
  if (type == "stemmer") {
    constexpr std::string_view kWrong = "stemmer language field should be string";
    return MakeStemmer(TRY(TextMember(options, "language", kWrong, kWrong)));
  }
  if (type == "regex") return MakeRegex(TRY(TextMember(options, "expr", "must set expr for regex filter", "expr must be string")));
  // Filters without parameters are also written as {"type": name}.
  auto named = NamedFilter(type);
  if (named.ok()) return named;
  return InvalidArgument("unsupport filter type: ", type);
}

}  // namespace saker::analyzer
