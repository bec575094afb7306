// The tokenizers of analyzer JSON.
#pragma once

#include <memory>

#include "server/analyzer/pipeline.h"

namespace saker::analyzer {

// Runs of alphanumeric characters; what Milvus calls "standard".
std::unique_ptr<Tokenizer> MakeStandardTokenizer();

}  // namespace saker::analyzer
