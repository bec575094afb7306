// For tests: a coordinator over real storage and real shards in a temporary directory.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "server/coord/coordinator.h"
#include "server/shard/shard.h"
#include "storage/storage.h"

namespace saker::coord {

class RealWorld {
 public:
  explicit RealWorld(const std::string& name)
      : directory_(std::filesystem::temp_directory_path() / (name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(directory_);
  }
  ~RealWorld() {
    Close();
    std::filesystem::remove_all(directory_);
  }

  Coordinator& Open() {
    storage::StorageOptions options;
    options.directory = directory_.string();
    options.reserve_bytes = 4096;
    Result<std::unique_ptr<storage::Storage>> storage = storage::OpenStorage(options);
    CHECK(storage.ok());
    storage_ = std::move(storage).value();
    CoordinatorOptions coordinator_options;
    coordinator_options.search_pool = &search_;
    coordinator_options.background_pool = &background_;
    coordinator_options.build_pool = &build_;
    coordinator_options.memory = &memory_;
    coordinator_options.open_shard = shard::Shard::Open;
    Result<std::unique_ptr<Coordinator>> coordinator = Coordinator::Open(*storage_, coordinator_options);
    CHECK(coordinator.ok());
    coordinator_ = std::move(coordinator).value();
    return *coordinator_;
  }
  void Close() {
    coordinator_.reset();
    if (storage_ != nullptr) CHECK(storage_->Close().ok());
    storage_.reset();
  }

  const MemoryBudget& memory() const { return memory_; }

 private:
  const std::filesystem::path directory_;
  WorkerPool search_{{.name = "search", .threads = 2}};
  WorkerPool background_{{.name = "background", .threads = 1}};
  WorkerPool build_{{.name = "build", .threads = 1}};
  MemoryBudget memory_{1ull << 30};
  std::unique_ptr<storage::Storage> storage_;
  std::unique_ptr<Coordinator> coordinator_;
};

}  // namespace saker::coord
