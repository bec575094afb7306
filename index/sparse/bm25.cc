#include "index/sparse/bm25.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "index/sparse/sparse.h"
#include "index/sparse/sparse_query.h"
#include "index/topk.h"

namespace saker::index {

uint64_t Bm25Statistics::RowsWith(uint32_t term) const {
  const auto found = std::lower_bound(terms.begin(), terms.end(), term, [](const Term& at, uint32_t wanted) { return at.term < wanted; });
  return found != terms.end() && found->term == term ? found->rows : 0;
}

void Bm25Statistics::Add(const Bm25Statistics& other) {
  row_count += other.row_count;
  total_length += other.total_length;
  std::vector<Term> merged;
  merged.reserve(terms.size() + other.terms.size());
  auto a = terms.begin();
  for (const Term& term : other.terms) {
    while (a != terms.end() && a->term < term.term) merged.push_back(*a++);
    if (a != terms.end() && a->term == term.term) {
      merged.push_back({term.term, term.rows + a++->rows});
    } else {
      merged.push_back(term);
    }
  }
  merged.insert(merged.end(), a, terms.end());
  terms = std::move(merged);
}

std::vector<uint32_t> TermsOf(std::span<const VectorSource::SparseRowView> queries) {
  std::vector<uint32_t> terms;
  for (const VectorSource::SparseRowView& query : queries) {
    for (size_t i = 0; i < query.count; ++i) terms.push_back(LoadSparsePair(query.pairs, i).index);
  }
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  return terms;
}

void CountBm25(const VectorSource& source, const Bitset* rows, std::span<const uint32_t> terms, Bm25Statistics* sum) {
  Bm25Statistics counts;
  for (const uint32_t term : terms) counts.terms.push_back({term, 0});
  const AllowedRows counted(rows, source.valid(), source.row_count());
  const float* lengths = source.SparseLengths();
  uint32_t block[1024];
  size_t next = 0;
  while (const size_t n = counted.NextBlock(&next, block, 1024)) {
    for (size_t r = 0; r < n; ++r) {
      const VectorSource::SparseRowView row = source.SparseRow(block[r]);
      counts.total_length += static_cast<double>(lengths != nullptr ? lengths[block[r]] : Bm25Length(row));
      if (row.count == 0) continue;
      for (Bm25Statistics::Term& term : counts.terms) {
        const SparsePair pair = LoadSparsePair(row.pairs, SparsePlace(row, term.term));
        if (pair.index == term.term && pair.value > 0) ++term.rows;
      }
    }
  }
  counts.row_count = counted.count();
  sum->Add(counts);
}

float Bm25Length(VectorSource::SparseRowView row) {
  double length = 0;
  for (size_t i = 0; i < row.count; ++i) {
    const float value = LoadSparsePair(row.pairs, i).value;
    if (value > 0) length += static_cast<double>(value);
  }
  return static_cast<float>(std::min(length, static_cast<double>(std::numeric_limits<float>::max())));
}

Bm25Query::Bm25Query(VectorSource::SparseRowView query, const Bm25Statistics& statistics) {
  const double average = statistics.average_length();
  base_ = statistics.k1 * (1 - statistics.b);
  slope_ = average > 0 ? statistics.k1 * statistics.b / average : 0;
  const auto rows = static_cast<double>(statistics.row_count);
  for (size_t i = 0; i < query.count; ++i) {
    const SparsePair pair = LoadSparsePair(query.pairs, i);
    // A count above N (the rows of one segment were counted a moment later) must not turn the idf around.
    const double having = std::min(static_cast<double>(statistics.RowsWith(pair.index)), rows);
    const double idf = std::log(1 + (rows - having + 0.5) / (having + 0.5));
    terms_.push_back({pair.index, static_cast<double>(pair.value) * idf * (statistics.k1 + 1)});
  }
}

float Bm25Query::Score(VectorSource::SparseRowView row, float length) const {
  const double norm = Norm(length);
  double sum = 0;
  size_t i = 0;
  for (const Term& term : terms_) {
    while (i < row.count && LoadSparsePair(row.pairs, i).index < term.term) ++i;
    if (i == row.count) break;
    const SparsePair pair = LoadSparsePair(row.pairs, i);
    if (pair.index == term.term && pair.value > 0) sum += Part(term.weight, pair.value, norm);
  }
  return static_cast<float>(sum);
}

Status CheckBm25(const Bm25Statistics& statistics) {
  if (!(statistics.k1 >= 0 && statistics.k1 <= 3)) return InvalidArgument("bm25_k1 is ", statistics.k1, "; it must be in [0, 3]");
  if (!(statistics.b >= 0 && statistics.b <= 1)) return InvalidArgument("bm25_b is ", statistics.b, "; it must be in [0, 1]");
  if (!(statistics.total_length >= 0) || std::isinf(statistics.total_length)) {
    return InvalidArgument("BM25 statistics with a total length of ", statistics.total_length);
  }
  return OkStatus();
}

Result<std::vector<std::vector<Hit>>> ScanBm25Rows(const VectorSource& source, const SearchRequest& request, const AllowedRows& allowed,
                                                   const Context& context, SearchStats* stats) {
  Bm25Statistics own;
  const Bm25Statistics* statistics = request.bm25;
  if (statistics == nullptr) {
    CountBm25(source, nullptr, TermsOf(request.sparse_queries), &own);
    statistics = &own;
  }
  TRY(CheckBm25(*statistics));
  std::vector<SparseQuery> queries;
  std::vector<TopK> best;
  for (const VectorSource::SparseRowView& query : request.sparse_queries) {
    queries.emplace_back(query, statistics);
    best.emplace_back(std::min(request.k, allowed.count()));
  }
  const float* lengths = source.SparseLengths();
  uint32_t rows[1024];
  size_t next = 0;
  while (const size_t n = allowed.NextBlock(&next, rows, 1024)) {
    TRY(context.Check());
    for (size_t i = 0; i < n; ++i) {
      const VectorSource::SparseRowView row = source.SparseRow(rows[i]);
      const float length = lengths != nullptr ? lengths[rows[i]] : Bm25Length(row);
      for (size_t q = 0; q < queries.size(); ++q) {
        const float score = queries[q].Score(row, length);
        if (score != 0 && InRange(Metric::kBm25, request, score)) best[q].Offer(0.0f - score, rows[i]);
      }
    }
  }
  if (stats != nullptr) stats->distances += allowed.count() * queries.size();
  std::vector<std::vector<Hit>> results;
  for (TopK& top : best) results.push_back(top.Finish(Metric::kBm25));
  return results;
}

}  // namespace saker::index
