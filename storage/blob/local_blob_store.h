// The local BlobStore: files below one directory.
//
// A file is written as NAME.new and renamed by Finish after its bytes are synced; the directories on the way are synced
// too. What an interrupted job left as *.new is removed at start. Thread-safe.
#pragma once

#include <functional>

#include "storage/blob_store.h"

namespace saker::storage {

class LocalBlobStore final : public BlobStore {
 public:
  // `admit` says before bytes are written whether the disk has room for them.
  LocalBlobStore(std::string directory, FileSystem& files, std::function<Status(uint64_t bytes)> admit);

  Result<std::unique_ptr<BlobWriter>> Create(const std::string& name) override;
  Result<std::string> LocalPath(const std::string& name) override;
  Status Remove(const std::string& name) override;
  Result<std::vector<std::string>> List(const std::string& prefix) override;
  FileSystem& files() override { return files_; }
  // At start, before anything writes.
  Status RemoveUnfinished();

 private:
  // Finished and unfinished files, in no order.
  Status ListInto(const std::string& directory, const std::string& prefix, int depth, std::vector<std::string>* out);

  const std::string directory_;
  FileSystem& files_;
  const std::function<Status(uint64_t)> admit_;
};

// OK when `name` is a relative path of [a-z0-9_.-] parts, none of them empty or beginning with a dot.
Status CheckBlobName(const std::string& name);

}  // namespace saker::storage
