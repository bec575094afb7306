#include "index/graph/duplicates.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"
#include "index/parallel.h"

namespace saker::index {
namespace {

constexpr size_t kGrain = 4096;
constexpr uint32_t kBranches = 4;  // copies that a copy leads to

struct Hashed {
  uint64_t hash;
  uint32_t row;
  bool operator<(const Hashed& other) const { return hash != other.hash ? hash < other.hash : row < other.row; }
};

}  // namespace

Result<RowGroups> GroupEqualRows(const VectorSource& source, const BuildOptions& options) {
  const size_t bytes = RowBytes(source.type(), source.dim());
  std::vector<Hashed> hashed(source.row_count());
  TRY(ForRanges(hashed.size(), kGrain, options, {0, 0}, [&](size_t, size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      hashed[row] = {Checksum(std::span(static_cast<const std::byte*>(source.Row(row)), bytes)), static_cast<uint32_t>(row)};
    }
  }));
  if (source.valid() != nullptr) std::erase_if(hashed, [&](const Hashed& each) { return !source.valid()->Test(each.row); });
  std::sort(hashed.begin(), hashed.end());
  RowGroups groups;
  for (size_t begin = 0, end = 0; begin < hashed.size(); begin = end) {
    while (end < hashed.size() && hashed[end].hash == hashed[begin].hash) ++end;
    const uint32_t first = hashed[begin].row;
    std::vector<uint32_t> group;
    for (size_t i = begin; i < end; ++i) {
      // Another row of the same hash is one of a kind: that costs nothing but its place in the group.
      const bool same = i == begin || std::memcmp(source.Row(first), source.Row(hashed[i].row), bytes) == 0;
      if (same) group.push_back(hashed[i].row);
      if (!same) groups.firsts.push_back(hashed[i].row);
    }
    groups.firsts.push_back(first);
    if (group.size() > 1) groups.copies.push_back(std::move(group));
  }
  std::sort(groups.firsts.begin(), groups.firsts.end());
  std::sort(groups.copies.begin(), groups.copies.end());
  return groups;
}

void LinkCopies(const std::vector<std::vector<uint32_t>>& copies, FlatGraph* graph) {
  const uint32_t degree = graph->degree, branches = std::min(kBranches, degree);
  for (const std::vector<uint32_t>& group : copies) {
    const uint32_t* const own = graph->Links(group[0]);
    const std::vector<uint32_t> links(own, own + degree);
    for (size_t i = 0; i < group.size(); ++i) {
      uint32_t* const out = graph->Links(group[i]);
      uint32_t count = 0;
      for (size_t child = branches * i + 1; child <= branches * (i + 1) && child < group.size(); ++child) out[count++] = group[child];
      for (uint32_t at = 0; count < degree; ++at, ++count) out[count] = links[at];
    }
  }
}

}  // namespace saker::index
