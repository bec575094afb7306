// The container of every index file: header, sections, one checksum per block. Layout: FORMAT.md.
//
// The writer borrows the bytes it is given until Write. The reader maps the file and verifies every byte before it
// answers; its spans live as long as it does. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/file.h"
#include "common/result.h"
#include "index/index.h"

namespace saker::index {

// Numbers are durable: never reused.
enum class Section : uint32_t {
  kInverseNorms = 1,
  kGraphHeader = 2,
  kGraphLevel0 = 3,
  kGraphUpperRows = 4,
  kGraphUpperOffsets = 5,
  kGraphUpperLinks = 6,
  kCentroids = 7,
  kListOffsets = 8,
  kListRows = 9,
  kSparseTerms = 10,
  kSparseOffsets = 11,
  kSparseRows = 12,
  kSparseValues = 13,
  kCodeHeader = 20,
  kCodeBook = 21,
  kCodeRows = 22,
  kCodeAdds = 23,
  kCodeFactors = 24,
  kListReaches = 25,
  kPostingHeader = 50,
  kPostingTerms = 51,
  kPostingLists = 52,
  kPostingBlocks = 53,
  kPostingData = 54,
  kPostingValues = 55,
  kPostingCells = 56,
  kPostingLengths = 57,
  kFlatGraphHeader = 60,
  kFlatGraphLinks = 61,
  kFlatGraphEntries = 62,
  kAutoHeader = 80,
  kAutoEfforts = 81,
  kDiskHeader = 90,
  kDiskCodeBook = 91,
  kDiskCodes = 92,
  kDiskPositions = 93,
  kDiskNavigationPositions = 94,
  kDiskNavigationRows = 95,
  kDiskNavigationLinks = 96,
  kDiskNavigationEntries = 97,
  kDiskPages = 98,  // starts at a multiple of 4096
};

struct SectionBytes {
  Section section;
  std::span<const std::byte> bytes;
};

class IndexFileWriter {
 public:
  IndexFileWriter(const IndexSpec& spec, const VectorSource& source) : spec_(spec), source_(source) {}
  void Add(Section section, std::span<const std::byte> bytes) { sections_.push_back({section, bytes.size(), bytes, nullptr}); }
  // A section that is not in memory: `write` is called once and hands exactly `length` bytes on, in pieces.
  using Sink = std::function<Status(std::span<const std::byte>)>;
  void AddStream(Section section, uint64_t length, std::function<Status(const Sink&)> write) {
    sections_.push_back({section, length, {}, std::move(write)});
  }
  Status Write(WritableFile& file) const;

 private:
  struct Entry {
    Section section;
    uint64_t length;
    std::span<const std::byte> bytes;
    std::function<Status(const Sink&)> write;
  };
  const IndexSpec& spec_;
  const VectorSource& source_;
  std::vector<Entry> sections_;
};

class IndexFileReader {
 public:
  // Maps and verifies the header alone: what spec() and Length say holds if the rest is undamaged.
  static Result<IndexFileReader> OpenHeader(const std::string& path, FileSystem& files);
  // Maps and verifies; then checks that the file was made for `source` (type, dimension, rows).
  static Result<IndexFileReader> Open(const std::string& path, FileSystem& files, const VectorSource& source);

  const IndexSpec& spec() const { return spec_; }
  // The same file, read as one of another type: an index within an index.
  IndexFileReader WithSpec(IndexSpec spec) const {
    IndexFileReader other = *this;
    other.spec_ = std::move(spec);
    return other;
  }
  const std::string& path() const { return path_; }
  uint64_t file_bytes() const { return file_bytes_; }
  // The section's elements, copied; DataLoss when it is absent or does not hold exactly `count` of them.
  template <typename T>
  Result<std::vector<T>> Copy(Section section, uint64_t count) const {
    const std::span<const std::byte> bytes = TRY(Find(section, count, sizeof(T)));
    std::vector<T> out(static_cast<size_t>(count));
    if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
  // The same in place, for as long as the reader lives. Sections start at multiples of 64.
  template <typename T>
  Result<std::span<const T>> View(Section section, uint64_t count) const {
    const std::span<const std::byte> bytes = TRY(Find(section, count, sizeof(T)));
    return std::span<const T>(reinterpret_cast<const T*>(bytes.data()), static_cast<size_t>(count));
  }
  bool Has(Section section) const;
  // Its bytes; 0 when it is absent.
  uint64_t Length(Section section) const;
  // Where a section of `length` bytes begins in the file: for those that are read from there later.
  Result<uint64_t> OffsetOf(Section section, uint64_t length) const;
  // Elements of `size` bytes in the section; DataLoss when it is absent or not a whole number of them.
  Result<uint64_t> Count(Section section, uint64_t size) const;
  // A damaged file whose checksums are right: names the file and the section's offset.
  Status Damaged(Section section, const std::string& what) const;

 private:
  struct Entry {
    Section section;
    uint64_t offset;
    uint64_t length;
  };
  Result<std::span<const std::byte>> Find(Section section, uint64_t count, uint64_t size) const;

  std::string path_;
  std::shared_ptr<const MappedFile> file_;
  IndexSpec spec_;
  uint32_t type_ = 0;
  uint64_t rows_ = 0, dim_ = 0;
  uint64_t header_bytes_ = 0, sections_end_ = 0, file_bytes_ = 0;
  std::vector<Entry> sections_;
};

// What an index that can stand inside another offers: its file under the other's spec, the other's sections beside its own.
class SavedWithin {
 public:
  virtual ~SavedWithin() = default;
  virtual Status SaveAs(const IndexSpec& spec, std::span<const SectionBytes> more, WritableFile& file) const = 0;
};

}  // namespace saker::index
