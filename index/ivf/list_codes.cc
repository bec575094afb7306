#include "index/ivf/list_codes.h"

#include <algorithm>
#include <cmath>

#include "index/params.h"

namespace saker::index {
namespace {

size_t Param(const IndexSpec& spec, const char* name, size_t fallback) {
  const auto found = spec.params.find(name);
  return found == spec.params.end() ? fallback : static_cast<size_t>(std::strtoull(found->second.c_str(), nullptr, 10));
}

// The divisor of `dim` nearest to `wanted` that is not below it.
size_t DivisorFrom(size_t dim, size_t wanted) {
  size_t divisor = std::clamp<size_t>(wanted, 1, dim);
  while (dim % divisor != 0) ++divisor;
  return divisor;
}

}  // namespace

CodeShape CodeShapeOf(const IndexSpec& spec, size_t dim) {
  if (spec.type == "IVF_SQ8") return {CodeKind::kScalar, 0};
  if (spec.type == "IVF_RABITQ") return {CodeKind::kOneBit, 0};
  if (spec.type == "SCANN") return {CodeKind::kProduct, static_cast<uint32_t>(dim / Param(spec, "sub_dim", 2))};
  if (spec.type == "IVF_PQ") {
    // Codes of other widths become 4-bit ones of at least as many bits: twice the parts for 8.
    const size_t bits = Param(spec, "m", 1) * Param(spec, "nbits", 8);
    return {CodeKind::kProduct, static_cast<uint32_t>(DivisorFrom(dim, (bits + 3) / 4))};
  }
  return {};
}

bool CodesCanTell(const VectorSource& source, Metric metric, const IvfLists& lists) {
  if (ByDirection(metric)) return true;
  constexpr size_t kSampleRows = 256;
  std::vector<float> values(source.dim()), sizes;
  for (const uint32_t row : SampleRows(lists.rows, kSampleRows)) {
    VectorToFloats(source.type(), source.Row(row), source.dim(), values.data());
    float largest = 0;
    for (const float value : values) largest = std::max(largest, std::fabs(value));
    if (largest > 0) sizes.push_back(largest);
  }
  if (sizes.empty()) return true;
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  return *middle >= 1e-12f && *middle <= 1e12f;
}

std::vector<float> CentroidMean(const IvfLists& lists, Metric metric, size_t dim) {
  std::vector<float> mean(dim, 0.0f);
  if (metric == Metric::kIp) return mean;
  std::vector<double> sum(dim);
  for (size_t i = 0; i < lists.centroids.size(); ++i) sum[i % dim] += static_cast<double>(lists.centroids[i]);
  for (size_t d = 0; d < dim; ++d) mean[d] = static_cast<float>(sum[d] / static_cast<double>(lists.count()));
  return mean;
}

Result<std::unique_ptr<ListCodes>> BuildListCodes(const CodeShape& shape, const VectorSource& source, Metric metric, const IvfLists& lists,
                                                  const BuildOptions& options) {
  switch (shape.kind) {
    case CodeKind::kScalar: return BuildScalarCodes(source, metric, lists, options);
    case CodeKind::kProduct: return BuildProductCodes(shape.subspaces, source, metric, lists, options);
    case CodeKind::kOneBit: return BuildBitCodes(source, metric, lists, options);
    case CodeKind::kNone: break;
  }
  return std::unique_ptr<ListCodes>();
}

Result<std::unique_ptr<ListCodes>> OpenListCodes(const IndexFileReader& file, const VectorSource& source, const IvfLists& lists) {
  if (!file.Has(Section::kCodeHeader)) return std::unique_ptr<ListCodes>();
  const auto header = TRY(file.Copy<uint32_t>(Section::kCodeHeader, 2));
  const CodeShape shape = {static_cast<CodeKind>(header[0]), header[1]};
  if (shape.kind == CodeKind::kScalar && shape.subspaces == 0) return OpenScalarCodes(file, source, lists);
  if (shape.kind == CodeKind::kProduct && shape.subspaces > 0 && source.dim() % shape.subspaces == 0) {
    return OpenProductCodes(shape.subspaces, file, source, lists);
  }
  if (shape.kind == CodeKind::kOneBit && shape.subspaces == 0) return OpenBitCodes(file, source, lists);
  return file.Damaged(Section::kCodeHeader, internal::Join("codes of kind ", header[0], " in ", header[1], " parts"));
}

}  // namespace saker::index
