// Texts into rows of term frequencies, as a collection's functions of type BM25 say.
//
// A row holds (term number, how often the text has it) pairs, ascending by number: what index/bm25.h scores. The numbers are
// analyzer::TermId's. Rows are stored as they were made (log and segments), so an analyzer never reads a text twice.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/context.h"
#include "common/worker_pool.h"
#include "server/proxy/columns.h"
#include "server/proxy/field_analyzers.h"
#include "server/schema/column.h"
#include "server/schema/schema.h"

namespace saker::proxy {

// The output column of the function for its input among `columns`. An empty or null text is an empty row. Many texts are
// shared out over the pool. A part that grows beyond max_bytes is refused (rows can be larger than their texts).
Result<Column> MakeTermRows(const CollectionSchema& schema, const FunctionSchema& function, const MatchedColumns& columns,
                            FieldAnalyzers* analyzers, WorkerPool* pool, size_t max_bytes, const Context& context);

// One sparse row per query text. `analyzer_name` chooses among the analyzers of a field with several; else it is empty.
Result<std::vector<std::string>> MakeTermQueries(const CollectionSchema& schema, const FunctionSchema& function,
                                                 std::span<const std::string> texts, const std::string& analyzer_name,
                                                 FieldAnalyzers* analyzers);

}  // namespace saker::proxy
