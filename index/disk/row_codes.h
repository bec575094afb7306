// What memory holds of every row of a disk graph: a product code, a byte for each part of its dimensions.
//
// With a query goes a table of 256 numbers for each part; the key of a row is the sum of one number of each. The numbers are
// 16-bit steps above the part's least: half a table of floats, of which a core's nearest cache would not hold one, and the same
// sum on every machine. Keys are on the scale of ExactKey: squared distances (COSINE: of vectors of length 1), negative products
// for IP. Codes stand in the order of the pages. Immutable, thread-safe; a CodeTable belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/huge_memory.h"
#include "index/index.h"
#include "index/kernels/page_codes.h"

namespace saker::index {

class RowCodes {
 public:
  static constexpr size_t kEntries = 256;

  RowCodes() = default;
  // Trains on a sample of `rows`; `parts` is at most the dimension. Codes are set afterwards.
  static Result<RowCodes> Train(const VectorSource& source, Metric metric, const std::vector<uint32_t>& rows, size_t parts,
                                size_t sample_rows, const BuildOptions& options);
  // `codebook`: as codebook(); `codes`: positions x parts.
  static Result<RowCodes> Load(Metric metric, size_t dim, size_t parts, std::vector<float> codebook, std::span<const uint8_t> codes);

  // Position i gets the code of rows[i].
  Status EncodeAll(const VectorSource& source, const std::vector<uint32_t>& rows, const BuildOptions& options);

  size_t parts() const { return parts_; }
  size_t dim() const { return dim_; }
  Metric metric() const { return metric_; }
  size_t memory_bytes() const { return codes_.size_bytes() + codebook_.size() * sizeof(float); }
  // dim x kEntries floats: what each entry of the dimension's part has there. Part p is dimensions [p * dim / parts, (p + 1) * dim /
  // parts).
  std::span<const float> codebook() const { return codebook_; }
  std::span<const uint8_t> codes() const { return {reinterpret_cast<const uint8_t*>(codes_.data()), codes_.size_bytes()}; }
  const uint8_t* Row(uint32_t position) const { return reinterpret_cast<const uint8_t*>(codes_.data()) + position * parts_; }

 private:
  friend class CodeTable;
  size_t First(size_t part) const { return part * dim_ / parts_; }
  size_t Width(size_t part) const { return First(part + 1) - First(part); }

  Metric metric_ = Metric::kL2;
  size_t dim_ = 0;
  size_t parts_ = 0;
  std::vector<float> codebook_;
  HugeMemory codes_;
};

class CodeTable {
 public:
  explicit CodeTable(const RowCodes& codes)
      : codes_(codes), table_(codes.parts() * RowCodes::kEntries), floats_(table_.size()), least_(codes.parts()) {}
  // `query`: floats, of length 1 for COSINE.
  void Set(const float* query);
  float Key(uint32_t position) const;
  void Keys(const uint32_t* positions, size_t count, float* keys) const;
  // The codes of positions first, first + 1, ... will be asked for soon.
  void PrefetchRun(uint32_t first, size_t count) const;

 private:
  const RowCodes& codes_;
  const PageCodeKernels& kernels_ = BestPageCodes();
  std::vector<uint16_t> table_;
  std::vector<float> floats_, least_;  // while the table is made
  float base_ = 0;                     // the key of a sum of zero
  float step_ = 0;
};

}  // namespace saker::index
