#include "index/graph/candidates.h"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace saker::index {
namespace {

constexpr size_t kBytesEach = sizeof(float) + sizeof(uint32_t) + sizeof(uint16_t);

size_t RowStride(size_t width) {
  return (width * kBytesEach + 63) / 64 * 64;
}

}  // namespace

Result<CandidateTable> CandidateTable::Allocate(size_t rows, size_t width) {
  CandidateTable table(rows);
  table.width_ = std::min<size_t>(width, 255);
  table.memory_ = TRY(HugeMemory::Allocate(rows * RowStride(table.width_), "the candidates of a graph"));
  return table;
}

uint16_t CandidateTable::Sketch(uint32_t from, uint32_t to) const {
  const int16_t* a = projections_.data() + size_t{from} * kBits;
  const int16_t* b = projections_.data() + size_t{to} * kBits;
#if defined(__SSE2__)
  const auto load = [](const int16_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
  const __m128i low = _mm_cmpgt_epi16(load(b), load(a)), high = _mm_cmpgt_epi16(load(b + 8), load(a + 8));
  return static_cast<uint16_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
#else
  uint16_t bits = 0;
  for (size_t i = 0; i < kBits; ++i) bits = static_cast<uint16_t>(bits | (b[i] > a[i] ? 1u << i : 0u));
  return bits;
#endif
}

void CandidateTable::Prefetch(uint32_t row) const {
  const std::byte* address = memory_.data() + size_t{row} * RowStride(width_);
  for (size_t line = 0; line < RowStride(width_); line += 64) __builtin_prefetch(address + line, 1);
}

void CandidateTable::Offer(uint32_t row, const Candidate* candidates, size_t count) {
  const RowLocks::Guard guard(locks_, row);
  auto* distances = reinterpret_cast<float*>(memory_.data() + size_t{row} * RowStride(width_));
  auto* rows = reinterpret_cast<uint32_t*>(distances + width_);
  auto* sketches = reinterpret_cast<uint16_t*>(rows + width_);
  size_t size = counts_[row];
  size_t farthest = size == width_ ? static_cast<size_t>(std::max_element(distances, distances + size) - distances) : 0;
  for (size_t c = 0; c < count; ++c) {
    const Candidate& candidate = candidates[c];
    if (size == width_ && candidate.distance >= distances[farthest]) continue;
    const uint16_t sketch = Sketch(row, candidate.row);
    size_t place = static_cast<size_t>(std::find(sketches, sketches + size, sketch) - sketches);
    if (place < size) {
      if (candidate.distance >= distances[place]) continue;
    } else if (size < width_) {
      place = size++;
    } else {
      place = farthest;
    }
    distances[place] = candidate.distance;
    rows[place] = candidate.row;
    sketches[place] = sketch;
    if (size == width_) farthest = static_cast<size_t>(std::max_element(distances, distances + size) - distances);
  }
  counts_[row] = static_cast<uint8_t>(size);
}

void CandidateTable::Copy(uint32_t row, std::vector<Candidate>* out) const {
  const auto* distances = reinterpret_cast<const float*>(memory_.data() + size_t{row} * RowStride(width_));
  const auto* rows = reinterpret_cast<const uint32_t*>(distances + width_);
  out->clear();
  for (size_t i = 0; i < counts_[row]; ++i) out->push_back({distances[i], rows[i]});
  std::sort(out->begin(), out->end());
}

std::array<std::span<const std::byte>, 3> CandidateTable::Parts() const {
  return {std::span(memory_.data(), counts_.size() * RowStride(width_)), std::as_bytes(std::span(counts_)),
          std::as_bytes(std::span(projections_))};
}

Status CandidateTable::Restore(std::span<const std::byte> sets, std::span<const std::byte> counts, std::span<const std::byte> projections) {
  const auto own = Parts();
  if (sets.size() != own[0].size() || counts.size() != own[1].size() || projections.size() != own[2].size())
    return Corruption("candidates of ", counts.size(), " rows in ", sets.size(), " bytes for a table of ", counts_.size());
  std::memcpy(counts_.data(), counts.data(), counts.size());
  std::memcpy(projections_.data(), projections.data(), projections.size());
  std::memcpy(memory_.data(), sets.data(), sets.size());
  for (size_t row = 0; row < counts_.size(); ++row) {
    const auto* rows = reinterpret_cast<const uint32_t*>(memory_.data() + row * RowStride(width_)) + width_;
    if (counts_[row] > width_ || std::any_of(rows, rows + counts_[row], [&](uint32_t other) { return other >= counts_.size(); }))
      return Corruption("candidates of row ", row, " outside the ", counts_.size(), " rows");
  }
  return OkStatus();
}

}  // namespace saker::index
