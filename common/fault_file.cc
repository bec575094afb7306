#include "common/fault_file.h"

#include <algorithm>

namespace saker {
namespace {

std::string Parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? "" : path.substr(0, slash);
}

}  // namespace

class FaultFileSystem::File final : public WritableFile {
 public:
  File(FaultFileSystem& files, std::unique_ptr<WritableFile> base, std::string path, uint64_t cuts)
      : files_(files), base_(std::move(base)), path_(std::move(path)), cuts_(cuts) {}

  Status Append(std::span<const std::byte> bytes) override {
    TRY(Alive());
    TRY(files_.Step("write to", path_));
    const uint64_t allowed = files_.AppendAllowance(bytes.size());
    TRY(base_->Append(bytes.first(allowed)));
    {
      MutexLock lock(files_.mutex_);
      files_.tracked_[path_].written_bytes = base_->size_bytes();
    }
    return allowed == bytes.size() ? OkStatus() : Unavailable("write to ", path_, ": ", allowed, " of ", bytes.size(), " bytes (injected)");
  }

  Status Sync() override {
    TRY(Alive());
    if (failed_sync_) return Unavailable("sync of ", path_, " after a failed one (injected)");
    const Status status = files_.Step("sync of", path_);
    failed_sync_ = !status.ok();  // what the failed sync should have written is gone for good, whatever is tried later
    TRY(status);
    TRY(base_->Sync());
    MutexLock lock(files_.mutex_);
    files_.tracked_[path_].synced_bytes = base_->size_bytes();
    return OkStatus();
  }

  uint64_t size_bytes() const override { return base_->size_bytes(); }

 private:
  Status Alive() const {
    MutexLock lock(files_.mutex_);
    return files_.cuts_ == cuts_ ? OkStatus() : Unavailable(path_, " was open at the power cut (injected)");
  }

  FaultFileSystem& files_;
  const std::unique_ptr<WritableFile> base_;
  const std::string path_;
  const uint64_t cuts_;
  bool failed_sync_ = false;
};

class FaultFileSystem::Direct final : public DirectFile {
 public:
  Direct(FaultFileSystem& files, std::shared_ptr<const DirectFile> base) : files_(files), base_(std::move(base)) {}
  int descriptor() const override { return base_->descriptor(); }
  bool direct() const override { return base_->direct(); }
  uint64_t size_bytes() const override { return base_->size_bytes(); }
  Status ReadAt(uint64_t offset, std::span<std::byte> bytes) const override {
    TRY(files_.Step("read", "a file"));
    return base_->ReadAt(offset, bytes);
  }
  int InjectedError() const override { return files_.ReadError(); }

 private:
  FaultFileSystem& files_;
  const std::shared_ptr<const DirectFile> base_;
};

class FaultFileSystem::Scratch final : public ScratchFile {
 public:
  Scratch(FaultFileSystem& files, std::unique_ptr<ScratchFile> base) : files_(files), base_(std::move(base)) {}
  Status Append(std::span<const std::byte> bytes) override {
    TRY(files_.Step("write to", "a scratch file"));
    const uint64_t allowed = files_.AppendAllowance(bytes.size());
    TRY(base_->Append(bytes.first(allowed)));
    if (allowed == bytes.size()) return OkStatus();
    return ResourceExhausted("write to a scratch file: ", allowed, " of ", bytes.size(), " bytes (injected)");
  }
  Status ReadAt(uint64_t offset, std::span<std::byte> bytes) const override {
    TRY(files_.Step("read", "a scratch file"));
    return base_->ReadAt(offset, bytes);
  }
  int descriptor() const override { return base_->descriptor(); }
  uint64_t size_bytes() const override { return base_->size_bytes(); }
  int InjectedError() const override { return files_.ReadError(); }

 private:
  FaultFileSystem& files_;
  const std::unique_ptr<ScratchFile> base_;
};

void FaultFileSystem::FailCall(int n) {
  MutexLock lock(mutex_);
  fail_call_ = n;
}

void FaultFileSystem::FailAppendShort(int n) {
  MutexLock lock(mutex_);
  fail_append_ = n;
}

void FaultFileSystem::FailRead(int n, int error) {
  MutexLock lock(mutex_);
  fail_read_ = n;
  read_error_ = error;
}

int FaultFileSystem::ReadError() {
  MutexLock lock(mutex_);
  return fail_read_ > 0 && --fail_read_ == 0 ? read_error_ : 0;
}

int FaultFileSystem::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

Status FaultFileSystem::Step(std::string_view what, const std::string& path) {
  MutexLock lock(mutex_);
  ++calls_;
  if (fail_call_ > 0 && --fail_call_ == 0) return Unavailable(what, " ", path, ": call ", calls_, " fails (injected)");
  return OkStatus();
}

