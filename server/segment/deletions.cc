#include "server/segment/deletions.h"

#include <algorithm>
#include <utility>

namespace saker::segment {

void Deletions::Kill(RowOffset row) {
  if (row / 64 >= dead_.size()) dead_.resize(row / 64 + 1);
  dead_[row / 64] |= uint64_t{1} << (row % 64);
}

void Deletions::Revive(RowOffset row) {
  dead_[row / 64] &= ~(uint64_t{1} << (row % 64));
}

void Deletions::Publish(std::span<const Deletion> deletions) {
  MutexLock lock(mutex_);
  published_.insert(published_.end(), deletions.begin(), deletions.end());
}

size_t Deletions::PrefixAt(Timestamp timestamp) const {
  if (published_.empty() || published_.back().timestamp <= timestamp) return published_.size();
  const auto end = std::upper_bound(published_.begin(), published_.end(), timestamp,
                                    [](Timestamp t, const Deletion& deletion) { return t < deletion.timestamp; });
  return static_cast<size_t>(end - published_.begin());
}

size_t Deletions::CountAt(Timestamp timestamp) const {
  MutexLock lock(mutex_);
  return PrefixAt(timestamp);
}

std::shared_ptr<const index::Bitset> Deletions::At(Timestamp timestamp) const {
  MutexLock lock(mutex_);
  const size_t prefix = PrefixAt(timestamp);
  if (prefix == 0) return nullptr;
  if (prefix == cached_prefix_) return cached_;
  const size_t from = prefix > cached_prefix_ ? cached_prefix_ : 0;
  size_t rows = from > 0 ? cached_->size() : 0;
  for (size_t i = from; i < prefix; ++i) rows = std::max<size_t>(rows, published_[i].row + 1);
  auto bits = std::make_shared<index::Bitset>(rows);
  if (from > 0) std::copy_n(cached_->words(), cached_->word_count(), bits->words());
  for (size_t i = from; i < prefix; ++i) bits->Set(published_[i].row);
  if (prefix > cached_prefix_) {
    cached_ = bits;
    cached_prefix_ = prefix;
  }
  return bits;
}

std::vector<Deletion> Deletions::After(Timestamp timestamp) const {
  MutexLock lock(mutex_);
  return {published_.begin() + static_cast<ptrdiff_t>(PrefixAt(timestamp)), published_.end()};
}

size_t Deletions::memory_bytes() const {
  MutexLock lock(mutex_);
  return published_.capacity() * sizeof(Deletion) + (cached_ == nullptr ? 0 : cached_->word_count() * 8) + dead_.capacity() * 8;
}

}  // namespace saker::segment
