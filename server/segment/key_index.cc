#include "server/segment/key_index.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace saker::segment {

namespace {

template <typename KeyAt>
std::vector<RowOffset> SortedRows(size_t rows, KeyAt key_at) {
  bool ascending = true;
  for (size_t row = 1; row < rows && ascending; ++row) ascending = key_at(row - 1) <= key_at(row);
  if (ascending) return {};
  std::vector<RowOffset> order(rows);
  std::iota(order.begin(), order.end(), RowOffset{0});
  std::sort(order.begin(), order.end(), [&](RowOffset a, RowOffset b) {
    const auto key_a = key_at(a);
    const auto key_b = key_at(b);
    return key_a != key_b ? key_a < key_b : a < b;
  });
  return order;
}

template <typename Key, typename KeyAt>
size_t CountUpTo(const std::vector<RowOffset>& order, size_t rows, const Key& key, KeyAt key_at) {
  size_t low = 0;
  size_t high = rows;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (key_at(order.empty() ? middle : order[middle]) <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

KeyIndex::KeyIndex(std::shared_ptr<const Column> keys) : keys_(std::move(keys)) {
  const Column& column = *keys_;
  if (column.variable()) {
    order_ = SortedRows(column.row_count(), [&](size_t row) { return column.Text(row); });
  } else {
    const std::span<const int64_t> values = column.Span<int64_t>();
    order_ = SortedRows(column.row_count(), [&](size_t row) { return values[row]; });
  }
}

size_t KeyIndex::UpperBound(const KeyRef& key) const {
  const Column& column = *keys_;
  if (column.variable()) {
    return CountUpTo(order_, row_count(), key.text, [&](size_t row) { return column.Text(row); });
  }
  const std::span<const int64_t> values = column.Span<int64_t>();
  return CountUpTo(order_, row_count(), key.integer, [&](size_t row) { return values[row]; });
}

std::shared_ptr<const KeyIndex> KeyIndex::Detached() const {
  return Over(std::make_shared<const Column>(*keys_));
}

std::shared_ptr<const KeyIndex> KeyIndex::Over(std::shared_ptr<const Column> keys) const {
  CHECK(keys->row_count() == keys_->row_count());
  return std::shared_ptr<const KeyIndex>(new KeyIndex(std::move(keys), order_));
}

}  // namespace saker::segment
