#include "storage/blob/local_blob_store.h"

#include <algorithm>

#include "common/kill_point.h"

namespace saker::storage {
namespace {

constexpr size_t kMaxNameBytes = 512;
constexpr int kMaxDepth = 8;
constexpr std::string_view kTemporary = ".new";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_.-";

// Asks for room before every write, then writes.
class AdmittedFile final : public WritableFile {
 public:
  AdmittedFile(std::unique_ptr<WritableFile> file, const std::function<Status(uint64_t)>& admit) : file_(std::move(file)), admit_(admit) {}
  Status Append(std::span<const std::byte> bytes) override {
    TRY(admit_(bytes.size()));
    return file_->Append(bytes);
  }
  Status Sync() override { return file_->Sync(); }
  uint64_t size_bytes() const override { return file_->size_bytes(); }

 private:
  const std::unique_ptr<WritableFile> file_;
  const std::function<Status(uint64_t)>& admit_;
};

class LocalBlobWriter final : public BlobWriter {
 public:
  LocalBlobWriter(std::unique_ptr<WritableFile> file, FileSystem& files, std::string path)
      : file_(std::move(file)), files_(files), path_(std::move(path)) {}
  ~LocalBlobWriter() override {
    if (!finished_) static_cast<void>(files_.Remove(path_ + std::string(kTemporary)));
  }
  WritableFile& file() override { return *file_; }
  Status Finish() override {
    if (finished_) return FailedPrecondition(path_, " is finished already");
    TRY(file_->Sync());
    SAKER_KILL_POINT("blob.before_rename");
    TRY(files_.Rename(path_ + std::string(kTemporary), path_));
    SAKER_KILL_POINT("blob.after_rename");
    finished_ = true;
    return OkStatus();
  }

 private:
  const std::unique_ptr<WritableFile> file_;
  FileSystem& files_;
  const std::string path_;
  bool finished_ = false;
};

}  // namespace

Status CheckBlobName(const std::string& name) {
  if (name.empty() || name.size() > kMaxNameBytes)
    return InvalidArgument("a blob name of ", name.size(), " bytes, 1 to ", kMaxNameBytes, " are allowed");
  size_t start = 0;
  int depth = 0;
  while (start <= name.size()) {
    const std::string_view part = std::string_view(name).substr(start, name.find('/', start) - start);
    if (part.empty() || part.front() == '.' || part.find_first_not_of(kLetters) != part.npos) {
      return InvalidArgument("the blob name \"", name, "\" is not made of [a-z0-9_.-] parts");
    }
    if (++depth > kMaxDepth) return InvalidArgument("the blob name \"", name, "\" has more than ", kMaxDepth, " parts");
    start += part.size() + 1;
  }
  if (name.ends_with(kTemporary)) return InvalidArgument("the blob name \"", name, "\" ends as unfinished ones do");
  return OkStatus();
}

LocalBlobStore::LocalBlobStore(std::string directory, FileSystem& files, std::function<Status(uint64_t)> admit)
    : directory_(std::move(directory)), files_(files), admit_(std::move(admit)) {}

Result<std::unique_ptr<BlobWriter>> LocalBlobStore::Create(const std::string& name) {
  TRY(CheckBlobName(name));
  TRY(admit_(0));
  // Each new directory's entry must be on disk before a manifest names what is in it.
  for (size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
    const std::string below = directory_ + "/" + name.substr(0, slash);
    if (files_.Exists(below)) continue;
    TRY(files_.MakeDirectories(below));
    TRY(files_.SyncDirectory(below.substr(0, below.rfind('/'))));
  }
  const std::string path = directory_ + "/" + name;
  std::unique_ptr<WritableFile> file = TRY(files_.Create(path + std::string(kTemporary)));
  return std::unique_ptr<BlobWriter>(
      std::make_unique<LocalBlobWriter>(std::make_unique<AdmittedFile>(std::move(file), admit_), files_, path));
}

Result<std::string> LocalBlobStore::LocalPath(const std::string& name) {
  TRY(CheckBlobName(name));
  std::string path = directory_ + "/" + name;
  if (!files_.Exists(path)) return NotFound("no file ", name, " in ", directory_);
  return path;
}

Status LocalBlobStore::Remove(const std::string& name) {
  TRY(CheckBlobName(name));
  SAKER_KILL_POINT("blob.before_remove");
  return files_.Remove(directory_ + "/" + name);
}

Result<std::vector<std::string>> LocalBlobStore::List(const std::string& prefix) {
  std::vector<std::string> out;
  TRY(ListInto("", prefix, 0, &out));
  std::erase_if(out, [](const std::string& name) { return name.ends_with(kTemporary); });
  std::sort(out.begin(), out.end());
  return out;
}

Status LocalBlobStore::RemoveUnfinished() {
  std::vector<std::string> names;
  TRY(ListInto("", "", 0, &names));
  for (const std::string& name : names) {
    if (name.ends_with(kTemporary)) TRY(files_.Remove(directory_ + "/" + name));
  }
  return OkStatus();
}

Status LocalBlobStore::ListInto(const std::string& directory, const std::string& prefix, int depth, std::vector<std::string>* out) {
  if (depth > kMaxDepth) return OkStatus();
  for (const std::string& entry : TRY(files_.List(directory_ + (directory.empty() ? "" : "/" + directory)))) {
    const std::string name = directory.empty() ? entry : directory + "/" + entry;
    const std::string_view common_prefix = std::string_view(prefix).substr(0, std::min(prefix.size(), name.size()));
    if (!name.starts_with(common_prefix)) continue;
    const Result<std::vector<std::string>> below = files_.List(directory_ + "/" + name);
    if (below.ok()) {
      TRY(ListInto(name, prefix, depth + 1, out));
    } else if (name.starts_with(prefix)) {
      out->push_back(name);
    }
  }
  return OkStatus();
}

}  // namespace saker::storage
