// Reads analyzer JSON and puts its stages together. Texts of errors follow Milvus' where it has one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "server/analyzer/pipeline.h"

namespace saker::analyzer {

struct Pipeline {
  std::unique_ptr<Tokenizer> tokenizer;
  std::vector<std::unique_ptr<TokenFilter>> filters;
};

Result<Pipeline> BuildPipeline(std::string_view params_json);
Result<Pipeline> BuildPipeline(simdjson::dom::object params);

// The two stages' parts of it: a name, or an object with a "type".
Result<std::unique_ptr<Tokenizer>> BuildTokenizer(simdjson::dom::element params);
Result<std::unique_ptr<TokenFilter>> BuildFilter(simdjson::dom::element params);

// Words as they are, but `_english_` stands for its list.
Result<std::vector<std::string>> StopWords(simdjson::dom::element list);

}  // namespace saker::analyzer
