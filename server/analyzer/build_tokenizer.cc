#include "server/analyzer/build.h"
#include "server/analyzer/filters.h"
#include "server/analyzer/json_params.h"
#include "server/analyzer/tokenizers.h"

namespace saker::analyzer {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// Milvus breaks Chinese with jieba and its dictionary; here ICU's stands for it, so what only jieba has is refused. Its defaults
// are Milvus': search mode for an object without a mode, exact mode for the bare name. ICU has no model for unknown words that
// `hmm` could switch off.
Result<std::unique_ptr<Tokenizer>> BuildJieba(object options) {
  if (const auto dictionary = FindMember(options, "dict")) {
    for (const std::string& word : TRY(StringList(*dictionary, "jieba tokenizer dict"))) {
      if (word != "_default_")
        return InvalidArgument("jieba tokenizer dict: words of one's own (", word, ") are not supported, only _default_");
    }
  }
  std::string_view mode = "search";
  if (FindMember(options, "mode")) {
    mode = TRY(TextMember(options, "mode", "", "jieba tokenizer mode must be string"));
    if (mode != "exact" && mode != "search") return InvalidArgument(R"(jieba tokenizer mode must be "exact" or "search")");
  }
  if (const auto hmm = FindMember(options, "hmm"); hmm && !hmm->is_bool()) return InvalidArgument("jieba tokenizer mode must be boolean");
  return mode == "search" ? MakeIcuSearchTokenizer() : MakeIcuTokenizer(Segments::kAll);
}

Result<std::unique_ptr<Tokenizer>> BuildStandard(object options) {
  bool uax29 = false;
  if (const auto flag = FindMember(options, "uax29"); flag && flag->get(uax29) != simdjson::SUCCESS) {
    return InvalidArgument("standard tokenizer uax29 must be a boolean");
  }
  if (uax29) return InvalidArgument("standard tokenizer uax29 is not supported by this server; the icu tokenizer has such boundaries");
  if (FindMember(options, "max_token_length")) { return InvalidArgument("standard tokenizer max_token_length requires uax29 to be true"); }
  return MakeStandardTokenizer();
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> BuildTokenizer(element params) {
  std::string_view name;
  object options;
  const bool named = params.get(name) == simdjson::SUCCESS;
  if (!named) {
    if (params.get(options) != simdjson::SUCCESS) return InvalidArgument("tokenizer name should be string or dict");
    name = TRY(TextMember(options, "type", "costum tokenizer must set type", "tokenizer type should be string"));
  }
  if (name == "standard") return named ? MakeStandardTokenizer() : BuildStandard(options);
  if (name == "whitespace") return MakeWhitespaceTokenizer();
  if (name == "icu") return MakeIcuTokenizer(Segments::kAll);
  if (name == "thai") return MakeIcuTokenizer(Segments::kWords);
  if (name == "jieba") return named ? MakeIcuTokenizer(Segments::kAll) : BuildJieba(options);
  if (name == "char_group" || name == "chargroup") {
    const auto delimiters = named ? std::nullopt : FindMember(options, "delimiters");
    if (!delimiters) return InvalidArgument("char group tokenizer delimiters can't be empty");
    return MakeCharGroupTokenizer(TRY(StringList(*delimiters, "char group tokenizer delimiters")));
  }
  if (name == "lindera" || name == "language_identifier" || name == "grpc") {
    return InvalidArgument("unsupported tokenizer: ", name,
                           " is not part of this server; the icu tokenizer breaks Japanese, Chinese and Thai");
  }
  return InvalidArgument("unsupported tokenizer: ", name);
}

}  // namespace saker::analyzer
