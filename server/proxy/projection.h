// Which columns an answer has: the request's output fields, expanded as Milvus does.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "server/proxy/requests.h"
#include "server/schema/column.h"
#include "server/schema/schema.h"

namespace saker::proxy {

struct Projection {
  std::vector<int64_t> field_ids;          // to fetch, without the primary key
  std::vector<const FieldSchema*> fields;  // columns of the answer, in order
  std::vector<std::string> names;          // "output_fields" of the answer: fields and dynamic keys, never "*"
};

enum class PrimaryKeyColumn { kWhenAsked, kAlways };

// Pointers into `schema`. The primary key, when it is there, comes last.
Result<Projection> Project(const CollectionSchema& schema, const std::vector<std::string>& output_fields, PrimaryKeyColumn key);

// Columns of the answer out of what the shards gave; typed and empty where rows has none.
std::vector<NamedColumn> TakeColumns(const Projection& projection, RowBatch rows);
NamedColumn NameColumn(const FieldSchema& field, Column column);

}  // namespace saker::proxy
