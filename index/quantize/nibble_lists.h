// The 4-bit codes of rows in lists, in the layout of this machine's fast-scan kernels; in files row by row (FORMAT.md).
//
// Every list begins a new block of 32 rows. With up to two numbers a row beside its code: what is added to its sum and what
// the sum is multiplied with. Written once, by any number of threads for different lists; then immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/huge_memory.h"
#include "common/result.h"
#include "index/kernels/fastscan.h"

namespace saker::index {

class NibbleLists {
 public:
  enum class Terms { kNone, kAdd, kAddAndMultiply };

  // `offsets`: where each list begins in an array of all the rows, and the end.
  static Result<NibbleLists> Allocate(std::span<const uint32_t> offsets, size_t subspaces, Terms terms);

  size_t memory_bytes() const { return codes_.size_bytes() + (add_.size() + multiply_.size() + starts_.size()) * 4; }
  size_t row_bytes() const { return (subspaces_ + 1) / 2; }

  // `codes`: one a byte.
  void Set(size_t list, size_t row, const uint8_t* codes);
  void SetTerms(size_t list, size_t row, float add, float multiply);

  // The list as the kernels take it; what belongs to the query is left zero.
  FastScanList List(size_t list) const;
  // What one query asks of a list: its tables as the kernels make them, and what they count in.
  struct Query {
    const uint8_t* tables;
    float base = 0;
    float step = 0;
    float offset = 0;
  };
  // As FastScanKernels::scan.
  size_t Scan(size_t list, const Query& query, float limit, float* keys, uint32_t* places) const;
  // Fetches the beginning of a list that is scanned soon.
  void Prefetch(size_t list) const;

  // All rows in the order of the lists, as a file holds them: two codes a byte, the first one low; the terms.
  std::vector<uint8_t> PackedCodes() const;
  std::vector<float> Adds() const { return Gathered(add_); }
  std::vector<float> Multiplies() const { return Gathered(multiply_); }
  void Unpack(std::span<const uint8_t> packed, std::span<const float> adds, std::span<const float> multiplies);

 private:
  uint8_t* Block(size_t list, size_t row) const;
  std::vector<float> Gathered(const std::vector<float>& padded) const;

  size_t subspaces_ = 0;
  size_t groups_ = 0;
  FastScanLayout layout_ = FastScanLayout::kLanes;
  std::vector<uint32_t> sizes_;
  std::vector<uint32_t> starts_;  // of each list, in blocks
  HugeMemory codes_;
  std::vector<float> add_, multiply_;
};

}  // namespace saker::index
