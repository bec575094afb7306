#include <algorithm>
#include <cstring>

#include "index/flat/exact_scan.h"
#include "index/sparse/sparse.h"
#include "index/topk.h"

namespace saker::index {

bool SparseProduct(VectorSource::SparseRowView a, VectorSource::SparseRowView b, float* product) {
  const char* x = static_cast<const char*>(a.pairs);
  const char* y = static_cast<const char*>(b.pairs);
  bool shared = false;
  float sum = 0;
  for (size_t i = 0, j = 0; i < a.count && j < b.count;) {
    const SparsePair p = LoadSparsePair(x, i), q = LoadSparsePair(y, j);
    if (p.index == q.index) {
      sum += p.value * q.value;
      shared = true;
    }
    i += p.index <= q.index ? 1 : 0;
    j += q.index <= p.index ? 1 : 0;
  }
  *product = sum;
  return shared;
}

Result<std::vector<std::vector<Hit>>> ScanSparseRows(const VectorSource& source, const SearchRequest& request, const AllowedRows& allowed,
                                                     const Context& context, SearchStats* stats) {
  std::vector<std::vector<Hit>> results(request.sparse_queries.size());
  uint32_t rows[1024];
  for (size_t q = 0; q < results.size(); ++q) {
    TopK top(std::min(request.k, allowed.count()));
    size_t next = 0;
    while (const size_t n = allowed.NextBlock(&next, rows, 1024)) {
      TRY(context.Check());
      for (size_t i = 0; i < n; ++i) {
        float product = 0;
        if (!SparseProduct(request.sparse_queries[q], source.SparseRow(rows[i]), &product) || product == 0) continue;
        if (InRange(Metric::kIp, request, product)) top.Offer(0.0f - product, rows[i]);
      }
    }
    results[q] = top.Finish(Metric::kIp);
    if (stats != nullptr) stats->distances += allowed.count();
  }
  return results;
}

}  // namespace saker::index
