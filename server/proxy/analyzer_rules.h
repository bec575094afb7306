// What the analyzers of a schema's fields must look like, with Milvus' texts.
#pragma once

#include "common/result.h"
#include "server/schema/schema.h"

namespace saker::proxy {

// Checks enable_analyzer, enable_match, analyzer_params and multi_analyzer_params of one field of the schema.
Status CheckAnalyzers(const CollectionSchema& schema, const FieldSchema& field);

}  // namespace saker::proxy
