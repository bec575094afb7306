#include "server/filter/value_set.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "common/checksum.h"

namespace saker::filter {
namespace {

constexpr double kExact = 9007199254740992.0;  // 2^53: whole doubles below are integers exactly

size_t TableSize(size_t values) {
  return std::bit_ceil(std::max<size_t>(values * (values <= 4096 ? 8 : 2), 2));  // sparse while it fits the cache
}

uint64_t ProcessSeed() {
  static const uint64_t seed = uint64_t{std::random_device()()} << 32 | std::random_device()() | 1;
  return seed;
}

bool IsSmallWhole(double value) {
  return std::fabs(value) < kExact && value == std::trunc(value);
}

}  // namespace

IntegerSet::IntegerSet(const std::vector<int64_t>& values) : multiplier_(ProcessSeed()) {
  const size_t slots = TableSize(values.size());
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  places_.assign(slots, -1);
  values_.reserve(values.size());
  for (const int64_t value : values) {
    size_t slot = Slot(value);
    while (places_[slot] >= 0 && values_[static_cast<size_t>(places_[slot])] != value) slot = (slot + 1) & mask_;
    if (places_[slot] >= 0) continue;
    places_[slot] = static_cast<int32_t>(values_.size());
    values_.push_back(value);
  }
  if (values_.empty()) return;
  const auto [low, high] = std::minmax_element(values_.begin(), values_.end());
  const uint64_t range = static_cast<uint64_t>(*high) - static_cast<uint64_t>(*low);
  if (range >= std::max<uint64_t>(4096, values_.size() * 64)) return;
  min_ = *low;
  bits_ = range + 1;
  bitmap_.assign((bits_ + 63) / 64, 0);
  for (const int64_t value : values_) {
    const uint64_t offset = static_cast<uint64_t>(value) - static_cast<uint64_t>(min_);
    bitmap_[offset / 64] |= uint64_t{1} << (offset % 64);
  }
}

TextSet::TextSet(const std::vector<std::string>& values) {
  const size_t slots = TableSize(values.size());
  mask_ = slots - 1;
  places_.assign(slots, -1);
  for (const std::string& value : values) {
    const uint64_t hash = Checksum(value, ProcessSeed());
    size_t slot = hash & mask_;
    while (places_[slot] >= 0 && values_[static_cast<size_t>(places_[slot])] != value) slot = (slot + 1) & mask_;
    if (places_[slot] >= 0) continue;
    places_[slot] = static_cast<int32_t>(values_.size());
    values_.push_back(value);
    hashes_.push_back(hash);
  }
}

int64_t TextSet::Find(std::string_view value) const {
  const uint64_t hash = Checksum(value, ProcessSeed());
  for (size_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
    const int32_t place = places_[slot];
    if (place < 0) return -1;
    if (hashes_[static_cast<size_t>(place)] == hash && values_[static_cast<size_t>(place)] == value) return place;
  }
}

struct ValueSet::Parts {
  std::vector<int64_t> integers;
  std::vector<std::string> texts;
  std::vector<double> reals;
  bool has_bool[2] = {false, false};

  explicit Parts(const List& list) {
    if (list.ints() != nullptr) {
      integers = *list.ints();
    } else if (list.texts() != nullptr) {
      texts = *list.texts();
    } else {
      for (size_t i = 0; i < list.size(); ++i) Add(list.At(i));
    }
  }
  void Add(const Constant& constant) {
    if (constant.boolean() != nullptr) has_bool[*constant.boolean() ? 1 : 0] = true;
    if (constant.integer() != nullptr) integers.push_back(*constant.integer());
    if (constant.text() != nullptr) texts.push_back(*constant.text());
    if (constant.real() == nullptr || std::isnan(*constant.real())) return;
    if (IsSmallWhole(*constant.real())) {
      integers.push_back(static_cast<int64_t>(*constant.real()));
    } else {
      reals.push_back(*constant.real());
    }
  }
};

ValueSet::ValueSet(const List& list) : ValueSet(Parts(list)) {}

ValueSet::ValueSet(Parts&& parts) : integers_(parts.integers), texts_(parts.texts) {
  std::copy(parts.has_bool, parts.has_bool + 2, has_bool_);
  std::sort(parts.reals.begin(), parts.reals.end());
  parts.reals.erase(std::unique(parts.reals.begin(), parts.reals.end()), parts.reals.end());
  auto place = static_cast<int64_t>(2 + integers_.values().size() + texts_.values().size());
  for (const double real : parts.reals) reals_.emplace_back(real, place++);
  for (size_t i = 0; i < integers_.values().size(); ++i) {
    const auto real = static_cast<double>(integers_.values()[i]);
    if (std::fabs(real) >= kExact) large_integers_.emplace_back(real, static_cast<int64_t>(2 + i));
  }
  std::sort(large_integers_.begin(), large_integers_.end());
  size_ = static_cast<size_t>(place);
}

int64_t ValueSet::FindReal(const std::vector<std::pair<double, int64_t>>& sorted, double value) const {
  const auto found =
      std::lower_bound(sorted.begin(), sorted.end(), value, [](const auto& entry, double wanted) { return entry.first < wanted; });
  return found != sorted.end() && found->first == value ? found->second : -1;
}

int64_t ValueSet::Find(const Cell& cell) const {
  switch (cell.kind) {
    case Cell::Kind::kBool: return has_bool_[cell.boolean ? 1 : 0] ? (cell.boolean ? 1 : 0) : -1;
    case Cell::Kind::kText: {
      const int64_t place = texts_.Find(cell.text);
      return place < 0 ? -1 : place + 2 + static_cast<int64_t>(integers_.values().size());
    }
    case Cell::Kind::kInteger: {
      const int64_t place = integers_.Find(cell.integer);
      if (place >= 0) return place + 2;
      const auto real = static_cast<double>(cell.integer);
      return std::fabs(real) >= kExact ? FindReal(reals_, real) : -1;
    }
    case Cell::Kind::kReal: {
      if (IsSmallWhole(cell.real)) {
        const int64_t place = integers_.Find(static_cast<int64_t>(cell.real));
        return place < 0 ? -1 : place + 2;
      }
      const int64_t place = FindReal(reals_, cell.real);
      return place >= 0 ? place : FindReal(large_integers_, cell.real);
    }
    default: return -1;
  }
}

}  // namespace saker::filter
