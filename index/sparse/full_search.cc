#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/kernels/sparse.h"
#include "index/sparse/bm25.h"
#include "index/sparse/sparse_search.h"
#include "index/topk.h"

namespace saker::index {
namespace {

// Where one list has got to: lists are read front to back, so a count finds the values.
struct Reader {
  const SparseBlock* next;
  const SparseBlock* end;
  const uint8_t* data;
  const uint8_t* values;
  size_t value_bytes;
  double weight;
};

template <typename T>
float ValueAt(const uint8_t* bytes, size_t i) {
  T value;
  std::memcpy(&value, bytes + i * sizeof value, sizeof value);
  return static_cast<float>(value);
}

template <typename T>
void AddProducts(const Reader& reader, uint32_t count, const uint16_t* rows, float* sums) {
  const auto weight = static_cast<float>(reader.weight);
  for (uint32_t i = 0; i < count; ++i) sums[rows[i]] += weight * ValueAt<T>(reader.values, i);
}

template <typename T>
void AddParts(const Reader& reader, uint32_t count, const uint16_t* rows, const double* norms, double* sums) {
  for (uint32_t i = 0; i < count; ++i) sums[rows[i]] += Bm25Query::Part(reader.weight, ValueAt<T>(reader.values, i), norms[rows[i]]);
}

class FullSearch {
 public:
  FullSearch(const SparseSearch& search, const SparseQuery& query, const std::vector<ListTerm>& terms)
      : search_(search), query_(query), kernels_(BestSparseKernels()), best_(search.k) {
    const SparsePostings& p = search.postings;
    for (const ListTerm& term : terms) {
      const SparseList& list = p.lists[term.list];
      const auto blocks = p.BlocksOf(term.list);
      readers_.push_back({blocks.data(), blocks.data() + blocks.size(), p.data.data() + list.data, p.values.data() + list.values,
                          p.value_bytes(term.list), term.weight});
    }
  }

  Result<std::vector<Hit>> Run() {
    const size_t rows = search_.allowed.row_count();
    for (size_t frame = 0; frame < rows; frame += kFrameRows) {
      TRY(search_.context.Check());
      const size_t n = std::min<size_t>(kFrameRows, rows - frame);
      if (query_.bm25()) {
        SearchFrame<double>(static_cast<uint32_t>(frame), n);
      } else {
        SearchFrame<float>(static_cast<uint32_t>(frame), n);
      }
    }
    return best_.Finish(Metric::kIp);  // BM25 too: larger is better
  }

 private:
  template <typename Sum>
  void SearchFrame(uint32_t frame, size_t n) {
    const auto touched = [&](const Reader& reader) { return reader.next != reader.end && reader.next->first_row - frame < n; };
    if (std::none_of(readers_.begin(), readers_.end(), touched)) return;
    thread_local std::vector<Sum> sums;
    thread_local std::vector<double> norms;
    sums.assign(n, 0);
    if (query_.bm25()) {
      norms.resize(n);
      for (size_t i = 0; i < n; ++i) norms[i] = query_.base() + query_.slope() * static_cast<double>(search_.postings.lengths[frame + i]);
    }
    for (Reader& reader : readers_) {
      for (; touched(reader); ++reader.next) AddBlock(&reader, norms.data(), sums.data());
    }
    const Bitset* bits = search_.allowed.bits();
    for (size_t i = 0; i < n; ++i) {
      if (sums[i] == 0 || (bits != nullptr && !bits->Test(frame + i))) continue;
      const auto score = static_cast<float>(sums[i]);
      if (score != 0 && InRange(Metric::kIp, search_.request, score)) best_.Offer(0.0f - score, static_cast<uint32_t>(frame + i));
    }
  }

  template <typename Sum>
  void AddBlock(Reader* reader, const double* norms, Sum* sums) {
    const SparseBlock& block = *reader->next;
    const uint32_t count = block.rows();
    uint16_t rows[kBlockPostings + 8];
    kernels_.unpack(reader->data + block.data, block.width, block.first_row % kFrameRows, count, rows);
    if constexpr (std::is_same_v<Sum, float>) {
      if (reader->value_bytes == 1) {
        AddProducts<uint8_t>(*reader, count, rows, sums);
      } else {
        AddProducts<float>(*reader, count, rows, sums);
      }
    } else if (reader->value_bytes == 1) {
      AddParts<uint8_t>(*reader, count, rows, norms, sums);
    } else {
      AddParts<float>(*reader, count, rows, norms, sums);
    }
    reader->values += count * reader->value_bytes;
    search_.stats->distances += count;
    ++search_.stats->hops;
  }

  const SparseSearch& search_;
  const SparseQuery& query_;
  const SparseKernels& kernels_;
  std::vector<Reader> readers_;
  TopK best_;
};

}  // namespace

Result<std::vector<Hit>> SearchAllowed(const SparseSearch& search, const SparseQuery& query) {
  TopK best(search.k);
  uint32_t rows[1024];
  size_t next = 0;
  while (const size_t n = search.allowed.NextBlock(&next, rows, 1024)) {
    TRY(search.context.Check());
    for (size_t i = 0; i < n; ++i) {
      const float score = search.Score(query, rows[i]);
      if (score != 0 && InRange(Metric::kIp, search.request, score)) best.Offer(0.0f - score, rows[i]);
    }
    search.stats->distances += n;
  }
  return best.Finish(Metric::kIp);
}

Result<std::vector<Hit>> SearchFull(const SparseSearch& search, const SparseQuery& query, const std::vector<ListTerm>& terms) {
  return FullSearch(search, query, terms).Run();
}

}  // namespace saker::index
