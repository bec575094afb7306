// 4-bit product codes: a vector in equal parts, each named by the nearest of 16 vectors.
//
// Immutable once trained or loaded; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace saker::index {

class ProductCodec {
 public:
  static constexpr size_t kEntries = 16;

  ProductCodec() = default;
  // `codebook`: subspaces x sub_dim x 16 floats, the 16 entries innermost, as the fast-scan kernels read it.
  ProductCodec(size_t subspaces, size_t sub_dim, std::vector<float> codebook)
      : subspaces_(subspaces), sub_dim_(sub_dim), codebook_(std::move(codebook)) {}
  // `vectors`: count x (subspaces * sub_dim) finite floats. By k-means in each part; the same for any number of threads.
  static ProductCodec Train(const float* vectors, size_t count, size_t subspaces, size_t sub_dim, int threads);

  size_t subspaces() const { return subspaces_; }
  size_t sub_dim() const { return sub_dim_; }
  size_t dim() const { return subspaces_ * sub_dim_; }
  std::span<const float> codebook() const { return codebook_; }

  // One code a byte.
  void Encode(const float* vector, uint8_t* codes) const;
  void Decode(const uint8_t* codes, float* vector) const;

 private:
  uint8_t Nearest(const float* part, size_t subspace) const;
  void TrainPart(const float* vectors, size_t count, size_t subspace);

  size_t subspaces_ = 0;
  size_t sub_dim_ = 0;
  std::vector<float> codebook_;
};

}  // namespace saker::index
