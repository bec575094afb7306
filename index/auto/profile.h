// What AUTOINDEX knows of a segment before it builds, and what it decides from that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "index/auto/held_out.h"
#include "index/index.h"

namespace saker::index {

// The local intrinsic dimension at the held-out rows: the maximum-likelihood estimate from the distances of their 100 nearest
// (Levina and Bickel 2004; Amsaleg et al. 2015), its median. 0 where there are no distances (IP, too few rows, equal rows).
double IntrinsicDimension(Metric metric, const std::vector<HeldOutQuery>& queries);

// Families of AUTOINDEX. Numbers are durable: section kAutoHeader.
enum class AutoFamily : uint32_t { kFlat = 0, kGraph = 1, kScalarLists = 2, kProductLists = 3, kDisk = 4 };

struct AutoChoice {
  AutoFamily family = AutoFamily::kFlat;
  IndexSpec spec;             // of the index inside; not for kFlat
  uint64_t memory_bytes = 0;  // what it will take, about
};

struct SegmentProfile {
  VectorType type = VectorType::kFloat32;
  size_t dim = 0;
  size_t rows = 0;
  double intrinsic_dimension = 0;
};

// What there is to build and to serve an index with.
struct AvailableResources {
  uint64_t memory_bytes = 0;  // for the index, 0: any
  uint64_t build_bytes = 0;   // for its build beside the vectors, 0: any
  int threads = 1;            // of the build
  // Asked only when no index in memory fits; empty: there is no disk.
  std::function<Result<double>()> disk_reads_a_second;
};

// A graph on a slower disk is refused: a search would take tens of milliseconds, and a network disk shares its reads with others.
constexpr double kFastDisk = 20000;

constexpr size_t kSmallSegment = 1000;  // rows; a scan of fewer is as fast as a walk, whatever they are

// Lists of the IVF families over so many rows.
size_t AutoLists(size_t rows);
// What an index of the family takes in memory beside the vectors, about; `lists` as AutoLists gives them.
uint64_t MemoryOf(AutoFamily family, const SegmentProfile& profile, size_t lists);
// The fewest links that a row of a graph over vectors of `dim` has, whatever their intrinsic dimension.
uint64_t FewestLinks(size_t dim);

// The graph on disk with the longest codes that fit, however fast the disk is; none when the shortest do not.
std::optional<AutoChoice> GraphOnDisk(const SegmentProfile& profile, Metric metric, const AvailableResources& available);

// The fastest family that can be built and whose index fits: in memory, else on a fast disk. ResourceExhausted, with what would
// fit, when none does but the scan of the raw vectors.
Result<AutoChoice> ChooseIndex(const SegmentProfile& profile, Metric metric, const AvailableResources& available);

// The index inside for a family found in a file of `lists` lists (kGraph, kDisk: 0).
IndexSpec InnerSpec(AutoFamily family, Metric metric, size_t dim, size_t lists);

}  // namespace saker::index
