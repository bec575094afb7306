// 7-bit codes of fp32 rows, for walks: a quarter of the bytes, and bytes are what a walk waits for (ann-design: SQ8).
//
// A row x becomes c = round((x - mean) / step) + 64, one step for all dimensions, 0.1 % of the elements cut off at the ends;
// for COSINE the row is normalised first. The query is not rounded to that grid but to 15 bits of its own, so only the row's
// rounding counts. Keys order rows as the metric does up to that error and mean nothing else: what a walk finds is scored
// again exactly. Codes are a function of the vectors, made when an index is built or opened, never stored.
// RowCodes: immutable, thread-safe. CodeScorer: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/huge_memory.h"
#include "index/kernels/kernels.h"
#include "index/metric.h"
#include "index/vector_source.h"

namespace saker::index {

class RowCodes {
 public:
  // Empty where codes would not pay or not be true enough: another type or metric than fp32 with L2, IP, COSINE, short
  // rows, or values so unequal that one step loses more than a thousandth of their energy. ResourceExhausted: no memory.
  static Result<RowCodes> Make(const VectorSource& source, Metric metric, const float* inverse_norms);

  RowCodes() = default;
  bool empty() const { return stride_ == 0; }
  size_t memory_bytes() const { return memory_.size_bytes() + own_terms_.size() * sizeof(float) + mean_.size() * sizeof(float); }

 private:
  friend class CodeScorer;
  bool Fit(const VectorSource& source, Metric metric, const float* inverse_norms);
  void Encode(const VectorSource& source, Metric metric, const float* inverse_norms);

  const uint8_t* Row(size_t row) const { return reinterpret_cast<const uint8_t*>(memory_.data()) + row * stride_; }

  size_t dim_ = 0;
  size_t stride_ = 0;  // dim rounded up to 64
  HugeMemory memory_;
  std::vector<float> mean_;
  float step_ = 0;
  // L2 only: |x - mean|^2 of each row as coded, in the row's padding where it has room, else in an array.
  bool term_in_row_ = false;
  std::vector<float> own_terms_;
};

class CodeScorer {
 public:
  CodeScorer(const RowCodes& codes, Metric metric);
  void SetQuery(const float* query);

  float Key(uint32_t row) const { return scale_ * kernel_.one(codes_.Row(row), high_.data(), low_.data(), codes_.stride_) + Term(row); }
  // Any number of rows with the next ones prefetched.
  void Keys(const uint32_t* rows, size_t count, float* keys) const;

 private:
  float Term(uint32_t row) const;
  void Prefetch(uint32_t row) const {
    const uint8_t* address = codes_.Row(row);
    for (size_t line = 0; line < prefetch_bytes_; line += 64) __builtin_prefetch(address + line);
    if (separate_terms_ != nullptr) __builtin_prefetch(separate_terms_ + row);
  }

  const RowCodes& codes_;
  const Metric metric_;
  const CodeKernel kernel_;
  const size_t prefetch_bytes_;
  const float* const separate_terms_;
  std::vector<int8_t> high_, low_;  // of the query; zero in the padding
  float scale_ = 0;
};

}  // namespace saker::index
