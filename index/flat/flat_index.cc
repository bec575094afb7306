#include "index/flat/exact_scan.h"
#include "index/index_file.h"

namespace saker::index {
namespace {

class FlatIndex final : public Index {
 public:
  FlatIndex(IndexSpec spec, std::shared_ptr<const VectorSource> source, std::vector<float> inverse_norms)
      : spec_(std::move(spec)), source_(std::move(source)), inverse_norms_(std::move(inverse_norms)) {}

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return source_->row_count(); }
  size_t memory_bytes() const override { return sizeof *this + inverse_norms_.size() * sizeof(float); }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    if (source_->type() == VectorType::kSparse || inverse_norms_.empty()) {
      return ExactSearch(*source_, spec_.metric, request, context, stats);
    }
    TRY(CheckRequest(request, source_->type(), row_count()));
    const AllowedRows allowed(request.allowed, source_->valid(), row_count());
    return ScanRows(*source_, spec_.metric, inverse_norms_.data(), request.queries, request.query_count, request, allowed, context, stats);
  }

  Status Save(WritableFile& file) const override {
    IndexFileWriter writer(spec_, *source_);
    writer.Add(Section::kInverseNorms, std::as_bytes(std::span(inverse_norms_)));
    return writer.Write(file);
  }

 private:
  const IndexSpec spec_;
  const std::shared_ptr<const VectorSource> source_;
  const std::vector<float> inverse_norms_;
};

}  // namespace

std::unique_ptr<Index> MakeFlatIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source, std::vector<float> inverse_norms) {
  return std::make_unique<FlatIndex>(spec, std::move(source), std::move(inverse_norms));
}

}  // namespace saker::index
