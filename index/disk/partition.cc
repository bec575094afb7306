#include "index/disk/partition.h"

#include <algorithm>
#include <numeric>

#include "index/ivf/kmeans.h"
#include "index/ivf/row_floats.h"
#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

constexpr double kSlack = 1.3;  // places there are for each that is needed
constexpr size_t kRowsBetweenChecks = 4096;

}  // namespace

Result<Partition> PartitionRows(const VectorSource& source, Metric metric, const std::vector<uint32_t>& rows, size_t part_rows,
                                size_t sample_rows, const BuildOptions& options) {
  const size_t dim = source.dim();
  Partition out;
  out.parts = std::max<size_t>(3, static_cast<size_t>(kSlack * 2 * static_cast<double>(rows.size()) / static_cast<double>(part_rows)) + 1);
  out.parts = std::min(out.parts, rows.size());
  const RowFloats floats(source, metric);
  const std::vector<uint32_t> sample = SampleRows(rows, std::max(sample_rows, out.parts));
  std::vector<float> vectors(sample.size() * dim);
  for (size_t i = 0; i < sample.size(); ++i) floats.FiniteRow(sample[i], vectors.data() + i * dim);
  const std::vector<float> centres =
      ClusterVectors(vectors.data(), sample.size(), {dim, out.parts, false, options.threads, options.context});
  vectors = {};
  std::vector<size_t> size(out.parts);
  std::vector<std::pair<float, uint32_t>> nearest(out.parts);
  std::vector<float> row(dim);
  out.home.resize(rows.size());
  out.second.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % kRowsBetweenChecks == 0 && options.context != nullptr) TRY(options.context->Check());
    floats.FiniteRow(rows[i], row.data());
    for (uint32_t part = 0; part < out.parts; ++part) {
      nearest[part] = {BestKernels().l2_f32.one(row.data(), centres.data() + part * dim, dim), part};
    }
    std::sort(nearest.begin(), nearest.end());
    uint32_t* const places[2] = {&out.home[i], &out.second[i]};
    size_t placed = 0;
    for (size_t n = 0; n < nearest.size() && placed < 2; ++n) {
      const uint32_t part = nearest[n].second;
      if (size[part] >= part_rows) continue;
      ++size[part];
      *places[placed++] = part;
    }
    CHECK(placed > 0);  // there are more places than memberships
    if (placed == 1) out.second[i] = out.home[i];
  }
  return out;
}

}  // namespace saker::index
