// The .fvecs, .bvecs and .ivecs files of the ANN benchmarks: for each row an int32 dimension, then that many elements.
//
// Read whole into memory, every length checked: rows of unequal dimension, a cut-off row or an empty file is DataLoss naming
// the file, the row and both numbers; a float that is not a finite number is InvalidArgument naming row and dimension. Values;
// immutable once read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "index/vector_source.h"

namespace saker::bench {

// Rows x dim floats (.fvecs; .bvecs widened) or, for binary metrics, the bytes of a .bvecs as bits.
class VectorRows final : public index::VectorSource {
 public:
  static Result<VectorRows> Read(const std::string& path, bool bits);

  index::VectorType type() const override { return bits_ ? index::VectorType::kBinary : index::VectorType::kFloat32; }
  size_t dim() const override { return bits_ ? dim_ * 8 : dim_; }
  size_t row_count() const override { return rows_; }
  const void* Row(size_t row) const override { return static_cast<const char*>(Contiguous()) + row * index::RowBytes(type(), dim()); }
  const void* Contiguous() const override { return bits_ ? static_cast<const void*>(bytes_.data()) : floats_.data(); }

 private:
  bool bits_ = false;
  size_t dim_ = 0;
  size_t rows_ = 0;
  std::vector<float> floats_;
  std::vector<uint8_t> bytes_;
};

// The ids of an .ivecs: `width` a row.
struct Truth {
  size_t width = 0;
  std::vector<uint32_t> ids;
  const uint32_t* Row(size_t query) const { return ids.data() + query * width; }
  size_t row_count() const { return width == 0 ? 0 : ids.size() / width; }
};
Result<Truth> ReadTruth(const std::string& path);

}  // namespace saker::bench
