// Primary keys of consecutive rows in ascending order: finds the rows that hold a key without a hash table.
//
// Costs 4 bytes a row beside the key column, and nothing when the rows came in the order of their keys. Immutable;
// thread-safe.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "server/schema/column.h"

namespace saker::segment {

// A primary key that somebody else owns.
struct KeyRef {
  int64_t integer = 0;
  std::string_view text;
  bool is_text = false;

  static KeyRef Integer(int64_t value) { return {value, {}, false}; }
  static KeyRef Text(std::string_view value) { return {0, value, true}; }
  static KeyRef At(const Column& keys, size_t row) { return keys.variable() ? Text(keys.Text(row)) : Integer(keys.Get<int64_t>(row)); }
  static KeyRef At(const PrimaryKeys& keys, size_t i) {
    return keys.type == DataType::kInt64 ? Integer(keys.ints[i]) : Text(keys.strings[i]);
  }
  friend std::strong_ordering operator<=>(const KeyRef& a, const KeyRef& b) {
    return a.is_text ? a.text <=> b.text : a.integer <=> b.integer;
  }
  friend bool operator==(const KeyRef& a, const KeyRef& b) { return (a <=> b) == 0; }
};

class KeyIndex {
 public:
  // `keys` is an Int64 or a text column without nulls.
  explicit KeyIndex(std::shared_ptr<const Column> keys);

  size_t row_count() const { return keys_->row_count(); }
  KeyRef At(size_t row) const { return KeyRef::At(*keys_, row); }
  // The row with the i-th smallest key; rows with equal keys come in ascending order.
  RowOffset Sorted(size_t i) const { return order_.empty() ? static_cast<RowOffset>(i) : order_[i]; }
  KeyRef min() const { return At(Sorted(0)); }
  KeyRef max() const { return At(Sorted(row_count() - 1)); }

  // Calls visit(row) for every row with the key, the largest row first, until it returns false.
  template <typename Visit>
  void Find(const KeyRef& key, Visit&& visit) const {
    if (row_count() == 0 || key < min() || key > max()) return;
    for (size_t i = UpperBound(key); i > 0 && At(Sorted(i - 1)) == key; --i) {
      if (!visit(Sorted(i - 1))) return;
    }
  }

  // The same over an own copy of the key column: lets go of whatever kept the old one.
  std::shared_ptr<const KeyIndex> Detached() const;
  // The same over another column that holds the same keys.
  std::shared_ptr<const KeyIndex> Over(std::shared_ptr<const Column> keys) const;
  size_t memory_bytes() const { return order_.capacity() * sizeof(RowOffset) + keys_->memory_bytes(); }

 private:
  KeyIndex(std::shared_ptr<const Column> keys, std::vector<RowOffset> order) : keys_(std::move(keys)), order_(std::move(order)) {}
  // The number of rows with a key up to and including this one.
  size_t UpperBound(const KeyRef& key) const;

  std::shared_ptr<const Column> keys_;
  std::vector<RowOffset> order_;  // empty: row order is key order
};

}  // namespace saker::segment
