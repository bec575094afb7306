#include "index/hnsw/inserter.h"

#include <algorithm>

namespace saker::index {

Inserter::Inserter(GrowingGraph& growing)
    : growing_(growing),
      query_(growing.source, growing.metric, growing.inverse_norms),
      pair_(growing.source, growing.metric, growing.inverse_norms),
      near_(growing.graph.degree0),
      keys_(growing.graph.degree0) {}

void Inserter::Insert(uint32_t row) {
  query_.SetQueryRow(row);
  uint32_t at = growing_.graph.entry;
  float key = query_.Key(at);
  const uint32_t top = std::min<uint32_t>(growing_.levels[row], growing_.graph.max_level);
  for (uint32_t level = growing_.graph.max_level; level > top; --level) Descend(level, &at, &key);
  for (uint32_t level = top + 1; level-- > 0;) {
    SearchLevel(at, key, level);
    at = RowOf(found_[0]);
    key = KeyOf(found_[0]);
    {
      const RowLocks::Guard guard(growing_.locks, row);
      const GrowingGraph::List list = growing_.ListOf(row, level);
      Select(found_, list.capacity);
      for (size_t i = 0; i < kept_.size(); ++i) {
        list.rows[i] = RowOf(kept_[i]);
        list.keys[i] = KeyOf(kept_[i]);
      }
    }
    found_.swap(kept_);  // LinkBack selects too
    for (const uint64_t neighbour : found_) LinkBack(RowOf(neighbour), row, KeyOf(neighbour), level);
  }
}

size_t Inserter::CopyList(uint32_t row, uint32_t level) {
  const RowLocks::Guard guard(growing_.locks, row);
  const GrowingGraph::List list = growing_.ListOf(row, level);
  size_t n = 0;
  for (; n < list.capacity && list.rows[n] != HnswGraph::kNone; ++n) near_[n] = list.rows[n];
  return n;
}

void Inserter::Descend(uint32_t level, uint32_t* row, float* key) {
  for (bool moved = true; moved;) {
    moved = false;
    const size_t n = CopyList(*row, level);
    query_.Keys(near_.data(), n, keys_.data());
    for (size_t i = 0; i < n; ++i) {
      if (keys_[i] >= *key) continue;
      *key = keys_[i];
      *row = near_[i];
      moved = true;
    }
  }
}

void Inserter::SearchLevel(uint32_t start, float start_key, uint32_t level) {
  visited_.Reset(growing_.source.row_count());
  pool_.Reset(growing_.ef_construction);
  visited_.Meet(start);
  pool_.Insert(start_key, start);
  for (uint32_t row = 0; pool_.Pop(&row);) {
    const size_t listed = CopyList(row, level);
    size_t n = 0;
    for (size_t i = 0; i < listed; ++i) {
      if (visited_.Meet(near_[i])) near_[n++] = near_[i];
    }
    uint32_t following = 0;
    if (level == 0 && pool_.Peek(&following)) {
      for (uint32_t i = 0; i < growing_.graph.degree0; i += 16) __builtin_prefetch(growing_.graph.Links0(following) + i);
    }
    query_.Keys(near_.data(), n, keys_.data());
    for (size_t i = 0; i < n; ++i) pool_.Insert(keys_[i], near_[i]);
  }
  pool_.CopyTo(&found_);
}

// HNSW's rule: nearest first, a candidate is kept unless one that was kept is nearer to it than the list's own row is.
void Inserter::Select(const std::vector<uint64_t>& candidates, size_t limit) {
  kept_.clear();
  kept_rows_.clear();
  for (const uint64_t candidate : candidates) {
    if (kept_.size() == limit) return;
    const float key = KeyOf(candidate);
    pair_.SetQueryRow(RowOf(candidate));
    bool keep = true;
    size_t i = 0;
    float keys[4];
    for (; keep && i + 4 <= kept_rows_.size(); i += 4) {
      pair_.Key4(kept_rows_.data() + i, keys);
      keep = keys[0] >= key && keys[1] >= key && keys[2] >= key && keys[3] >= key;
    }
    for (; keep && i < kept_rows_.size(); ++i) keep = pair_.Key(kept_rows_[i]) >= key;
    if (!keep) continue;
    kept_.push_back(candidate);
    kept_rows_.push_back(RowOf(candidate));
  }
}

void Inserter::LinkBack(uint32_t from, uint32_t to, float key, uint32_t level) {
  const RowLocks::Guard guard(growing_.locks, from);
  const GrowingGraph::List list = growing_.ListOf(from, level);
  uint32_t n = 0;
  while (n < list.capacity && list.rows[n] != HnswGraph::kNone) ++n;
  if (n < list.capacity) {
    list.rows[n] = to;
    list.keys[n] = key;
    return;
  }
  rival_.clear();
  for (uint32_t i = 0; i < n; ++i) rival_.push_back(PackKey(list.keys[i], list.rows[i]));
  rival_.push_back(PackKey(key, to));
  std::sort(rival_.begin(), rival_.end());
  Select(rival_, list.capacity);
  for (uint32_t i = 0; i < list.capacity; ++i) {
    list.rows[i] = i < kept_.size() ? RowOf(kept_[i]) : HnswGraph::kNone;
    list.keys[i] = i < kept_.size() ? KeyOf(kept_[i]) : 0;
  }
}

}  // namespace saker::index
