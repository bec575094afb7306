// The tokens of a VarChar column as sections of an index file: what TokenIndex reads.
#pragma once

#include "common/context.h"
#include "common/result.h"
#include "server/scalar_index/index_file.h"
#include "server/scalar_index/spec.h"
#include "server/schema/column.h"

namespace saker::scalar_index {

// Null rows have no tokens. Fails where the analysis of a row does; cancelled by the context.
Status WriteTokens(const Spec& spec, const Column& texts, const Context& context, IndexFileWriter* file);
// Memory that it takes beside the column, the file's bytes included, about.
uint64_t TokenScratchBytes(const Column& texts);

}  // namespace saker::scalar_index
