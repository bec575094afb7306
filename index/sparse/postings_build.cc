// From rows to lists, from lists to blocks.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "index/params.h"
#include "index/sparse/bm25.h"
#include "index/sparse/cells.h"
#include "index/sparse/postings.h"
#include "index/sparse/sparse.h"

namespace saker::index {
namespace {

// Term ids to 0, 1, 2, ... in the order they come: open addressing, at most half full.
class TermNumbers {
 public:
  uint32_t Of(uint32_t term) {
    size_t at = Slot(term);
    while (slots_[at] != kFree && terms_[slots_[at]] != term) at = (at + 1) & (slots_.size() - 1);
    if (slots_[at] != kFree) return slots_[at];
    const auto number = static_cast<uint32_t>(terms_.size());
    slots_[at] = number;
    terms_.push_back(term);
    if (terms_.size() * 2 > slots_.size()) Grow();
    return number;
  }
  const std::vector<uint32_t>& terms() const { return terms_; }

 private:
  static constexpr uint32_t kFree = 0xffffffffu;

  size_t Slot(uint32_t term) const { return (uint64_t{term} * 0x9e3779b97f4a7c15u >> 32) & (slots_.size() - 1); }
  void Grow() {
    slots_.assign(slots_.size() * 2, kFree);
    for (uint32_t number = 0; number < terms_.size(); ++number) {
      size_t at = Slot(terms_[number]);
      while (slots_[at] != kFree) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = number;
    }
  }

  std::vector<uint32_t> slots_ = std::vector<uint32_t>(1024, kFree);
  std::vector<uint32_t> terms_;
};

class Encoder {
 public:
  Encoder(const SparseArrays& arrays, const Bm25Rows* bm25) : arrays_(arrays), bm25_(bm25) {
    if (bm25 == nullptr) return;
    cells_.emplace(arrays, bm25->lengths);
    out_.cells = cells_->cells();
    out_.lengths = bm25->lengths;
    out_.total_length = bm25->total_length;
  }

  SparsePostings Run() && {
    out_.terms = arrays_.terms;
    for (size_t list = 0; list < arrays_.terms.size(); ++list) AddList(arrays_.offsets[list], arrays_.offsets[list + 1]);
    BeginList();
    out_.data.resize(out_.data.size() + kDataSlack);
    return std::move(out_);
  }

 private:
  SparseList& BeginList() {
    SparseList& list = out_.lists.emplace_back();
    list.data = out_.data.size();
    list.values = out_.values.size();
    list.first_block = static_cast<uint32_t>(out_.blocks.size());
    return list;
  }

  void AddList(uint64_t begin, uint64_t end) {
    SparseList& list = BeginList();
    list.rows = static_cast<uint32_t>(end - begin);
    const float* values = arrays_.values.data();
    const auto [low, high] = std::minmax_element(values + begin, values + end);
    list.low = *low;
    list.high = *high;
    tops_.clear();
    for (uint64_t at = begin; at < end;) {
      const uint32_t frame = arrays_.rows[at] / kFrameRows;
      uint64_t stop = at + 1;
      while (stop < end && stop - at < kBlockPostings && arrays_.rows[stop] / kFrameRows == frame) ++stop;
      AddBlock(list, at, stop);
      at = stop;
    }
    list.top = TopOf(tops_);
    AddValues(begin, end);
  }

  void AddBlock(const SparseList& list, uint64_t begin, uint64_t end) {
    SparseBlock block{};
    block.first_row = arrays_.rows[begin];
    block.data = static_cast<uint32_t>(out_.data.size() - list.data);
    block.last = static_cast<uint16_t>(arrays_.rows[end - 1]);
    block.count = static_cast<uint8_t>(end - begin - 1);
    uint32_t all = 0;
    for (uint64_t i = begin + 1; i < end; ++i) all |= arrays_.rows[i] - arrays_.rows[i - 1] - 1;
    block.width = static_cast<uint8_t>(std::bit_width(all));
    const size_t at = out_.data.size();
    out_.data.resize(at + block.packed_bytes() + block.rows());
    for (uint64_t i = begin + 1; i < end; ++i) {
      const uint64_t bit = (i - begin) * block.width;
      // At most 16 bits behind at most 7: three bytes, the last ones perhaps the codes', which are written below.
      const uint32_t moved = (arrays_.rows[i] - arrays_.rows[i - 1] - 1) << (bit % 8);
      for (uint32_t b = 0; b < 3 && moved >> (8 * b) != 0; ++b) {
        uint8_t& byte = out_.data[at + bit / 8 + b];
        byte = static_cast<uint8_t>(byte | moved >> (8 * b));
      }
    }
    uint8_t* codes = out_.data.data() + at + block.packed_bytes();
    for (uint64_t i = begin; i < end; ++i) codes[i - begin] = CodeOf(list, arrays_.rows[i], arrays_.values[i]);
    block.top = TopOf({codes, block.rows()});
    tops_.insert(tops_.end(), block.top.begin(), block.top.end());
    out_.blocks.push_back(block);
  }

