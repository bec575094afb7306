#include "server/analyzer/build.h"

#include <utility>

#include "server/analyzer/filters.h"
#include "server/analyzer/json_params.h"
#include "server/analyzer/tokenizers.h"

namespace saker::analyzer {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kMaxFilters = 64;

// The stop list comes behind the stemmer, as in Milvus: it sees stems.
Status AddBuiltInStages(std::string_view type, Pipeline* pipeline) {
  if (type == "chinese") {
    pipeline->tokenizer = TRY(MakeIcuTokenizer(Segments::kAll));
    pipeline->filters.push_back(MakeClassFilter(TokenClass::kHasHanOrAscii));
    return OkStatus();
  }
  const bool thai = type == "thai";
  const bool arabic = type == "arabic";
  if (type != "standard" && type != "english" && !thai && !arabic) return InvalidArgument("unknown build-in analyzer type: ", type);
  pipeline->tokenizer = thai ? TRY(MakeIcuTokenizer(Segments::kWords)) : MakeStandardTokenizer();
  pipeline->filters.push_back(MakeLowercase());
  if (thai || arabic) pipeline->filters.push_back(MakeDecimalDigit());
  if (arabic) {
    pipeline->filters.push_back(MakeArabicNormalization());
    pipeline->filters.push_back(TRY(MakeStemmer("arabic")));
  }
  if (type == "english") {
    pipeline->filters.push_back(TRY(MakeStemmer("english")));
    pipeline->filters.push_back(MakeStop({EnglishStopWords().begin(), EnglishStopWords().end()}));
  }
  return OkStatus();
}

Result<Pipeline> BuiltIn(std::string_view type, object params) {
  Pipeline pipeline;
  TRY(AddBuiltInStages(type, &pipeline));
  if (const auto words = FindMember(params, "stop_words")) pipeline.filters.push_back(MakeStop(TRY(StopWords(*words))));
  return pipeline;
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
    pipeline.filters.push_back(TRY(BuildFilter(filter)));
  }
  return pipeline;
}

}  // namespace

Result<Pipeline> BuildPipeline(object params) {
  if (params.size() == 0) return BuiltIn("standard", params);
  if (!FindMember(params, "type")) return Custom(params);
  return BuiltIn(TRY(TextMember(params, "type", "", "analyzer type shoud be string")), params);
}

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
  return BuildPipeline(params);
}

}  // namespace saker::analyzer
