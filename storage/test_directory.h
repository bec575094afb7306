// A data directory for one test, removed afterwards.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "storage/storage.h"

namespace saker::storage {

// SAKER_SEED, or one that is new each time; tests print it.
inline uint64_t TestSeed() {
  const char* given = std::getenv("SAKER_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "saker-storage-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    root_ = pattern;
  }
  // A copy of another one, which must be closed.
  explicit TestDirectory(const TestDirectory& other) : TestDirectory() {
    std::filesystem::copy(other.path(), path(), std::filesystem::copy_options::recursive);
  }
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  std::string path() const { return root_ + "/data"; }
  StorageOptions options() const {
    StorageOptions options;
    options.directory = path();
    options.reserve_bytes = 1 << 20;
    return options;
  }
  std::unique_ptr<Storage> Open() const {
    auto storage = OpenStorage(options());
    EXPECT_TRUE(storage.ok()) << storage.status().ToString();
    return storage.ok() ? std::move(storage).value() : nullptr;
  }

 private:
  std::string root_;
};

}  // namespace saker::storage
