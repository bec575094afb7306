#include "server/scalar_index/dictionary.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace saker::scalar_index {
namespace {

constexpr double kNanosecondsPerRow = 1.0;    // one bit set, in no order
constexpr double kNanosecondsPerWord = 0.15;  // or-ing a bitmap

// Parts of a dictionary, counted from its base.
enum Part : uint32_t { kValues = 0, kOffsets = 1, kStarts = 2, kRows = 3, kDense = 4, kBitmaps = 5 };

uint32_t Place(Section base, Part part) {
  return static_cast<uint32_t>(base) + part;
}

template <typename T>
std::string Bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

bool Ascending(std::span<const uint32_t> values) {
  return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end();
}

}  // namespace

template <typename T>
Status Dictionary<T>::Write(Section base, Entries* entries, size_t row_count, IndexFileWriter* file) {
  std::sort(entries->begin(), entries->end());
  entries->erase(std::unique(entries->begin(), entries->end()), entries->end());
  if (entries->size() >= std::numeric_limits<uint32_t>::max()) {
    return InvalidArgument("a scalar index over ", entries->size(), " values of a segment, at most ",
                           std::numeric_limits<uint32_t>::max() - 1);
  }
  const size_t words = (row_count + 63) / 64;
  std::string values;
  std::vector<uint64_t> offsets;
  std::vector<uint32_t> starts;
  std::vector<uint32_t> rows;
  std::vector<uint32_t> dense;
  std::vector<uint64_t> bitmaps;
  for (size_t begin = 0, end = 0; begin < entries->size(); begin = end) {
    const Key& value = (*entries)[begin].first;
    for (end = begin + 1; end < entries->size() && (*entries)[end].first == value; ++end) {}
    if constexpr (std::is_same_v<T, std::string>) {
      offsets.push_back(values.size());
      values += value;
    } else {
      values.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    if ((end - begin) * sizeof(uint32_t) > words * sizeof(uint64_t)) {
      dense.push_back(static_cast<uint32_t>(starts.size()));
      const size_t first = bitmaps.size();
      bitmaps.resize(first + words);
      for (size_t i = begin; i < end; ++i) bitmaps[first + (*entries)[i].second / 64] |= uint64_t{1} << ((*entries)[i].second % 64);
    } else {
      for (size_t i = begin; i < end; ++i) rows.push_back((*entries)[i].second);
    }
    starts.push_back(static_cast<uint32_t>(begin));
  }
  if (entries->empty()) return OkStatus();
  if constexpr (std::is_same_v<T, std::string>) offsets.push_back(values.size());
  const bool unique = starts.size() == entries->size();
  starts.push_back(static_cast<uint32_t>(entries->size()));
  file->Add(Place(base, kValues), std::move(values));
  file->Add(Place(base, kOffsets), Bytes(offsets));
  if (!unique) file->Add(Place(base, kStarts), Bytes(starts));
  file->Add(Place(base, kRows), Bytes(rows));
  file->Add(Place(base, kDense), Bytes(dense));
  file->Add(Place(base, kBitmaps), Bytes(bitmaps));
  return OkStatus();
}

template <typename T>
Result<Dictionary<T>> Dictionary<T>::Read(const IndexFileReader& file, Section base, size_t row_count) {
  Dictionary out;
  out.words_ = (row_count + 63) / 64;
  out.values_ = TRY(file.View<Raw>(Place(base, kValues)));
  out.offsets_ = TRY(file.View<uint64_t>(Place(base, kOffsets)));
  out.starts_ = TRY(file.View<uint32_t>(Place(base, kStarts)));
  out.rows_ = TRY(file.View<uint32_t>(Place(base, kRows)));
  out.dense_ = TRY(file.View<uint32_t>(Place(base, kDense)));
  out.bitmaps_ = TRY(file.View<uint64_t>(Place(base, kBitmaps)));
  out.size_ = out.values_.size();
  if constexpr (std::is_same_v<T, std::string>) out.size_ = out.offsets_.empty() ? 0 : out.offsets_.size() - 1;
  // What follows may be read through At, Start and Count once these lengths hold.
  if (out.size_ == 0 &&
      (!out.values_.empty() || !out.offsets_.empty() || !out.starts_.empty() || !out.rows_.empty() || !out.dense_.empty()))
    return file.Damaged(Place(base, kValues), "rows without values");
  if (!std::is_same_v<T, std::string> && !out.offsets_.empty()) return file.Damaged(Place(base, kOffsets), "offsets of numbers");
  if (!out.starts_.empty() && (out.starts_.size() != out.size_ + 1 || out.starts_[0] != 0 || !Ascending(out.starts_)))
    return file.Damaged(Place(base, kStarts), "places that do not ascend, one for each value");
  if (!Ascending(out.dense_) || (!out.dense_.empty() && out.dense_.back() >= out.size_) ||
      out.bitmaps_.size() != out.dense_.size() * out.words_) {
    return file.Damaged(Place(base, kDense), internal::Join(out.dense_.size(), " bitmaps in ", out.bitmaps_.size(), " words"));
  }
  uint64_t before = 0;
  for (const uint32_t place : out.dense_) {
    out.dense_before_.push_back(before);
    before += out.Count(place, place + 1);
  }
  out.dense_before_.push_back(before);
  if (out.rows_.size() + before != out.Start(out.size_))
    return file.Damaged(Place(base, kRows), internal::Join(out.rows_.size(), " rows in lists, ", before, " in bitmaps"));
  TRY(out.Check(file, base, row_count));
  return out;
}

template <typename T>
Status Dictionary<T>::Check(const IndexFileReader& file, Section base, size_t row_count) const {
  if constexpr (std::is_same_v<T, std::string>) {
    if (size_ > 0 && (offsets_[0] != 0 || !std::is_sorted(offsets_.begin(), offsets_.end()) || offsets_.back() != values_.size()))
      return file.Damaged(Place(base, kOffsets), "offsets that do not ascend to the end");
  }
  for (size_t i = 1; i < size_; ++i) {
    if (!(At(i - 1) < At(i))) return file.Damaged(Place(base, kValues), internal::Join("value ", i, " does not ascend"));
  }
  if constexpr (std::is_same_v<T, double>) {
    if (size_ == 1 && !(At(0) == At(0))) return file.Damaged(Place(base, kValues), "NaN as a value");
  }
  size_t next_dense = 0;
  for (size_t i = 0; i < size_; ++i) {
    if (next_dense < dense_.size() && dense_[next_dense] == i) {
      const std::span<const uint64_t> bitmap = bitmaps_.subspan(next_dense++ * words_, words_);
      uint64_t count = 0;
      for (const uint64_t word : bitmap) count += static_cast<uint64_t>(std::popcount(word));
      const bool behind = row_count % 64 != 0 && bitmap.back() >> (row_count % 64) != 0;
      if (behind || count != Count(i, i + 1)) return file.Damaged(Place(base, kBitmaps), internal::Join("the rows of value ", i));
      continue;
    }
    const std::span<const uint32_t> list = rows_.subspan(Start(i) - dense_before_[next_dense], Count(i, i + 1));
    if (list.back() >= row_count || !Ascending(list)) return file.Damaged(Place(base, kRows), internal::Join("the rows of value ", i));
  }
  return OkStatus();
}

template <typename T>
size_t Dictionary<T>::LowerBound(const Key& key) const {
  size_t low = 0;
  for (size_t count = size_; count > 0;) {
    const size_t half = count / 2;
    if (At(low + half) < key) {
      low += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return low;
}

template <typename T>
size_t Dictionary<T>::UpperBound(const Key& key) const {
  const size_t place = LowerBound(key);
  return place < size_ && At(place) == key ? place + 1 : place;
}

template <typename T>
size_t Dictionary<T>::Find(const Key& key) const {
  const size_t place = LowerBound(key);
  return place < size_ && At(place) == key ? place : size_;
}

template <typename T>
std::pair<size_t, size_t> Dictionary<T>::WithPrefix(std::string_view prefix) const {
  if constexpr (std::is_same_v<T, std::string>) {
    const size_t first = LowerBound(prefix);
    // The smallest text behind all that begin with the prefix: its last byte that can grow, grown by one.
    std::string behind(prefix);
    while (!behind.empty() && static_cast<uint8_t>(behind.back()) == 0xff) behind.pop_back();
    if (behind.empty()) return {first, size_};
    behind.back() = static_cast<char>(static_cast<uint8_t>(behind.back()) + 1);
    return {first, LowerBound(behind)};
  }
  return {0, 0};
}

template <typename T>
size_t Dictionary<T>::FirstDense(size_t place) const {
  return static_cast<size_t>(std::lower_bound(dense_.begin(), dense_.end(), place) - dense_.begin());
}

template <typename T>
void Dictionary<T>::AddRows(size_t first, size_t last, uint64_t* words) const {
  for (size_t dense = FirstDense(first); first < last; ++dense) {
    const size_t stop = dense < dense_.size() ? std::min<size_t>(dense_[dense], last) : last;
    const std::span<const uint32_t> lists = rows_.subspan(Start(first) - dense_before_[dense], Count(first, stop));
    for (const uint32_t row : lists) words[row / 64] |= uint64_t{1} << (row % 64);
    if (stop == last) return;
    for (size_t w = 0; w < words_; ++w) words[w] |= bitmaps_[dense * words_ + w];
    first = stop + 1;
  }
}

template <typename T>
double Dictionary<T>::AddNanoseconds(size_t first, size_t last) const {
  if (first >= last) return 0;
  const size_t dense = FirstDense(first);
  const size_t behind = FirstDense(last);
  const uint64_t in_lists = Count(first, last) - (dense_before_[behind] - dense_before_[dense]);
  return static_cast<double>(in_lists) * kNanosecondsPerRow + static_cast<double>((behind - dense) * words_) * kNanosecondsPerWord;
}

template class Dictionary<int64_t>;
template class Dictionary<double>;
template class Dictionary<std::string>;

}  // namespace saker::scalar_index
