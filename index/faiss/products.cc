#include "index/faiss/products.h"

extern "C" {
void openblas_set_num_threads(int);
void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float* a, int lda, const float* b,
                 int ldb, float beta, float* c, int ldc);
}

namespace saker::index {

void RowProducts(const float* a, size_t rows, const float* b, size_t columns, size_t dim, float factor, float* out) {
  constexpr int kRowMajor = 101, kAsIs = 111, kTransposed = 112;
  static const bool once = (openblas_set_num_threads(1), true);
  (void)once;
  const int m = static_cast<int>(rows), n = static_cast<int>(columns), k = static_cast<int>(dim);
  cblas_sgemm(kRowMajor, kAsIs, kTransposed, m, n, k, factor, a, k, b, k, 0.0f, out, n);
}

}  // namespace saker::index
