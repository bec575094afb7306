// Rows as JSON objects into columns, by a collection's schema.
#pragma once

#include <vector>

#include "common/result.h"
#include "server/proxy/requests.h"
#include "server/rest/json_reader.h"

namespace saker::rest {

struct ColumnsOfRows {
  std::vector<proxy::NamedColumn> columns;
  size_t row_count = 0;
};

enum class RowsFor { kInsert, kUpsert, kPartialUpsert };

// `data` is a list of objects or one object. Keys that the schema does not know go to the dynamic field. Limits of values
// (a text's length, an array's capacity) are the proxy's to check, as for every dialect. Errors are Milvus' 1804.
Result<ColumnsOfRows> RowsToColumns(const JsonElement& data, const proxy::CollectionInfo& collection, RowsFor purpose);

}  // namespace saker::rest
