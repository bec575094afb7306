// Reads analyzer JSON and puts its stages together.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "server/analyzer/pipeline.h"

namespace saker::analyzer {

struct Pipeline {
  std::unique_ptr<Tokenizer> tokenizer;
  std::vector<std::unique_ptr<TokenFilter>> filters;
};

// Texts of errors follow Milvus' where it has one.
Result<Pipeline> BuildPipeline(std::string_view params_json);

}  // namespace saker::analyzer
