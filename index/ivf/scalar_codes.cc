// 7-bit scalar codes of the rows themselves, one after the other in their lists.
#include <atomic>
#include <cmath>
#include <cstring>

#include "common/huge_memory.h"
#include "index/ivf/list_codes.h"
#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

constexpr size_t kSampleRows = 16384;
constexpr size_t kPieceLists = 16;

class ScalarCodes final : public ListCodes {
 public:
  static Result<std::unique_ptr<ScalarCodes>> Make(ScalarCodec codec, Metric metric, const IvfLists& lists) {
    auto codes = std::make_unique<ScalarCodes>();
    codes->metric_ = metric;
    codes->mean_ = CentroidMean(lists, metric, codec.dim());
    codes->codec_ = std::move(codec);
    codes->offsets_ = lists.offsets;
    codes->memory_ = TRY(HugeMemory::Allocate(lists.rows.size() * codes->codec_.stride(), "the codes of a cluster index's rows"));
    if (metric != Metric::kIp) codes->squared_.resize(lists.rows.size());
    return codes;
  }

  CodeShape shape() const override { return {CodeKind::kScalar, 0}; }
  size_t memory_bytes() const override { return memory_.size_bytes() + (squared_.size() + offsets_.size() + 3 * mean_.size()) * 4; }

  void SetQuery(const float* query, CodeQuery* out) const override {
    const size_t dim = codec_.dim();
    out->vector.resize(dim);
    float squared = 0;
    for (size_t d = 0; d < dim; ++d) {
      out->vector[d] = query[d] - mean_[d];
      squared += out->vector[d] * out->vector[d];
    }
    codec_.SetQuery(out->vector.data(), &out->scalar);
    const float factor = metric_ == Metric::kIp ? -1.0f : -2.0f;
    out->step = factor * out->scalar.step;
    out->shift = factor * out->scalar.offset + (metric_ == Metric::kIp ? 0 : squared);
  }

  size_t Scan(const CodeQuery& query, size_t list, float /*centroid_key*/, float limit, float* keys, uint32_t* places) const override {
    const CodeKernel& kernel = BestKernels().codes;
    const size_t begin = offsets_[list], rows = offsets_[list + 1] - begin, stride = codec_.stride();
    size_t found = 0;
    float sums[4];
    for (size_t i = 0; i < rows; i += 4) {
      const size_t n = std::min<size_t>(4, rows - i);
      const uint8_t* const row = Row(begin + i);
      if (n == 4) {
        const uint8_t* const four[4] = {row, row + stride, row + 2 * stride, row + 3 * stride};
        kernel.four(four, query.scalar.high.data(), query.scalar.low.data(), stride, sums);
      } else {
        for (size_t j = 0; j < n; ++j) sums[j] = kernel.one(row + j * stride, query.scalar.high.data(), query.scalar.low.data(), stride);
      }
      for (size_t j = 0; j < n; ++j) {
        const float key = query.step * sums[j] + query.shift + (squared_.empty() ? 0.0f : squared_[begin + i + j]);
        if (!(key <= limit)) continue;
        keys[found] = key;
        places[found++] = static_cast<uint32_t>(i + j);
      }
    }
    return found;
  }

  void Prefetch(size_t list) const override {
    for (size_t line = 0; line < 8; ++line) __builtin_prefetch(Row(offsets_[list]) + line * 64);
  }

  void Exclude(size_t list, size_t place) override { squared_[offsets_[list] + place] = std::nanf(""); }

  std::vector<CodeSection> Sections() const override {
    std::vector<uint8_t> packed(offsets_.back() * codec_.dim());
    for (size_t i = 0; i < offsets_.back(); ++i) std::memcpy(packed.data() + i * codec_.dim(), Row(i), codec_.dim());
    std::vector<float> ranges(codec_.lows().begin(), codec_.lows().end());
    ranges.insert(ranges.end(), codec_.steps().begin(), codec_.steps().end());
    return {MakeSection(Section::kCodeHeader, std::vector<uint32_t>{static_cast<uint32_t>(CodeKind::kScalar), 0}),
            MakeSection(Section::kCodeBook, ranges), MakeSection(Section::kCodeRows, packed), MakeSection(Section::kCodeAdds, squared_)};
  }

