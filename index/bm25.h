// BM25 over sparse rows: what the score is, and the statistics it needs from the whole collection.
//
// A document row holds (token id, term frequency), a query row (token id, weight: usually how often the query has it).
//   score = sum over shared terms of  weight * idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average length))
//   idf   = ln(1 + (N - n + 0.5) / (n + 0.5))     N rows in the collection, n of them with the term
// A row's length is the sum of its frequencies. Frequencies that are not above 0 do not count, neither here nor there.
// Sums are made in double, rounded to float once: a row has the same score in every segment, indexed or not.
//
// A collection is several segments: whoever searches it adds up Bm25Statistics over all of them (CountBm25 for rows without
// an index, Bm25Counter for an index) and hands the sum to each search. Deleted rows may stay in the counts until
// compaction, as usual in text search, or be left out with a bitset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/bitset.h"
#include "index/vector_source.h"

namespace saker::index {

struct Bm25Statistics {
  struct Term {
    uint32_t term;
    uint64_t rows;  // that have it
  };

  uint64_t row_count = 0;   // rows that have a vector, empty ones too
  double total_length = 0;  // of all of them
  std::vector<Term> terms;  // ascending by term, each once; a term that is not here is in no row
  double k1 = 1.2;          // what the index parameters bm25_k1 and bm25_b say
  double b = 0.75;

  double average_length() const { return row_count == 0 ? 0 : total_length / static_cast<double>(row_count); }
  uint64_t RowsWith(uint32_t term) const;
  // Adds the counts of other rows of the same collection; k1 and b stay.
  void Add(const Bm25Statistics& other);
};

// The row's length: the sum of its frequencies above 0.
float Bm25Length(VectorSource::SparseRowView row);

// The distinct terms of queries, ascending: what to count.
std::vector<uint32_t> TermsOf(std::span<const VectorSource::SparseRowView> queries);

// Adds the source's valid rows (those of `rows` if not null) to `sum`: a scan. `terms` ascend.
void CountBm25(const VectorSource& source, const Bitset* rows, std::span<const uint32_t> terms, Bm25Statistics* sum);

// What a sparse BM25 index also is (dynamic_cast): counts at once, over all rows it was built from.
class Bm25Counter {
 public:
  virtual ~Bm25Counter() = default;
  virtual void Count(std::span<const uint32_t> terms, Bm25Statistics* sum) const = 0;
};

}  // namespace saker::index
