#include "storage/rocks/guarded_file_system.h"

#include <rocksdb/file_system.h>

namespace saker::storage::rocks {
namespace {

using rocksdb::IOStatus;

class GuardedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  GuardedFile(std::unique_ptr<rocksdb::FSWritableFile> file, DiskGuard& disk) : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}

  IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return disk_.WaitForRoom(data.size()) ? target()->Append(data, options, debug) : NoRoom();
  }
  IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options, const rocksdb::DataVerificationInfo& verification,
                  rocksdb::IODebugContext* debug) override {
    return disk_.WaitForRoom(data.size()) ? target()->Append(data, options, verification, debug) : NoRoom();
  }

 private:
  static IOStatus NoRoom() { return IOStatus::IOError("closed while waiting for disk space"); }

  DiskGuard& disk_;
};

class GuardedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit GuardedFileSystem(DiskGuard& disk) : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(disk) {}
  const char* Name() const override { return "SakerGuardedFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* result,
                           rocksdb::IODebugContext* debug) override {
    return Guard(target()->NewWritableFile(name, options, result, debug), result);
  }
  IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, rocksdb::IODebugContext* debug) override {
    return Guard(target()->ReopenWritableFile(name, options, result, debug), result);
  }

 private:
  IOStatus Guard(IOStatus status, std::unique_ptr<rocksdb::FSWritableFile>* result) {
    if (status.ok()) *result = std::make_unique<GuardedFile>(std::move(*result), disk_);
    return status;
  }

  DiskGuard& disk_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewGuardedEnv(DiskGuard& disk) {
  return rocksdb::NewCompositeEnv(std::make_shared<GuardedFileSystem>(disk));
}

}  // namespace saker::storage::rocks
