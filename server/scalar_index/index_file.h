// The container of a scalar index' file: header, sections, one checksum per block. Layout: FORMAT.md.
//
// The reader verifies every byte before it answers; its spans live as long as the bytes it was given. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"

namespace saker::scalar_index {

// Numbers are durable: never reused. A dictionary takes its parts from its base on.
enum class Section : uint32_t {
  kKnown = 1,   // u64 words, a bit a row; absent: every row is known
  kUnsure = 2,  // u32 rows, ascending
  kIntegers = 16,
  kReals = 32,
  kTexts = 48,
  kTokens = 64,  // of texts; the bytes of all, one behind the other
  kTokenStarts = 65,
  kTokenCounts = 66,
  kTokenRows = 67,
  kTokenRowStarts = 68,
  kTokenPositions = 69,
  kTokenPositionStarts = 70,
};

class IndexFileWriter {
 public:
  IndexFileWriter(std::string spec, uint64_t row_count) : spec_(std::move(spec)), row_count_(row_count) {}
  // Empty sections are left out.
  void Add(uint32_t section, std::string bytes) {
    if (!bytes.empty()) sections_.emplace_back(section, std::move(bytes));
  }
  std::string Finish() const;

 private:
  const std::string spec_;
  const uint64_t row_count_;
  std::vector<std::pair<uint32_t, std::string>> sections_;
};

class IndexFileReader {
 public:
  // DataLoss unless every checksum fits and the file was made for `spec` and `row_count`.
  static Result<IndexFileReader> Open(std::span<const std::byte> bytes, const std::string& name, const std::string& spec,
                                      uint64_t row_count);
  const std::string& name() const { return name_; }
  bool Has(uint32_t section) const;
  // The elements of a section, none when it is absent; DataLoss when it is no whole number of them.
  template <typename T>
  Result<std::span<const T>> View(uint32_t section) const {
    const std::span<const std::byte> bytes = TRY(Find(section, sizeof(T)));
    return std::span<const T>(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T));
  }
  // A file whose checksums are right and whose content is not.
  Status Damaged(uint32_t section, const std::string& what) const;

 private:
  Result<std::span<const std::byte>> Find(uint32_t section, size_t size) const;

  struct Entry {
    uint32_t section;
    uint64_t offset;
    uint64_t length;
  };
  std::string name_;
  std::span<const std::byte> bytes_;
  std::vector<Entry> sections_;
};

}  // namespace saker::scalar_index