  uint8_t CodeOf(const SparseList& list, uint32_t row, float value) const {
    if (cells_.has_value()) return cells_->CodeOf(value, bm25_->lengths[row]);
    const float span = list.high - list.low;
    if (!std::isfinite(span)) return 255;
    if (span == 0) return 0;
    auto code = static_cast<uint32_t>((value - list.low) / span * 255.0f);
    while (code < 255 && UpperBound(list.low, list.high, code) < value) ++code;
    return static_cast<uint8_t>(std::min<uint32_t>(code, 255));
  }

  TopCodes TopOf(std::span<const uint8_t> codes) const {
    if (cells_.has_value()) return cells_->Top(codes);
    const uint8_t highest = *std::max_element(codes.begin(), codes.end());
    return {highest, highest, highest, highest};
  }

  void AddValues(uint64_t begin, uint64_t end) {
    const std::span<const float> values(arrays_.values.data() + begin, end - begin);
    const bool small = std::all_of(values.begin(), values.end(), [](float v) { return v >= 1 && v <= 255 && v == std::floor(v); });
    if (small) {
      for (const float value : values) out_.values.push_back(static_cast<uint8_t>(value));
      return;
    }
    const size_t at = out_.values.size();
    out_.values.resize(at + values.size_bytes());
    std::memcpy(out_.values.data() + at, values.data(), values.size_bytes());
  }

  const SparseArrays& arrays_;
  const Bm25Rows* bm25_;
  std::optional<CellTable> cells_;
  std::vector<uint8_t> tops_;
  SparsePostings out_;
};

// The values' limit below which drop_ratio_build leaves them out, as Milvus finds it: by size among all values.
float DropLimit(const IndexSpec& spec, const std::vector<float>& values) {
  const double ratio = DropRatio(spec.params, "drop_ratio_build");
  const auto place = static_cast<size_t>(ratio * static_cast<double>(values.size()));
  if (place == 0) return 0;
  std::vector<float> sizes(values.size());
  std::transform(values.begin(), values.end(), sizes.begin(), [](float v) { return std::fabs(v); });
  std::nth_element(sizes.begin(), sizes.begin() + static_cast<ptrdiff_t>(place), sizes.end());
  return sizes[place];
}

bool Drop(SparseArrays* arrays, float limit) {
  size_t kept = 0, from = 0;
  for (size_t list = 0; list < arrays->terms.size(); ++list) {
    for (; from < arrays->offsets[list + 1]; ++from) {
      if (std::fabs(arrays->values[from]) < limit) continue;
      arrays->rows[kept] = arrays->rows[from];
      arrays->values[kept++] = arrays->values[from];
    }
    arrays->offsets[list + 1] = kept;
  }
  const bool some = kept < arrays->rows.size();
  arrays->rows.resize(kept);
  arrays->values.resize(kept);
  // Lists that lost everything go.
  SparseArrays packed;
  packed.offsets = {0};
  for (size_t list = 0; list < arrays->terms.size(); ++list) {
    if (arrays->offsets[list] == arrays->offsets[list + 1]) continue;
    packed.terms.push_back(arrays->terms[list]);
    packed.offsets.push_back(arrays->offsets[list + 1]);
  }
  arrays->terms = std::move(packed.terms);
  arrays->offsets = std::move(packed.offsets);
  return some;
}

// Two passes over the rows: how many rows a term has, then which.
class Collector {
 public:
  Collector(const VectorSource& source, bool bm25, const BuildOptions& options) : source_(source), bm25_(bm25), options_(options) {}

