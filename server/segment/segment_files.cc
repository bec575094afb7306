#include "server/segment/segment_files.h"

#include <algorithm>
#include <utility>

namespace saker::segment {

namespace {

constexpr size_t kChunkRows = 4096;

bool AnyHas(const std::vector<RowRun>& runs, int64_t field_id) {
  return std::any_of(runs.begin(), runs.end(), [&](const RowRun& run) { return run.piece->vectors.contains(field_id); });
}

Status OpenVectorFiles(storage::Storage& storage, const storage::SegmentManifest& manifest, const CollectionSchema& schema,
                       VectorAccess access, Piece* piece) {
  for (const auto& [field_id, file] : manifest.vector_files) {
    const FieldSchema* field = schema.FindId(field_id);
    if (field == nullptr || !IsVector(field->type)) continue;
    piece->vectors[field_id] = TRY(OpenVectors(storage.blobs(), *field, manifest.segment, file, manifest.row_count, access));
  }
  return OkStatus();
}

}  // namespace

std::string ShardPrefix(const ShardId& shard) {
  return std::to_string(shard.collection.value) + "/" + std::to_string(shard.shard) + "/";
}

std::string SegmentPrefix(const ShardId& shard, SegmentId segment) {
  return ShardPrefix(shard) + std::to_string(segment.value) + "/";
}

SegmentBuilder::SegmentBuilder(storage::Storage& storage, std::shared_ptr<const CollectionSchema> schema, std::vector<RowRun> runs,
                               storage::SegmentManifest manifest)
    : storage_(storage), schema_(std::move(schema)), runs_(std::move(runs)), manifest_(std::move(manifest)) {
  rows_ = std::make_shared<RowBatch>();
  timestamps_ = std::make_shared<std::vector<Timestamp>>();
  size_t rows = 0;
  for (const RowRun& run : runs_) rows += run.count;
  timestamps_->reserve(rows);
  for (const RowRun& run : runs_) {
    const auto begin = run.piece->timestamps->begin() + static_cast<ptrdiff_t>(run.first);
    timestamps_->insert(timestamps_->end(), begin, begin + static_cast<ptrdiff_t>(run.count));
  }
  for (const FieldSchema& field : schema_->fields) {
    if (IsVector(field.type)) continue;
    Column column(field, rows);
    for (const RowRun& run : runs_) FieldReader(*run.piece, field).AppendRangeTo(&column, run.first, run.count);
    rows_->field_ids.push_back(field.id);
    rows_->columns.push_back(std::move(column));
  }
  rows_->row_count = rows;
  manifest_.row_count = rows;
  manifest_.schema_version = schema_->version;
  const auto [least, greatest] = std::minmax_element(timestamps_->begin(), timestamps_->end());
  CHECK(rows > 0);
  manifest_.min_timestamp = *least;
  manifest_.max_timestamp = *greatest;
}

Status SegmentBuilder::WriteVectors() {
  for (const FieldSchema& field : schema_->fields) {
    if (IsVector(field.type) && AnyHas(runs_, field.id)) manifest_.vector_files[field.id] = TRY(WriteVectorFile(field));
  }
  if (!manifest_.vector_files.empty()) return OkStatus();
  // The segment's blobs tell a restart which row chunks may be garbage: there must be one.
  std::unique_ptr<storage::BlobWriter> marker =
      TRY(storage_.blobs().Create(SegmentPrefix(manifest_.shard, manifest_.segment) + "no_vectors"));
  return marker->Finish();
}

Status SegmentBuilder::IngestRows() {
  size_t next = 0;
  return storage_.rows().Ingest(manifest_.segment, [&](storage::RowChunk* chunk) -> Result<bool> {
    if (next >= rows_->row_count) return false;
    const size_t count = std::min(kChunkRows, rows_->row_count - next);
    RowBatch batch;
    batch.row_count = count;
    for (size_t i = 0; i < rows_->columns.size(); ++i) {
      const Column& all = rows_->columns[i];
      Column column(all.type(), all.element_type(), all.width_bytes());
      column.AppendRange(all, next, count);
      batch.field_ids.push_back(rows_->field_ids[i]);
      batch.columns.push_back(std::move(column));
    }
    Column written(DataType::kInt64, DataType::kNone, sizeof(Timestamp));
    written.AppendFixedRun(timestamps_->data() + next, count);
    batch.field_ids.push_back(kTimestampFieldId);
    batch.columns.push_back(std::move(written));
    chunk->first_row = static_cast<RowOffset>(next);
    chunk->payload.clear();
    batch.EncodeTo(&chunk->payload);
    next += count;
    return true;
  });
}

Result<std::shared_ptr<Piece>> SegmentBuilder::Open(VectorAccess access) {
  std::shared_ptr<Piece> piece = MakePiece(rows_, timestamps_, 0, schema_->PrimaryKey().id);
  TRY(OpenVectorFiles(storage_, manifest_, *schema_, access, piece.get()));
  return piece;
}

Result<StoredRows> ReadRows(storage::Storage& storage, const storage::SegmentManifest& manifest) {
  auto rows = std::make_shared<RowBatch>();
  auto timestamps = std::make_shared<std::vector<Timestamp>>();
  const auto append = [&](RowOffset first_row, std::string_view payload) -> Status {
    if (first_row != rows->row_count) {
      return Corruption("segment ", manifest.segment, ": a row chunk begins at row ", first_row, " and not at ", rows->row_count);
    }
    RowBatch batch = TRY(RowBatch::Decode(&payload));
    const Column* written = batch.Find(kTimestampFieldId);
    if (!payload.empty() || written == nullptr || written->type() != DataType::kInt64 || written->width_bytes() != sizeof(Timestamp)) {
      return Corruption("segment ", manifest.segment, ": the row chunk at row ", first_row, " is malformed");
    }
    const std::span<const Timestamp> times = written->Span<Timestamp>();
    timestamps->insert(timestamps->end(), times.begin(), times.end());
    const size_t time_column = static_cast<size_t>(written - batch.columns.data());
    batch.columns.erase(batch.columns.begin() + static_cast<ptrdiff_t>(time_column));
    batch.field_ids.erase(batch.field_ids.begin() + static_cast<ptrdiff_t>(time_column));
    if (rows->columns.empty()) {
      *rows = std::move(batch);
      return OkStatus();
    }
    if (batch.field_ids != rows->field_ids) return Corruption("segment ", manifest.segment, ": row chunks with different fields");
    for (size_t i = 0; i < batch.columns.size(); ++i) {
      const Column& column = batch.columns[i];
      Column& all = rows->columns[i];
      if (column.type() != all.type() || column.element_type() != all.element_type() || column.width_bytes() != all.width_bytes()) {
        return Corruption("segment ", manifest.segment, ": field ", batch.field_ids[i], " changes its type at row ", first_row);
      }
      all.AppendRange(column, 0, column.row_count());
    }
    rows->row_count += batch.row_count;
    return OkStatus();
  };
  TRY(storage.rows().Scan(manifest.segment, append));
  if (rows->row_count == 0 || rows->row_count != manifest.row_count || timestamps->size() != manifest.row_count) {
    return Corruption("segment ", manifest.segment, ": ", rows->row_count, " rows stored, ", manifest.row_count, " in its manifest");
  }
  return StoredRows{std::move(rows), std::move(timestamps)};
}

Result<std::shared_ptr<Piece>> OpenPiece(storage::Storage& storage, const storage::SegmentManifest& manifest,
                                         const CollectionSchema& schema, VectorAccess access) {
  const int64_t primary_key_id = schema.PrimaryKey().id;
  StoredRows stored = TRY(ReadRows(storage, manifest));
  const Column* keys = stored.rows->Find(primary_key_id);
  if (keys == nullptr || keys->has_nulls()) return Corruption("segment ", manifest.segment, " has no primary keys");
  std::shared_ptr<Piece> piece = MakePiece(std::move(stored.rows), std::move(stored.timestamps), 0, primary_key_id);
  TRY(OpenVectorFiles(storage, manifest, schema, access, piece.get()));
  return piece;
}

uint64_t VectorBytes(const storage::SegmentManifest& manifest) {
  uint64_t bytes = 0;
  for (const auto& [field_id, file] : manifest.vector_files) bytes += file.size_bytes;
  return bytes;
}

Status RemoveSegment(storage::Storage& storage, const ShardId& shard, SegmentId segment) {
  // Rows first: the blobs are what tells a restart that there may be rows.
  TRY(storage.rows().Drop(segment));
  for (const std::string& name : TRY(storage.blobs().List(SegmentPrefix(shard, segment)))) TRY(storage.blobs().Remove(name));
  return OkStatus();
}

}  // namespace saker::segment
