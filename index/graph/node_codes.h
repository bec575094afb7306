// 7-bit codes of a segment's rows: what a graph is built and walked by. A quarter of the bytes of fp32, and bytes are what a
// walk waits for; the best of what it finds is scored again exactly (ann-design: 7-bit SQ8, same hops, same recall).
//
// A row x becomes c = round((x - mean) / step) + 64, one step for all dimensions, one in a thousand elements cut off at the
// ends; for COSINE the row is normalised first. Codes are a function of the vectors, made when an index is built or opened,
// never stored. NodeCodes: immutable, thread-safe. CodeQuery: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/huge_memory.h"
#include "index/bitset.h"
#include "index/index.h"
#include "index/kernels/node_codes.h"

namespace saker::index {

class NodeCodes {
 public:
  // Empty where codes would not be true enough (values so unequal that one step loses more than kMaxLoss of their energy) or
  // make no sense (binary). ResourceExhausted: no memory.
  static Result<NodeCodes> Make(const VectorSource& source, Metric metric, const float* inverse_norms, const BuildOptions& options);

  NodeCodes() = default;
  bool empty() const { return stride_ == 0; }
  size_t memory_bytes() const {
    return memory_.size_bytes() + cut_.word_count() * sizeof(uint64_t) + lifts_.size() * sizeof(int32_t) + mean_.size() * sizeof(float);
  }

  size_t stride() const { return stride_; }  // bytes from row to row: the dimension rounded up to 64
  const uint8_t* base() const { return reinterpret_cast<const uint8_t*>(memory_.data()); }
  const uint8_t* Row(size_t row) const { return base() + row * stride_; }
  // Elements of the row were cut off at the ends, so that its keys err by more than rounding.
  bool IsCut(uint32_t row) const { return cut_.Test(row); }
  // IP only, in steps: sqrt(max|x|^2 - |x|^2), the coordinate that turns the largest product into the smallest distance
  // (Bachrach et al. 2014). Null otherwise.
  const int32_t* lifts() const { return lifts_.empty() ? nullptr : lifts_.data(); }

 private:
  friend class CodeQuery;
  bool Fit(const VectorSource& source);
  void EncodeRow(const VectorSource& source, size_t row, std::vector<float>& values);
  Status Lift(const VectorSource& source, const BuildOptions& options);

  Metric metric_ = Metric::kL2;
  const float* inverse_norms_ = nullptr;  // while it is made
  size_t dim_ = 0;
  size_t stride_ = 0;
  HugeMemory memory_;
  Bitset cut_;
  std::vector<float> mean_;
  std::vector<int32_t> lifts_;
  float step_ = 0;
  float max_norm_ = 0;  // IP
};

// Keys between which the codes of rows of certain scores are.
struct KeyRange {
  uint32_t lowest = 0;
  uint32_t highest = 0xffffffffu;
};

// A query against codes. Keys are integers (kernels/node_codes.h); the squared distance they stand for, in a space where the
// metric is one, is Slope() * key + Offset().
class CodeQuery {
 public:
  explicit CodeQuery(const NodeCodes& codes) : codes_(codes), kernels_(BestNodeCodes()), bytes_(codes.stride()) {}

  // `query` has dim() floats. False when the query's own rounding would lose too much: then only exact scores help.
  bool Set(const float* query);

  void Keys(const uint32_t* rows, size_t count, uint32_t* keys) const { KeysAt(codes_.base(), rows, count, keys); }
  // The same for codes that were copied elsewhere.
  void KeysAt(const uint8_t* base, const uint32_t* rows, size_t count, uint32_t* keys) const {
    if (codes_.metric_ == Metric::kL2) {
      kernels_.l2(base, codes_.stride(), rows, count, bytes_.data(), keys);
    } else {
      kernels_.ip(base, codes_.stride(), rows, count, reinterpret_cast<const int8_t*>(bytes_.data()), bias_, keys);
    }
  }
  void Prefetch(uint32_t row) const {
    const uint8_t* address = codes_.Row(row);
    for (size_t line = 0; line < codes_.stride() && line < kPrefetchBytes; line += 64) __builtin_prefetch(address + line);
  }
  // Where the keys of rows between two scores are, with room for what codes lose; a missing bound is no bound. Milvus' range: `inner`
  // is the better score, `outer` the worse one.
  KeyRange KeysOf(std::optional<float> inner, std::optional<float> outer) const;
  // The largest key that the codes of a row of that score have, but for one in some hundreds: what rounding does along one
  // direction. What must be scored exactly, once so good a score is known.
  uint32_t KeyWithin(float score) const;
  // The key that a row of that score would have if codes lost nothing; below 0 where no key stands for so little.
  double ExactKey(float score) const { return (SquaredDistance(score) - offset_) / slope_; }
  // The key at `gamma_squared` times the squared distance of `key`.
  uint32_t Stretch(uint32_t key, float gamma_squared) const {
    const double distance = slope_ * key + offset_;
    const double stretched = ((distance > 0 ? distance : 0) * static_cast<double>(gamma_squared) - offset_) / slope_;
    if (gamma_squared >= 1 && stretched <= key) return key;  // rounding
    return stretched < 4294967295.0 ? (stretched > 0 ? static_cast<uint32_t>(stretched) : 0) : 0xffffffffu;
  }

 private:
  static constexpr size_t kPrefetchBytes = 512;
  bool SetL2(const float* query);
  bool SetProduct(const float* query);
  double SquaredDistance(float score) const;
  uint32_t KeyAt(double squared) const;

  const NodeCodes& codes_;
  const NodeCodeKernels& kernels_;
  std::vector<uint8_t> bytes_;
  uint32_t bias_ = 0;
  double slope_ = 1;
  double offset_ = 0;
  double query_norm_ = 1, query_step_ = 0;  // products
};

// The row as floats, times `factor`.
void ReadFloats(const VectorSource& source, size_t row, float factor, float* out);
// The same for a vector of that type that is not a row.
void ToFloats(VectorType type, const void* vector, size_t dim, float factor, float* out);

}  // namespace saker::index
