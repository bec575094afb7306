// For each row a bounded set of candidates for its links: the nearest seen so far, but of those in the same direction only
// the nearest one (the HashPrune of PiPNN, Rubel et al. 2026: a sketch of sign bits of random projections of the edge).
//
// Rows are locked one by one while their set changes; with one thread the outcome is always the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/huge_memory.h"
#include "index/graph/row_locks.h"

namespace saker::index {

struct Candidate {
  float distance;
  uint32_t row;
  bool operator<(const Candidate& other) const { return distance != other.distance ? distance < other.distance : row < other.row; }
};

class CandidateTable {
 public:
  static constexpr size_t kBits = 16;  // of a sketch

  // Room for `width` candidates a row (at most 255).
  static Result<CandidateTable> Allocate(size_t rows, size_t width);

  // The projections of each row, kBits of them, to be filled in before the first Offer.
  int16_t* Projections(size_t row) { return projections_.data() + row * kBits; }
  void Offer(uint32_t row, const Candidate* candidates, size_t count);
  void Prefetch(uint32_t row) const;
  // The row's candidates, nearest first.
  void Copy(uint32_t row, std::vector<Candidate>* out) const;
  size_t width() const { return width_; }

  // Everything that it holds, as bytes; and the same again in a table of the same size, DataLoss when these are not its bytes.
  std::array<std::span<const std::byte>, 3> Parts() const;
  Status Restore(std::span<const std::byte> sets, std::span<const std::byte> counts, std::span<const std::byte> projections);

 private:
  explicit CandidateTable(size_t rows) : counts_(rows), projections_(rows * kBits), locks_(rows) {}
  uint16_t Sketch(uint32_t from, uint32_t to) const;

  size_t width_ = 0;
  HugeMemory memory_;  // a row: width distances, width rows, width sketches
  std::vector<uint8_t> counts_;
  std::vector<int16_t> projections_;
  RowLocks locks_;
};

}  // namespace saker::index
