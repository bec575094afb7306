#include "server/shard/validate.h"

namespace saker::shard {

Status CheckRows(const WriteRequest& request, const CollectionSchema& schema) {
  const RowBatch& rows = request.rows;
  // With auto ids the old keys of an upsert may hash to another shard than its rows.
  if (request.kind == WriteRequest::Kind::kUpsert && rows.row_count == 0 && request.delete_keys.size() > 0) return OkStatus();
  if (rows.row_count == 0 || rows.row_count > 1u << 24) return InvalidArgument("a write of ", rows.row_count, " rows");
  if (!request.partition) return InvalidArgument("a write of rows names no partition");
  if (request.kind == WriteRequest::Kind::kDelete) return InvalidArgument("a delete carries ", rows.row_count, " rows");
  if (rows.field_ids.size() != rows.columns.size()) {
    return InvalidArgument("a write has ", rows.columns.size(), " columns and names ", rows.field_ids.size());
  }
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    const Column& column = rows.columns[i];
    const FieldSchema* field = schema.FindId(rows.field_ids[i]);
    if (field == nullptr) return InvalidArgument("the collection has no field ", rows.field_ids[i]);
    if (column.row_count() != rows.row_count) {
      return InvalidArgument("field ", field->name, " has ", column.row_count(), " rows of ", rows.row_count);
    }
    if (column.type() != field->type || column.element_type() != field->element_type ||
        column.width_bytes() != FixedWidth(field->type, field->dim)) {
      return InvalidArgument("field ", field->name, " is a ", DataTypeName(field->type), " of ", FixedWidth(field->type, field->dim),
                             " bytes, the write has a ", DataTypeName(column.type()), " of ", column.width_bytes());
    }
  }
  const Column* keys = rows.Find(schema.PrimaryKey().id);
  if (keys == nullptr || keys->has_nulls()) return InvalidArgument("a write without primary keys");
  return OkStatus();
}

Status CheckKeys(const PrimaryKeys& keys, const CollectionSchema& schema) {
  const bool are_text = keys.type != DataType::kInt64;
  if (keys.size() > 0 && are_text != IsString(schema.PrimaryKey().type)) {
    return InvalidArgument("keys of type ", DataTypeName(keys.type), " for a primary key of type ", DataTypeName(schema.PrimaryKey().type));
  }
  return OkStatus();
}

}  // namespace saker::shard
