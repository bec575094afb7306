#include "index/sparse/sparse_query.h"

#include <algorithm>
#include <cmath>

#include "index/sparse/bm25.h"

namespace saker::index {

SparseQuery::SparseQuery(VectorSource::SparseRowView query, const Bm25Statistics* statistics) : bm25_(statistics != nullptr) {
  terms_.reserve(query.count);
  if (statistics != nullptr) {
    const Bm25Query weighted(query, *statistics);
    base_ = weighted.base();
    slope_ = weighted.slope();
    for (const Bm25Query::Term& term : weighted.terms()) terms_.push_back({term.term, term.weight});
  } else {
    for (size_t i = 0; i < query.count; ++i) {
      const SparsePair pair = LoadSparsePair(query.pairs, i);
      terms_.push_back({pair.index, static_cast<double>(pair.value)});
    }
  }
  const auto before = [](const SparseTerm& a, const SparseTerm& b) { return a.term < b.term; };
  if (!std::is_sorted(terms_.begin(), terms_.end(), before)) std::stable_sort(terms_.begin(), terms_.end(), before);
  const auto same = [](const SparseTerm& a, const SparseTerm& b) { return a.term == b.term; };
  terms_.erase(std::unique(terms_.begin(), terms_.end(), same), terms_.end());
}

float SparseQuery::Score(VectorSource::SparseRowView row, float length) const {
  if (row.count == 0) return 0;
  if (bm25_) {
    const double norm = base_ + slope_ * static_cast<double>(length);
    double sum = 0;
    for (const SparseTerm& term : terms_) {
      const SparsePair pair = LoadSparsePair(row.pairs, SparsePlace(row, term.term));
      if (pair.index == term.term && pair.value > 0) sum += Bm25Query::Part(term.weight, pair.value, norm);
    }
    return static_cast<float>(sum);
  }
  float sum = 0;
  for (const SparseTerm& term : terms_) {
    const SparsePair pair = LoadSparsePair(row.pairs, SparsePlace(row, term.term));
    if (pair.index == term.term) sum += static_cast<float>(term.weight) * pair.value;
  }
  return sum;
}

SparseQuery SparseQuery::Without(double ratio) const {
  SparseQuery out = *this;
  const auto dropped = static_cast<size_t>(ratio * static_cast<double>(terms_.size()));
  if (dropped == 0) return out;
  std::vector<double> sizes;
  for (const SparseTerm& term : terms_) sizes.push_back(std::fabs(term.weight));
  std::nth_element(sizes.begin(), sizes.begin() + static_cast<ptrdiff_t>(dropped), sizes.end());
  const double limit = sizes[dropped];
  std::erase_if(out.terms_, [&](const SparseTerm& term) { return std::fabs(term.weight) < limit; });
  return out;
}

}  // namespace saker::index
