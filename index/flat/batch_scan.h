// The exact scan for many queries: all scores first as products of 8-bit codes made on the way, then exactly the few rows
// that may be among the best.
//
// Exact stays exact: a row is left out only where a lower bound of the key that the Scorer would compute is above the k-th
// best so far. With x = x' + e and q = q' + f, primes being what the codes stand for, |<q, x> - <q', x'>| is at most
// |q||e| + |f||x'| (Cauchy-Schwarz); lengths of e and f are measured, not assumed. The rounding of the Scorer's own sums and
// of the bound's are less than (4 dim + 64) 2^-24 of |q||x|, L2: of |q|^2 + |x|^2. Rows and queries outside 1e-12 to 1e12 in
// length, where floats lose that property, are always scored. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/index.h"
#include "index/kernels/sieve.h"
#include "index/scorer.h"
#include "index/topk.h"

namespace saker::index {

// From so many queries on a block's codes are worth making.
constexpr size_t kBatchQueries = 8;

class BatchScan {
 public:
  // Whether the scan of these queries should go this way; not on machines without kernels for it.
  static bool Pays(VectorType type, size_t query_count);

  // `queries`: `count` rows of the source's type, which must stay. `limit`: no key above it is asked for.
  BatchScan(const VectorSource& source, Metric metric, const char* queries, size_t count, float limit);

  // The most rows in one block.
  size_t block_rows() const { return block_rows_; }

  // Codes `rows` (scorer: for their addresses and inverse norms) and marks for each query which of them may have a key that
  // `best` still takes: Rows() then lists them.
  void Sift(const Scorer& scorer, const float* inverse_norms, const uint32_t* rows, size_t count, const std::vector<TopK>& best) {
    Mark(scorer, inverse_norms, rows, count, best, nullptr, queries_.size());
  }
  // The same for some of the queries, which are then numbered by their place among those.
  void SiftFor(std::span<const uint32_t> queries, const Scorer& scorer, const float* inverse_norms, const uint32_t* rows, size_t count,
               const std::vector<TopK>& best) {
    Mark(scorer, inverse_norms, rows, count, best, queries.data(), queries.size());
  }
  // Those of the last block for one query; returns how many.
  size_t Rows(size_t query, const uint32_t* rows, size_t count, uint32_t* out) const;

 private:
  struct Query {
    double length, squared;
    double step;  // of the code; 0: outside the lengths that the bound holds for
    float inverse_norm;
  };
  void Mark(const Scorer& scorer, const float* inverse_norms, const uint32_t* rows, size_t count, const std::vector<TopK>& best,
            const uint32_t* queries, size_t query_count);
  void CodeQuery(const Scorer& scorer, const void* vector, size_t q, std::vector<float>* floats);
  SieveTerms CodeBytes(const void* row, uint8_t* tile, size_t r) const;
  void CodeRow(const Scorer& scorer, const float* inverse_norms, uint32_t row, size_t at);
  float LimitOf(const Query& query, float worst) const;

  const VectorSource& source_;
  const Metric metric_;
  const SieveKernels& kernels_;
  const bool bytes_;  // rows of int8, codes of 8 bits: nothing is lost
  const size_t dim_, groups_;
  size_t block_rows_;
  const float limit_;
  double rounding_;
  double query_error_ = 0;  // the largest |f| / |q|
  std::vector<Query> queries_;
  std::vector<int8_t> query_codes_;
  std::vector<float> query_sums_, query_slacks_, query_less_, limits_;
  std::vector<float> floats_;
  std::vector<uint8_t> codes_;
  std::vector<float> scales_, lows_, slacks_, less_;
  std::vector<int8_t> some_codes_;  // of the queries that a block is sifted for
  std::vector<float> some_sums_, some_slacks_, some_less_;
  std::vector<uint32_t> masks_;
  size_t tiles_ = 0;
};

}  // namespace saker::index
