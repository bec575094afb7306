#include "server/analyzer/build.h"

#include <string>
#include <utility>

#include "server/analyzer/filters.h"
#include "server/analyzer/json_params.h"
#include "server/analyzer/tokenizers.h"

namespace saker::analyzer {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kMaxFilters = 64;

// Words as they are, but `_english_` stands for its list. Milvus has lists of more languages; those are refused, for as plain words
// they would silently do nothing.
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

Result<Pipeline> BuiltIn(std::string_view type, object params) {
  Pipeline pipeline;
  if (type != "standard" && type != "english") return InvalidArgument("unknown build-in analyzer type: ", type);
  pipeline.tokenizer = MakeStandardTokenizer();
  pipeline.filters.push_back(MakeLowercase());
  if (type == "english") {
    pipeline.filters.push_back(TRY(MakeStemmer("english")));
    pipeline.filters.push_back(MakeStop({EnglishStopWords().begin(), EnglishStopWords().end()}));
  }
  if (const auto words = FindMember(params, "stop_words")) pipeline.filters.push_back(MakeStop(TRY(StopWords(*words))));
  return pipeline;
}

Result<std::string_view> TypeOf(object params, std::string_view missing, std::string_view wrong) {
  const auto type = FindMember(params, "type");
  std::string_view name;
  if (!type) return InvalidArgument(missing);
  if (type->get(name) != simdjson::SUCCESS) return InvalidArgument(wrong);
  return name;
}

Result<std::unique_ptr<Tokenizer>> BuildTokenizer(element params) {
  std::string_view name;
  object options;
  if (params.get(options) == simdjson::SUCCESS) {
    name = TRY(TypeOf(options, "costum tokenizer must set type", "tokenizer type should be string"));
  } else if (params.get(name) != simdjson::SUCCESS) {
    return InvalidArgument("tokenizer name should be string or dict");
  }
  if (name == "standard") return MakeStandardTokenizer();
  return InvalidArgument("unsupported tokenizer: ", name);
}

Result<std::unique_ptr<TokenFilter>> NamedFilter(std::string_view name) {
  if (name == "lowercase") return MakeLowercase();
  return InvalidArgument("build analyzer failed, filter not found :", name);
}

Result<std::unique_ptr<TokenFilter>> ParameterFilter(object params) {
  const std::string_view type = TRY(TypeOf(params, "no type field in filter params", "filter type should be string"));
  if (type == "stop") {
    const auto words = FindMember(params, "stop_words");
    if (!words) return InvalidArgument("stop filter stop_words can't be empty");
    return MakeStop(TRY(StopWords(*words)));
  }
  if (type == "stemmer") {
    const auto language = FindMember(params, "language");
    std::string_view name;
    if (!language || language->get(name) != simdjson::SUCCESS) return InvalidArgument("stemmer language field should be string");
    return MakeStemmer(name);
  }
  return InvalidArgument("unsupport filter type: ", type);
}

Result<Pipeline> Custom(object params) {
  for (const auto [key, value] : params) {
    if (key != "tokenizer" && key != "filter") return InvalidArgument("unknown analyzer option key: ", key);
  }
  const auto tokenizer = FindMember(params, "tokenizer");
  if (!tokenizer) return InvalidArgument("tokenizer name or type must be set");
  Pipeline pipeline;
  pipeline.tokenizer = TRY(BuildTokenizer(*tokenizer));
  const auto filters = FindMember(params, "filter");
  if (!filters) return pipeline;
  simdjson::dom::array list;
  if (filters->get(list) != simdjson::SUCCESS) return InvalidArgument("filter params should be array");
  for (const element filter : list) {
    if (pipeline.filters.size() == kMaxFilters) return InvalidArgument("an analyzer has more than ", kMaxFilters, " filters");
    std::string_view name;
    object options;
    if (filter.get(name) == simdjson::SUCCESS) {
      pipeline.filters.push_back(TRY(NamedFilter(name)));
    } else if (filter.get(options) == simdjson::SUCCESS) {
      pipeline.filters.push_back(TRY(ParameterFilter(options)));
    } else {
      return InvalidArgument("filter should be string or dict");
    }
  }
  return pipeline;
}

}  // namespace

Result<Pipeline> BuildPipeline(std::string_view params_json) {
  if (params_json.size() > kMaxParamsBytes) {
    return InvalidArgument("analyzer params of ", params_json.size(), " bytes, at most ", kMaxParamsBytes, " are allowed");
  }
  simdjson::dom::parser parser;
  element root;
  object params;
  if (params_json.find_first_not_of(" \t\r\n") == std::string_view::npos) params_json = "{}";
  const auto error = parser.parse(params_json.data(), params_json.size()).get(root);
  if (error != simdjson::SUCCESS) return InvalidArgument("analyzer params are not JSON: ", simdjson::error_message(error));
  if (root.get(params) != simdjson::SUCCESS) return InvalidArgument("params should be a json map");
  if (params.size() == 0) return BuiltIn("standard", params);
  const auto type = FindMember(params, "type");
  if (!type) return Custom(params);
  std::string_view name;
  if (type->get(name) != simdjson::SUCCESS) return InvalidArgument("analyzer type shoud be string");
  return BuiltIn(name, params);
}

}  // namespace saker::analyzer
