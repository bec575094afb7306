#include "server/shard/fetch.h"

#include <algorithm>
#include <utility>

#include "server/schema/error.h"

namespace saker::shard {

namespace {

constexpr size_t kRowsBetweenSizeTests = 256;

Status TooLarge(uint64_t max_bytes) {
  return MilvusError(MilvusErrorCode::kInvalidParameter, "query results exceed the maxOutputSize Limit of ", max_bytes, " bytes");
}

}  // namespace

Result<RowBatch> FetchRows(std::span<const RowRef> rows, const CollectionSchema& schema, const std::vector<int64_t>& field_ids,
                           uint64_t max_bytes) {
  RowBatch batch;
  batch.row_count = rows.size();
  uint64_t bytes = 0;
  for (const int64_t field_id : field_ids) {
    const FieldSchema* field = schema.FindId(field_id);
    if (field == nullptr) return InvalidArgument("the collection has no field ", field_id);
    const size_t width = FixedWidth(field->type, field->dim);
    if (width > 0 && rows.size() > (max_bytes - std::min(max_bytes, bytes)) / width) return TooLarge(max_bytes);
    Column column(*field, rows.size());
    for (size_t i = 0; i < rows.size();) {
      // Neighbours of one piece share the lookup of where the field lies.
      const segment::Piece& piece = *rows[i].piece;
      const segment::FieldReader reader(piece, *field);
      for (; i < rows.size() && rows[i].piece == &piece; ++i) {
        reader.AppendTo(&column, rows[i].row);
        if (i % kRowsBetweenSizeTests == 0 && bytes + column.bytes().size() > max_bytes) return TooLarge(max_bytes);
      }
    }
    bytes += column.bytes().size();
    if (bytes > max_bytes) return TooLarge(max_bytes);
    batch.field_ids.push_back(field_id);
    batch.columns.push_back(std::move(column));
  }
  return batch;
}

std::vector<int64_t> OutputFields(const CollectionSchema& schema, const std::vector<int64_t>& wanted) {
  std::vector<int64_t> fields = {schema.PrimaryKey().id};
  for (const int64_t id : wanted) {
    if (std::find(fields.begin(), fields.end(), id) == fields.end()) fields.push_back(id);
  }
  return fields;
}

}  // namespace saker::shard
