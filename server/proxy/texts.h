// Texts into vectors, as a collection's functions of type TEXTEMBEDDING say.
#pragma once

#include <span>
#include <string>

#include "common/context.h"
#include "server/proxy/text_embedder.h"
#include "server/schema/column.h"
#include "server/schema/schema.h"

namespace saker::proxy {

// The output column for an input column. Empty and null texts are refused.
Result<Column> EmbedColumn(const CollectionSchema& schema, const FunctionSchema& function, const Column& texts, TextEmbedder* embedder,
                           const Context& context);

// Query texts as packed float32 vectors of the field. Refused where no function fills the field.
Result<std::string> EmbedQueries(const CollectionSchema& schema, const FieldSchema& field, std::span<const std::string> texts,
                                 TextEmbedder* embedder, const Context& context);

}  // namespace saker::proxy