  Status Run(SparseArrays* arrays) {
    TRY(ForEach([&](uint32_t, uint32_t number, float) { ++counts_[number]; }));
    const std::vector<uint32_t>& terms = numbers_.terms();
    std::vector<uint32_t> order(terms.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return terms[a] < terms[b]; });
    std::vector<uint64_t> place(terms.size());
    arrays->offsets = {0};
    for (const uint32_t number : order) {
      place[number] = arrays->offsets.back();
      arrays->terms.push_back(terms[number]);
      arrays->offsets.push_back(arrays->offsets.back() + counts_[number]);
    }
    arrays->rows.resize(arrays->offsets.back());
    arrays->values.resize(arrays->offsets.back());
    return ForEach([&](uint32_t row, uint32_t number, float value) {
      arrays->rows[place[number]] = row;
      arrays->values[place[number]++] = value;
    });
  }

 private:
  template <typename F>
  Status ForEach(F&& f) {
    last_row_.assign(last_row_.size(), kNoRow);
    for (size_t row = 0; row < source_.row_count(); ++row) {
      if (row % 4096 == 0 && options_.context != nullptr) TRY(options_.context->Check());
      if (source_.valid() != nullptr && !source_.valid()->Test(row)) continue;
      const VectorSource::SparseRowView view = source_.SparseRow(row);
      for (size_t i = 0; i < view.count; ++i) {
        const SparsePair pair = LoadSparsePair(view.pairs, i);
        if (!std::isfinite(pair.value)) return InvalidArgument("row ", row, ": the value of index ", pair.index, " is ", pair.value);
        if (bm25_ ? !(pair.value > 0) : pair.value == 0) continue;
        const uint32_t number = numbers_.Of(pair.index);
        if (number >= counts_.size()) {
          counts_.resize(number + 1);
          last_row_.resize(number + 1, kNoRow);
        }
        // An index twice in one row counts once: no row is twice in a list.
        if (last_row_[number] == row) continue;
        last_row_[number] = static_cast<uint32_t>(row);
        f(static_cast<uint32_t>(row), number, pair.value);
      }
    }
    return OkStatus();
  }

  static constexpr uint32_t kNoRow = 0xffffffffu;

  const VectorSource& source_;
  const bool bm25_;
  const BuildOptions& options_;
  TermNumbers numbers_;
  std::vector<uint32_t> counts_;
  std::vector<uint32_t> last_row_;  // where each term was met last
};

}  // namespace

size_t SparsePostings::memory_bytes() const {
  return terms.capacity() * 4 + lists.capacity() * sizeof(SparseList) + blocks.capacity() * sizeof(SparseBlock) + data.capacity() +
         values.capacity() + cells.capacity() * sizeof(SparseCell) + lengths.capacity() * 4;
}

SparsePostings EncodePostings(const SparseArrays& arrays, const Bm25Rows* bm25) {
  return Encoder(arrays, bm25).Run();
}

Result<SparsePostings> BuildPostings(const IndexSpec& spec, const VectorSource& source, const BuildOptions& options) {
  const bool bm25 = spec.metric == Metric::kBm25;
  SparseArrays arrays;
  TRY(Collector(source, bm25, options).Run(&arrays));
  if (options.progress) options.progress(0.5);
  Bm25Rows rows;
  if (bm25) {
    rows.lengths.resize(source.row_count());
    for (size_t row = 0; row < source.row_count(); ++row) {
      if (source.valid() == nullptr || source.valid()->Test(row)) rows.lengths[row] = Bm25Length(source.SparseRow(row));
      rows.total_length += static_cast<double>(rows.lengths[row]);
    }
  }
  // Frequencies are small whole numbers: dropping the smaller ones would drop most of every text.
  const bool dropped = !bm25 && Drop(&arrays, DropLimit(spec, arrays.values));
  SparsePostings postings = EncodePostings(arrays, bm25 ? &rows : nullptr);
  postings.dropped = dropped;
  postings.counted_rows = source.valid() == nullptr ? source.row_count() : source.valid()->Count();
  postings.terms.shrink_to_fit();
  postings.lists.shrink_to_fit();
  postings.blocks.shrink_to_fit();
  postings.data.shrink_to_fit();
  postings.values.shrink_to_fit();
  if (options.progress) options.progress(1.0);
  return postings;
}

}  // namespace saker::index
