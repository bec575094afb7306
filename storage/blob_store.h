// Where sealed files live: a directory here, an object store in a cluster.
//
// Names are relative paths of [a-z0-9_./-] made by the server, never by a user; anything else is InvalidArgument. A file
// appears whole or not at all: Finish syncs and publishes it under its name. Files never change once published.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/file.h"
#include "common/result.h"

namespace saker::storage {

class BlobWriter {
 public:
  virtual ~BlobWriter() = default;  // without Finish the file is dropped
  virtual WritableFile& file() = 0;
  virtual Status Finish() = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<std::unique_ptr<BlobWriter>> Create(const std::string& name) = 0;
  // A local path that can be mapped; a remote driver brings the file into its cache first.
  virtual Result<std::string> LocalPath(const std::string& name) = 0;
  virtual Status Remove(const std::string& name) = 0;  // idempotent
  virtual Result<std::vector<std::string>> List(const std::string& prefix) = 0;
  virtual FileSystem& files() = 0;
};

}  // namespace saker::storage