uint64_t FaultFileSystem::AppendAllowance(uint64_t size) {
  MutexLock lock(mutex_);
  return fail_append_ > 0 && --fail_append_ == 0 ? size / 2 : size;
}

Status FaultFileSystem::PowerCut() {
  MutexLock lock(mutex_);
  ++cuts_;
  for (const auto& [path, file] : tracked_) {
    if (!base_.Exists(path)) continue;
    if (!file.entry_synced) {
      TRY(base_.Remove(path));
      continue;
    }
    if (file.synced_bytes == file.written_bytes) continue;
    // Any part of the rest may have reached the disk; the last bytes of it may be anything.
    std::string contents = TRY(base_.ReadAll(path, file.written_bytes));
    const uint64_t torn = random_() % (file.written_bytes - file.synced_bytes + 1);
    contents.resize(file.synced_bytes + torn);
    const uint64_t garbage = std::min<uint64_t>(torn, random_() % 513);
    for (uint64_t i = contents.size() - garbage; i < contents.size(); ++i) contents[i] = static_cast<char>(random_());
    auto rewritten = TRY(base_.Create(path));
    TRY(rewritten->Append(std::as_bytes(std::span(contents))));
  }
  tracked_.clear();
  return OkStatus();
}

Result<std::unique_ptr<WritableFile>> FaultFileSystem::Create(const std::string& path) {
  TRY(Step("create", path));
  const bool existed = base_.Exists(path);
  std::unique_ptr<WritableFile> file = TRY(base_.Create(path));
  MutexLock lock(mutex_);
  Tracked tracked;
  const auto old = tracked_.find(path);
  tracked.entry_synced = existed && (old == tracked_.end() || old->second.entry_synced);
  tracked_[path] = tracked;
  return std::unique_ptr<WritableFile>(std::make_unique<File>(*this, std::move(file), path, cuts_));
}

Result<std::shared_ptr<const MappedFile>> FaultFileSystem::Map(const std::string& path) {
  TRY(Step("map", path));
  return base_.Map(path);
}

Result<std::shared_ptr<const MappedFile>> FaultFileSystem::Load(const std::string& path) {
  TRY(Step("load", path));
  return base_.Load(path);
}

Result<std::shared_ptr<const DirectFile>> FaultFileSystem::OpenDirect(const std::string& path) {
  TRY(Step("open", path));
  return std::shared_ptr<const DirectFile>(std::make_shared<Direct>(*this, TRY(base_.OpenDirect(path))));
}

Result<std::unique_ptr<ScratchFile>> FaultFileSystem::CreateScratch(const std::string& directory) {
  TRY(Step("create a scratch file in", directory));
  return std::unique_ptr<ScratchFile>(std::make_unique<Scratch>(*this, TRY(base_.CreateScratch(directory))));
}

Result<uint64_t> FaultFileSystem::FreeBytes(const std::string& directory) {
  TRY(Step("look at the free space of", directory));
  return base_.FreeBytes(directory);
}

Result<std::string> FaultFileSystem::ReadAll(const std::string& path, uint64_t limit_bytes) {
  TRY(Step("read", path));
  return base_.ReadAll(path, limit_bytes);
}

Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  TRY(Step("rename to", to));
  TRY(base_.Rename(from, to));
  MutexLock lock(mutex_);
  const auto moved = tracked_.find(from);
  if (moved != tracked_.end()) {
    Tracked tracked = moved->second;
    tracked.entry_synced = true;  // Rename syncs the directory
    tracked_.erase(moved);
    tracked_[to] = tracked;
  }
  return OkStatus();
}

Status FaultFileSystem::Remove(const std::string& path) {
  TRY(Step("remove", path));
  TRY(base_.Remove(path));
  MutexLock lock(mutex_);
  tracked_.erase(path);
  return OkStatus();
}

Status FaultFileSystem::MakeDirectories(const std::string& path) {
  TRY(Step("create the directory", path));
  return base_.MakeDirectories(path);
}

Status FaultFileSystem::SyncDirectory(const std::string& path) {
  TRY(Step("sync of the directory", path));
  TRY(base_.SyncDirectory(path));
  MutexLock lock(mutex_);
  for (auto& [name, file] : tracked_) {
    if (Parent(name) == path) file.entry_synced = true;
  }
  return OkStatus();
}

Result<std::vector<std::string>> FaultFileSystem::List(const std::string& directory) {
  TRY(Step("list", directory));
  return base_.List(directory);
}

}  // namespace saker
