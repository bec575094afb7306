// The local Rows: column family `rows`; chunks are written as tables in DIR/ingest and moved in whole.
#pragma once

#include "storage/rocks/database.h"
#include "storage/rocks/disk_guard.h"
#include "storage/rows.h"

namespace saker::storage::rocks {

class RocksRows final : public Rows {
 public:
  RocksRows(Database& database, DiskGuard& disk, std::string ingest_directory);
  Status Ingest(SegmentId segment, const std::function<Result<bool>(RowChunk*)>& next) override;
  Status Scan(SegmentId segment, const std::function<Status(RowOffset, std::string_view)>& visit) override;
  Status Drop(SegmentId segment) override;
  Result<std::vector<SegmentId>> Segments() override;

 private:
  Status WriteTables(SegmentId segment, const std::function<Result<bool>(RowChunk*)>& next, std::vector<std::string>* paths);
  Status DeleteChunks(SegmentId segment);

  Database& database_;
  DiskGuard& disk_;
  const std::string ingest_directory_;
};

}  // namespace saker::storage::rocks
