#include "index/footprint.h"

#include <algorithm>
#include <cmath>

#include "index/capability.h"
#include "index/graph/builder.h"
#include "index/graph/graph_index.h"
#include "index/index_file.h"
#include "index/params.h"

namespace saker::index {
namespace {

constexpr uint64_t kPage = 2 << 20;  // of HugeMemory; each block of it may end in the middle of one
constexpr uint64_t kObjects = 4096;
constexpr uint64_t kLeafRows = 1024;  // of a leaf, whose pairs one thread holds

uint64_t Padded(uint64_t dim) {
  return (dim + 63) / 64 * 64;
}

uint64_t HugeBytes(uint64_t bytes) {
  return bytes < kPage ? bytes : (bytes + kPage - 1) / kPage * kPage;
}

MemoryFootprint GraphFootprint(const GraphPlan& plan, VectorType type, uint64_t dim, uint64_t rows, int threads) {
  const uint64_t codes = type == VectorType::kBinary ? 0 : Padded(dim);
  const uint64_t links = HugeBytes(rows * plan.degree * sizeof(uint32_t));
  // Codes, norms (COSINE) or lifts (IP), entries and their codes.
  const uint64_t loaded = kObjects + links + HugeBytes(rows * codes) + 4 * rows + plan.entries * (4 + codes) + 4 * dim;
  // First the candidates (distance, row and sketch each), projections, counts, locks, groups of equal rows, and the places in the
  // leaves of a round; these are gone when links are turned round: a copy of them, who links to a row, offsets.
  const uint64_t candidates = HugeBytes(rows * plan.candidates * 10) + rows * (32 + 2 + 24 + 8 * plan.leaves.fanout);
  const uint64_t reverse = links + rows * (plan.degree * sizeof(uint32_t) + 16);
  const uint64_t leaf = std::min(rows, kLeafRows);
  const uint64_t workers = static_cast<uint64_t>(std::max(threads, 1)) * (leaf * leaf * 4 + leaf * plan.leaves.nearest * 64 + (128 << 10));
  return {loaded, loaded + std::max(candidates, reverse) + workers};
}

MemoryFootprint ListFootprint(uint64_t rows, uint64_t dim, uint64_t lists, uint64_t code_bytes) {
  constexpr uint64_t kSampled = 256;  // rows a centroid at most
  const uint64_t centroids = 3 * lists * (Padded(dim) + 16) * sizeof(float);
  const uint64_t loaded = kObjects + HugeBytes(rows * (code_bytes + 16)) + 8 * rows + centroids + (256 + 64) * Padded(dim) * sizeof(float) +
                          lists * 64 * code_bytes;  // lists end in whole blocks
  const uint64_t sample = std::min(rows, kSampled * lists) * dim * sizeof(float);
  return {loaded, loaded + 2 * sample + 16 * rows + centroids};
}

uint64_t CodeBytes(const IndexSpec& spec, const VectorSource& source) {
  if (spec.type == "IVF_FLAT" || spec.type == "BIN_IVF_FLAT") return 0;
  return Padded(source.dim()) + 16;  // the largest: a byte a dimension; whoever has fewer says so when it is built
}

MemoryFootprint SparseFootprint(const VectorSource& source) {
  uint64_t values = 0;
  for (size_t row = 0; row < source.row_count(); ++row) {
    if (source.valid() == nullptr || source.valid()->Test(row)) values += source.SparseRow(row).count;
  }
  // Heaps' law; 64 bytes a term for its list and first block, 6 a value for a gap and the value as it is.
  const auto terms = std::min<uint64_t>(values, static_cast<uint64_t>(50 * std::sqrt(static_cast<double>(values))));
  const uint64_t loaded = kObjects + terms * 64 + values * 6 + source.row_count() * 4;
  return {loaded, loaded + values * 16 + terms * 16};
}

}  // namespace

MemoryFootprint MemoryFootprintOf(const IndexSpec& spec, const VectorSource& source, int threads) {
  const uint64_t rows = source.row_count();
  const Result<Serving> serving = ServingOf(spec.type, source.type());
  switch (serving.ok() ? *serving : Serving::kFlat) {
    case Serving::kSparse: return SparseFootprint(source);
    case Serving::kLists:
      return ListFootprint(rows, source.type() == VectorType::kBinary ? source.dim() / 8 : source.dim(), ListCount(spec),
                           CodeBytes(spec, source));
    case Serving::kGraph:
    case Serving::kAuto: {
      const IndexSpec graph = spec.type == "AUTOINDEX" ? IndexSpec{"AUTOINDEX", spec.metric, {}} : spec;  // as over bits
      return GraphFootprint(GraphPlanOf(graph), source.type(), source.dim(), rows, threads);
    }
    case Serving::kFlat:
      if (spec.type == "AUTOINDEX" && source.type() == VectorType::kBinary)
        return GraphFootprint(GraphPlanOf(spec), source.type(), source.dim(), rows, threads);
      break;
    case Serving::kDisk: break;
  }
  return {kObjects + 4 * rows, kObjects + 4 * rows};
}

uint64_t LoadedBytes(const IndexSpec& spec, const VectorSource& source, uint64_t file_bytes) {
  if (ServedFromDisk(spec)) return FootprintOf(spec, source.type(), source.dim(), source.row_count()).loaded_bytes;
  if (source.type() == VectorType::kSparse) return file_bytes;
  const uint64_t computed = MemoryFootprintOf(spec, source, 1).loaded_bytes;
  if (spec.type != "AUTOINDEX") return std::max(computed, file_bytes);
  // It made lists, whose codes are in the file, unless there are the links of a graph.
  return file_bytes < source.row_count() * FewestLinks(source.dim()) * sizeof(uint32_t) ? file_bytes : computed;
}

MemoryFootprint AutoFootprint(AutoFamily family, const SegmentProfile& profile, int threads) {
  const size_t lists = AutoLists(profile.rows);
  switch (family) {
    case AutoFamily::kGraph:
      return GraphFootprint(GraphPlanOf({"AUTOINDEX", Metric::kL2, {}}), profile.type, profile.dim, profile.rows, threads);
    case AutoFamily::kScalarLists: return ListFootprint(profile.rows, profile.dim, lists, Padded(profile.dim) + 16);
    case AutoFamily::kProductLists: return ListFootprint(profile.rows, profile.dim, lists, Padded(profile.dim) / 4 + 16);
    case AutoFamily::kDisk:
    case AutoFamily::kFlat: break;
  }
  return {kObjects + 4 * profile.rows, kObjects + 4 * profile.rows};
}

MemoryFootprint SmallAutoFootprint(const VectorSource& source, uint64_t* limit_bytes) {
  const SegmentProfile profile{source.type(), source.dim(), source.row_count()};
  *limit_bytes = MemoryOf(AutoFamily::kScalarLists, profile, AutoLists(profile.rows));
  return AutoFootprint(AutoFamily::kScalarLists, profile, 1);
}

bool MayServeFromDisk(const IndexSpec& spec, VectorType type) {
  return spec.type == "AUTOINDEX" && type != VectorType::kBinary && type != VectorType::kSparse;
}

std::optional<DiskFootprint> AutoDiskFootprint(const IndexSpec& spec, const VectorSource& source, uint64_t spare) {
  AvailableResources available;
  available.memory_bytes = available.build_bytes = spare;
  const std::optional<AutoChoice> choice = GraphOnDisk({source.type(), source.dim(), source.row_count()}, spec.metric, available);
  if (!choice) return std::nullopt;
  return FootprintOf(choice->spec, source.type(), source.dim(), source.row_count());
}

bool ServedFromDisk(const Index& index) {
  if (const auto* outside = dynamic_cast<const IndexInside*>(&index)) return ServedFromDisk(outside->Inside());
  return ServedFromDisk(index.spec());
}

Result<StoredIndex> StoredIndexAt(const std::string& path, FileSystem& files, const VectorSource& source) {
  const IndexFileReader file = TRY(IndexFileReader::OpenHeader(path, files));
  if (!file.Has(Section::kDiskPages)) return StoredIndex{false, LoadedBytes(file.spec(), source, file.file_bytes())};
  const double raw = static_cast<double>(source.row_count()) * static_cast<double>(RowBytes(source.type(), source.dim()));
  const auto cache = static_cast<uint64_t>(DiskShapeOf(file.spec()).cache_share * raw);
  return StoredIndex{true, file.file_bytes() - file.Length(Section::kDiskPages) + cache};
}

Result<bool> StoredOnDisk(const std::string& path, FileSystem& files) {
  return TRY(IndexFileReader::OpenHeader(path, files)).Has(Section::kDiskPages);
}

}  // namespace saker::index
