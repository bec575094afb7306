// The families behind one door.
#include "index/index.h"

#include "index/auto/auto_index.h"
#include "index/disk/disk_index.h"
#include "index/flat/exact_scan.h"
#include "index/graph/graph_index.h"
#include "index/index_file.h"
#include "index/ivf/ivf_index.h"
#include "index/params.h"
#include "index/scorer.h"
#include "index/sparse/sparse.h"

namespace saker::index {

namespace {

// AUTOINDEX over bits: from so many rows on a graph walked by the bits themselves, else and for the structures the scan.
constexpr size_t kBinaryGraphRows = 4096;
bool WalksBits(const IndexSpec& spec, const VectorSource& source) {
  return spec.type == "AUTOINDEX" && source.type() == VectorType::kBinary && spec.metric <= Metric::kJaccard &&
         source.row_count() >= kBinaryGraphRows;
}

}  // namespace

Result<std::unique_ptr<Index>> BuildIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source, const BuildOptions& options) {
  const IndexSpec valid = TRY(ValidateSpec(spec, source->type(), source->dim()));
  if (source->row_count() >= (uint64_t{1} << 32) - 1)
    return InvalidArgument("an index over ", source->row_count(), " rows; it can have 4294967294");
  if (options.context != nullptr) TRY(options.context->Check());
  switch (TRY(ServingOf(valid.type, source->type()))) {
    case Serving::kAuto: return BuildAutoIndex(valid, std::move(source), options);
    case Serving::kGraph: return BuildGraphIndex(valid, std::move(source), options);
    case Serving::kDisk: return BuildDiskIndex(valid, std::move(source), options);
    case Serving::kLists: return BuildIvfIndex(valid, std::move(source), options);
    case Serving::kSparse: return BuildSparseIndex(valid, std::move(source), options);
    case Serving::kFlat:
      if (WalksBits(valid, *source)) return BuildGraphIndex(valid, std::move(source), options);
      break;
  }
  std::vector<float> norms;
  if (valid.metric == Metric::kCosine) norms = InverseNorms(*source);
  if (options.progress) options.progress(1.0);
  return MakeFlatIndex(valid, std::move(source), std::move(norms));
}

Result<std::unique_ptr<Index>> OpenIndex(const std::string& path, FileSystem& files, std::shared_ptr<const VectorSource> source) {
  IndexFileReader file = TRY(IndexFileReader::Open(path, files, *source));
  const Result<IndexSpec> valid = ValidateSpec(file.spec(), source->type(), source->dim());
  if (!valid.ok()) return Corruption(path, " at offset 16: ", valid.status().message());
  switch (TRY(ServingOf(file.spec().type, source->type()))) {
    case Serving::kAuto: return OpenAutoIndex(std::move(file), files, std::move(source));
    case Serving::kGraph: return OpenGraphIndex(file, std::move(source));
    case Serving::kLists:
      // BIN_IVF_FLAT was the scan in the first release.
      if (source->type() == VectorType::kBinary && !file.Has(Section::kListOffsets)) break;
      return OpenIvfIndex(file, std::move(source));
    case Serving::kDisk:  // served from memory until the second release
      if (!file.Has(Section::kDiskHeader)) return OpenGraphIndex(file, std::move(source));
      return OpenDiskIndex(std::move(file), files, std::move(source));
    case Serving::kSparse: return OpenSparseIndex(file, std::move(source));
    case Serving::kFlat:
      if (file.Has(Section::kFlatGraphHeader)) return OpenGraphIndex(file, std::move(source));
      break;
  }
  std::vector<float> norms;
  if (file.spec().metric == Metric::kCosine) norms = TRY(file.Copy<float>(Section::kInverseNorms, source->row_count()));
  return MakeFlatIndex(file.spec(), std::move(source), std::move(norms));
}

}  // namespace saker::index
