// Columns of an insert or upsert, matched to a schema, converted and checked value by value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "server/proxy/requests.h"
#include "server/schema/column.h"
#include "server/schema/schema.h"

namespace saker::proxy {

// By place in the schema; absent: the request has no such column.
using MatchedColumns = std::vector<std::optional<Column>>;

// Takes the request's columns. Columns that the schema lacks become keys of $meta where it is dynamic, else are refused;
// columns that a function fills are refused.
Result<MatchedColumns> MatchColumns(const CollectionSchema& schema, std::vector<NamedColumn> columns, size_t row_count);

// One column as the field stores it: converted, nulls replaced by the default, every value checked. `dim` is the one the
// client said, 0: unknown.
Result<Column> CheckColumn(const FieldSchema& field, Column column, int64_t dim);

// A column of defaults or nulls ({} for $meta); Invalid when the field has neither.
Result<Column> MissingColumn(const FieldSchema& field, size_t row_count);
void AppendDefault(const FieldSchema& field, Column* column);

}  // namespace saker::proxy
