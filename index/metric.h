// Vector element types and metrics, and what a score means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace saker::index {

// How the vectors of one field are stored: one fixed-width row each, little-endian. Sparse rows are elsewhere (sparse/).
enum class VectorType : uint8_t { kFloat32 = 1, kFloat16 = 2, kBFloat16 = 3, kInt8 = 4, kBinary = 5, kSparse = 6 };

// Scores as Milvus clients see them: L2 is the *squared* Euclidean distance; COSINE is in [-1, 1] and of raw vectors
// (a zero vector scores 0 with everything); HAMMING counts differing bits; JACCARD is the distance 1 - |a&b| / |a|b|
// (0 when both are empty). SUBSTRUCTURE and SUPERSTRUCTURE are 0 for a match; others do not appear. BM25 is of sparse rows
// that hold term frequencies, with statistics from outside (bm25.h).
enum class Metric : uint8_t {
  kL2 = 1,
  kIp = 2,
  kCosine = 3,
  kHamming = 4,
  kJaccard = 5,
  kSubstructure = 6,
  kSuperstructure = 7,
  kBm25 = 8
};
inline constexpr Metric kLastMetric = Metric::kBm25;

constexpr bool SmallerIsBetter(Metric metric) {
  return metric != Metric::kIp && metric != Metric::kCosine && metric != Metric::kBm25;
}

// Between bit vectors.
constexpr bool IsBinaryMetric(Metric metric) {
  return metric >= Metric::kHamming && metric <= Metric::kSuperstructure;
}

// Bytes of one row; dim is elements, for kBinary bits (a multiple of 8). 0 for kSparse.
constexpr size_t RowBytes(VectorType type, size_t dim) {
  switch (type) {
    case VectorType::kFloat32: return dim * 4;
    case VectorType::kFloat16:
    case VectorType::kBFloat16: return dim * 2;
    case VectorType::kInt8: return dim;
    case VectorType::kBinary: return dim / 8;
    case VectorType::kSparse: return 0;
  }
  return 0;
}

std::string_view MetricName(Metric metric);  // "L2", "IP", ...

}  // namespace saker::index
