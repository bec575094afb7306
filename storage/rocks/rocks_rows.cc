#include "storage/rocks/rocks_rows.h"

#include <optional>
#include <memory>

#include <rocksdb/convenience.h>

#include "common/file.h"
#include "common/kill_point.h"
#include "storage/rocks/codec.h"

namespace saker::storage::rocks {
namespace {

constexpr uint64_t kTableBytes = 64 << 20;
constexpr size_t kMaxChunkBytes = 256 << 20;

// The tables of one ingest; whatever is left of them when it ends is removed.
class TableFiles {
 public:
  std::vector<std::string> paths;
  ~TableFiles() {
    for (const std::string& path : paths) static_cast<void>(FileSystem::Posix().Remove(path));
  }
};

}  // namespace

RocksRows::RocksRows(Database& database, DiskGuard& disk, std::string ingest_directory)
    : database_(database), disk_(disk), ingest_directory_(std::move(ingest_directory)) {}

Status RocksRows::WriteTables(SegmentId segment, const std::function<Result<bool>(RowChunk*)>& next, std::vector<std::string>* paths) {
  std::unique_ptr<rocksdb::SstFileWriter> table;
  std::optional<RowOffset> previous;
  RowChunk chunk;
  const std::string what = internal::Join("rows of segment ", segment);
  while (TRY(next(&chunk))) {
    if (previous.has_value() && chunk.first_row <= *previous) {
      return InvalidArgument(what, ": a chunk from row ", chunk.first_row, " after one from row ", *previous);
    }
    if (chunk.payload.size() > kMaxChunkBytes)
      return InvalidArgument(what, ": a chunk of ", chunk.payload.size(), " bytes, at most ", kMaxChunkBytes);
    previous = chunk.first_row;
    TRY(disk_.Admit(chunk.payload.size()));
    if (table != nullptr && table->FileSize() >= kTableBytes) {
      TRY(FromRocks(table->Finish(), what));
      table.reset();
    }
    if (table == nullptr) {
      paths->push_back(internal::Join(ingest_directory_, "/", segment, "-", paths->size(), ".sst"));
      table = database_.NewTableWriter(kRowsFamily);
      TRY(FromRocks(table->Open(paths->back()), what));
    }
    const std::string key = RowsKey(segment, chunk.first_row);
    TRY(FromRocks(table->Put(key, Frame(key, chunk.payload)), what));
  }
  if (table != nullptr) TRY(FromRocks(table->Finish(), what));
  return OkStatus();
}

Status RocksRows::Ingest(SegmentId segment, const std::function<Result<bool>(RowChunk*)>& next) {
  TRY(database_.Health());
  TRY(disk_.Admit(0));
  TableFiles files;
  TRY(WriteTables(segment, next, &files.paths));
  SAKER_KILL_POINT("rows.before_ingest");
  TRY(DeleteChunks(segment));  // of an ingest that a crash interrupted; it may have been cut differently
  if (files.paths.empty()) return OkStatus();
  SAKER_KILL_POINT("rows.after_delete");
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.write_global_seqno = false;  // a file is never changed in place
  const rocksdb::Status status = database_.rocks()->IngestExternalFile(database_.family(kRowsFamily), files.paths, options);
  SAKER_KILL_POINT("rows.after_ingest");
  return FromRocks(status, internal::Join("ingest the rows of segment ", segment));
}

Status RocksRows::Scan(SegmentId segment, const std::function<Status(RowOffset, std::string_view)>& visit) {
  const std::string prefix = RowsPrefix(segment);
  const std::string what = internal::Join("rows of segment ", segment, " in ", database_.directory());
  PrefixScan scan(database_, kRowsFamily, prefix);
  for (; scan.Valid(); scan.Next()) {
    if (scan.key().size() != prefix.size() + 4)
      return Corruption(what, ": a key of ", scan.key().size(), " bytes, expected ", prefix.size() + 4);
    const std::string_view payload = TRY(Unframe(what, scan.key(), scan.value()));
    TRY(visit(GetBig32(scan.key().substr(prefix.size())), payload));
  }
  return scan.End(what);
}

Status RocksRows::DeleteChunks(SegmentId segment) {
  const std::string prefix = RowsPrefix(segment);
  {
    PrefixScan scan(database_, kRowsFamily, prefix);
    if (!scan.Valid()) return scan.End(internal::Join("rows of segment ", segment, " in ", database_.directory()));
  }
  rocksdb::WriteBatch batch;
  TRY(DeleteRange(&batch, database_.family(kRowsFamily), prefix, AfterPrefix(prefix)));
  TRY(disk_.AdmitSmall(batch.GetDataSize()));
  return database_.Write(&batch, internal::Join("drop the rows of segment ", segment));
}

Status RocksRows::Drop(SegmentId segment) {
  SAKER_KILL_POINT("rows.before_drop");
  TRY(DeleteChunks(segment));
  SAKER_KILL_POINT("rows.after_drop");
  const std::string from = RowsPrefix(segment), to = AfterPrefix(from);
  const rocksdb::Slice from_slice(from), to_slice(to);
  return FromRocks(
      rocksdb::DeleteFilesInRange(database_.rocks(), database_.family(kRowsFamily), &from_slice, &to_slice, /*include_end=*/false),
      internal::Join("drop the row files of segment ", segment));
}

Result<std::vector<SegmentId>> RocksRows::Segments() {
  std::vector<SegmentId> out;
  PrefixScan scan(database_, kRowsFamily, "");
  while (scan.Valid()) {
    if (scan.key().size() < 8)
      return Corruption("rows in ", database_.directory(), ": a key of ", scan.key().size(), " bytes, expected 12");
    out.emplace_back(static_cast<int64_t>(GetBig64(scan.key())));
    scan.Seek(AfterPrefix(RowsPrefix(out.back())));
  }
  TRY(scan.End(internal::Join("rows in ", database_.directory())));
  return out;
}

}  // namespace saker::storage::rocks
