#include "index/auto/profile.h"

#include <algorithm>
#include <cmath>

#include "index/footprint.h"

namespace saker::index {
namespace {

constexpr size_t kFewestDistances = 20;
constexpr uint64_t kLinkBytes = 4;
// Half the links of a row. 48 and 64 took as long as 36 at every recall, whatever the intrinsic dimension. Where codes are long a
// row scored costs more than a step, and rows of few intrinsic dimensions need few directions: 24 links, text embeddings of 384
// (intrinsic 15) are searched in 0.85 of the time; image descriptors of 768 (41) would take twice as long at 0.98.
constexpr uint64_t kGraphM = 18, kFewLinksM = 12;
constexpr size_t kLongCodes = 384;
constexpr double kFewDimensions = 20;

uint64_t GraphM(const SegmentProfile& profile) {
  const bool few = profile.intrinsic_dimension > 0 && profile.intrinsic_dimension < kFewDimensions;
  return few && profile.dim >= kLongCodes ? kFewLinksM : kGraphM;
}

// Milvus' unit for a refusal.
std::string Mebibytes(uint64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

bool Fits(uint64_t bytes, uint64_t limit) {
  return limit == 0 || bytes <= limit;
}

std::string Room(const AvailableResources& available) {
  std::string room = available.memory_bytes == 0 ? "" : Mebibytes(available.memory_bytes) + " are free for it";
  if (available.build_bytes == 0) return room;
  if (!room.empty()) room += " and ";
  return room + Mebibytes(available.build_bytes) + " for its build";
}

double DistanceOf(Metric metric, float score) {
  if (metric == Metric::kCosine) return std::sqrt(std::max(0.0, 2 - 2 * static_cast<double>(score)));
  return std::sqrt(std::max(0.0, static_cast<double>(score)));
}

// Rows that a scan reads in the time of a walk to recall 0.95, whose distances grow with the intrinsic dimension and cost twice
// as much: their rows are anywhere.
size_t ScannedInAWalk(double intrinsic_dimension) {
  return std::clamp(static_cast<size_t>(2 * (300 + 40 * intrinsic_dimension)), kSmallSegment, 4 * kSmallSegment);
}

}  // namespace

size_t AutoLists(size_t rows) {
  return std::clamp<size_t>(static_cast<size_t>(4 * std::sqrt(static_cast<double>(rows))), 1, 65536);
}

uint64_t MemoryOf(AutoFamily family, const SegmentProfile& profile, size_t lists) {
  const uint64_t rows = profile.rows, dim = profile.dim, padded = (dim + 63) / 64 * 64;
  const uint64_t centroids = 2 * lists * dim * sizeof(float);
  switch (family) {
    case AutoFamily::kGraph: return rows * (padded + 2 * GraphM(profile) * kLinkBytes + 4);
    case AutoFamily::kScalarLists: return rows * (dim + 12) + centroids;
    case AutoFamily::kProductLists: return rows * ((dim + 3) / 4 + 12) + centroids;
    case AutoFamily::kDisk:  // FootprintOf knows
    case AutoFamily::kFlat: return rows * 4;
  }
  return 0;
}

uint64_t FewestLinks(size_t dim) {
  return 2 * (dim >= kLongCodes ? kFewLinksM : kGraphM);
}

double IntrinsicDimension(Metric metric, const std::vector<HeldOutQuery>& queries) {
  if (metric != Metric::kL2 && metric != Metric::kCosine) return 0;
  std::vector<double> estimates;
  for (const HeldOutQuery& query : queries) {
    if (query.self == HeldOutQuery::kNoRow || query.truth.size() < kFewestDistances) continue;
    const double farthest = DistanceOf(metric, query.truth.back());
    double sum = 0;
    size_t count = 0;
    for (const float score : query.truth) {
      const double distance = DistanceOf(metric, score);
      if (!(distance > 0) || !std::isfinite(distance)) continue;
      sum += std::log(farthest / distance);
      ++count;
    }
    if (count >= kFewestDistances && sum > 0) estimates.push_back(static_cast<double>(count - 1) / sum);
  }
  if (estimates.empty()) return 0;
  const auto middle = estimates.begin() + static_cast<std::ptrdiff_t>(estimates.size() / 2);
  std::nth_element(estimates.begin(), middle, estimates.end());
  return *middle;
}

IndexSpec InnerSpec(AutoFamily family, Metric metric, size_t dim, size_t lists) {
  switch (family) {
    case AutoFamily::kGraph: return {"HNSW", metric, {{"M", std::to_string(kGraphM)}, {"efConstruction", "240"}}};
    case AutoFamily::kScalarLists: return {"IVF_SQ8", metric, {{"nlist", std::to_string(lists)}}};
    case AutoFamily::kProductLists: return {"SCANN", metric, {{"nlist", std::to_string(lists)}, {"sub_dim", dim % 2 == 0 ? "2" : "1"}}};
    case AutoFamily::kDisk: return {"DISKANN", metric, {}};
    case AutoFamily::kFlat: break;
  }
  return {"FLAT", metric, {}};
}

std::optional<AutoChoice> GraphOnDisk(const SegmentProfile& profile, Metric metric, const AvailableResources& available) {
  for (const char* const share : {"0.09", "0.06", "0.04", "0.03", "0.02"}) {
    AutoChoice choice{AutoFamily::kDisk, InnerSpec(AutoFamily::kDisk, metric, profile.dim, 0), 0};
    choice.spec.params["pq_code_budget_gb_ratio"] = share;
    const DiskFootprint needs = FootprintOf(choice.spec, profile.type, profile.dim, profile.rows);
    choice.memory_bytes = needs.loaded_bytes;
    if (Fits(needs.loaded_bytes, available.memory_bytes) && Fits(needs.least_build_bytes, available.build_bytes)) return choice;
  }
  return std::nullopt;
}

Result<AutoChoice> ChooseIndex(const SegmentProfile& profile, Metric metric, const AvailableResources& available) {
  if (profile.rows < ScannedInAWalk(profile.intrinsic_dimension))
    return AutoChoice{AutoFamily::kFlat, InnerSpec(AutoFamily::kFlat, metric, profile.dim, 0), 0};
  const size_t lists = AutoLists(profile.rows);
  uint64_t least = 0, least_build = 0;
  for (const AutoFamily family : {AutoFamily::kGraph, AutoFamily::kScalarLists, AutoFamily::kProductLists}) {
    least = MemoryOf(family, profile, lists);
    least_build = AutoFootprint(family, profile, available.threads).build_bytes;
    if (!Fits(least, available.memory_bytes) || !Fits(least_build, available.build_bytes)) continue;
    AutoChoice choice{family, InnerSpec(family, metric, profile.dim, lists), least};
    if (family == AutoFamily::kGraph) choice.spec.params["M"] = std::to_string(GraphM(profile));
    return choice;
  }
  std::string disk = "there is no disk for DISKANN";
  if (available.disk_reads_a_second) {
    const std::optional<AutoChoice> choice = GraphOnDisk(profile, metric, available);
    const Result<double> reads = choice ? available.disk_reads_a_second() : Result<double>(0.0);
    if (choice && reads.ok() && *reads >= kFastDisk) return *choice;
    if (!choice) {
      disk = "DISKANN does not fit either";
    } else if (!reads.ok()) {
      disk = "the disk for DISKANN cannot be measured: " + std::string(reads.status().message());
    } else {
      disk = internal::Join("the disk makes ", static_cast<uint64_t>(*reads), " reads a second, DISKANN wants ",
                            static_cast<uint64_t>(kFastDisk));
    }
  }
  return ResourceExhausted("AUTOINDEX over ", profile.rows, " rows of dimension ", profile.dim, " needs ",
                           Mebibytes(MemoryOf(AutoFamily::kGraph, profile, lists)), " for a graph, or ", Mebibytes(least),
                           " for 4-bit codes and ", Mebibytes(least_build), " to build them; ", Room(available), "; ", disk,
                           ": FLAT fits, or more memory, or fewer rows");
}

}  // namespace saker::index