  void EncodeList(const RowFloats& floats, const IvfLists& lists, size_t list, std::vector<float>* vector) {
    vector->resize(codec_.dim());
    for (size_t at = offsets_[list]; at < offsets_[list + 1]; ++at) {
      floats.Row(lists.rows[at], vector->data());
      for (size_t d = 0; d < codec_.dim(); ++d) (*vector)[d] -= mean_[d];
      const float squared = codec_.Encode(vector->data(), Row(at));
      if (!squared_.empty()) squared_[at] = squared;
    }
  }
  void Load(std::span<const uint8_t> packed, std::vector<float> squared) {
    for (size_t i = 0; i < offsets_.back(); ++i) std::memcpy(Row(i), packed.data() + i * codec_.dim(), codec_.dim());
    squared_ = std::move(squared);
  }

 private:
  uint8_t* Row(size_t at) const { return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(memory_.data())) + at * codec_.stride(); }

  Metric metric_ = Metric::kL2;
  ScalarCodec codec_;
  std::vector<float> mean_;
  std::vector<uint32_t> offsets_;
  HugeMemory memory_;
  std::vector<float> squared_;  // of what each code stands for; empty for IP
};

}  // namespace

Result<std::unique_ptr<ListCodes>> BuildScalarCodes(const VectorSource& source, Metric metric, const IvfLists& lists,
                                                    const BuildOptions& options) {
  const size_t dim = source.dim();
  const RowFloats floats(source, metric);
  const std::vector<float> mean = CentroidMean(lists, metric, dim);
  const std::vector<uint32_t> chosen = SampleRows(lists.rows, kSampleRows);
  std::vector<float> sample(chosen.size() * dim);
  for (size_t i = 0; i < chosen.size(); ++i) {
    floats.FiniteRow(chosen[i], sample.data() + i * dim);
    for (size_t d = 0; d < dim; ++d) sample[i * dim + d] -= mean[d];
  }
  auto codes = TRY(ScalarCodes::Make(ScalarCodec::Train(sample.data(), chosen.size(), dim), metric, lists));
  InPieces(lists.count(), kPieceLists, options.threads, options.context, [&](size_t begin, size_t end) {
    std::vector<float> vector;
    for (size_t list = begin; list < end; ++list) codes->EncodeList(floats, lists, list, &vector);
  });
  if (options.context != nullptr) TRY(options.context->Check());
  return std::unique_ptr<ListCodes>(std::move(codes));
}

Result<std::unique_ptr<ListCodes>> OpenScalarCodes(const IndexFileReader& file, const VectorSource& source, const IvfLists& lists) {
  const size_t dim = source.dim(), rows = lists.rows.size();
  const Metric metric = file.spec().metric;
  const auto ranges = TRY(file.Copy<float>(Section::kCodeBook, 2 * dim));
  const auto middle = ranges.begin() + static_cast<std::ptrdiff_t>(dim);
  auto codes = TRY(ScalarCodes::Make({{ranges.begin(), middle}, {middle, ranges.end()}}, metric, lists));
  const auto packed = TRY(file.View<uint8_t>(Section::kCodeRows, rows * dim));
  for (const uint8_t code : packed) {
    if (code > 127) return file.Damaged(Section::kCodeRows, internal::Join("a code of ", int{code}));
  }
  codes->Load(packed, TRY(file.Copy<float>(Section::kCodeAdds, metric == Metric::kIp ? 0 : rows)));
  return std::unique_ptr<ListCodes>(std::move(codes));
}

}  // namespace saker::index
