// 1-bit codes of the rotated residuals, scanned by the fast-scan kernels four dimensions at a time (RaBitQ: Gao and Long,
// SIGMOD 2024).
//
// With P the rotation, r = P(x - c) and o its signs, <r, v> is estimated by f * <o, v>, f = |r|^2 / sum|r_d|: unbiased over
// rotations, exact for v along r. As with product codes one set of tables serves every list, m being the centroids' mean:
//   |q - x|^2 = |q - c|^2 + |r|^2 - 2<r, P(q - c)>, and <o, P(q - c)> = <o, P(q - m)> - <o, P(c - m)>,
// where the last product is a number of the row. For IP, <q, x> = <q, c> + <r, Pq>. The tables hold a byte for each sum of
// four dimensions; narrower queries (rbq_query_bits) would not be faster.
#include <algorithm>
#include <cmath>

#include "index/ivf/list_codes.h"
#include "index/kernels/kernels.h"
#include "index/quantize/nibble_lists.h"
#include "index/quantize/rotation.h"

namespace saker::index {
namespace {

constexpr size_t kPieceLists = 16;
constexpr size_t kPart = 4;  // dimensions in one code

class BitCodes final : public ListCodes {
 public:
  static Result<std::unique_ptr<BitCodes>> Make(const VectorSource& source, Metric metric, const IvfLists& lists) {
    std::unique_ptr<BitCodes> codes(new BitCodes(source.dim(), metric));
    codes->mean_ = CentroidMean(lists, metric, source.dim());
    codes->rows_ = TRY(NibbleLists::Allocate(lists.offsets, codes->parts_, NibbleLists::Terms::kAddAndMultiply));
    return codes;
  }

  CodeShape shape() const override { return {CodeKind::kOneBit, 0}; }
  size_t memory_bytes() const override { return rows_.memory_bytes() + (mean_.size() + signs_.size()) * 4; }

  void SetQuery(const float* query, CodeQuery* out) const override {
    out->vector.assign(parts_ * kPart, 0.0f);
    const float factor = metric_ == Metric::kIp ? -1.0f : -2.0f;
    for (size_t d = 0; d < dim_; ++d) out->vector[d] = factor * (query[d] - mean_[d]);
    rotation_.Apply(out->vector.data());
    out->floats.resize(parts_ * 16);
    out->tables.resize(FastScanGroups(parts_) * 64);
    BestFastScan().tables(out->vector.data(), signs_.data(), parts_, kPart, out->floats.data(), out->tables.data(), &out->step,
                          &out->offset);
  }

  size_t Scan(const CodeQuery& query, size_t list, float centroid_key, float limit, float* keys, uint32_t* places) const override {
    return rows_.Scan(list, {.tables = query.tables.data(), .base = centroid_key, .step = query.step, .offset = query.offset}, limit, keys,
                      places);
  }

  void Prefetch(size_t list) const override { rows_.Prefetch(list); }

  void Exclude(size_t list, size_t place) override { rows_.SetTerms(list, place, std::nanf(""), 1); }

  std::vector<CodeSection> Sections() const override {
    return {MakeSection(Section::kCodeHeader, std::vector<uint32_t>{static_cast<uint32_t>(CodeKind::kOneBit), 0}),
            MakeSection(Section::kCodeBook, std::vector<float>()), MakeSection(Section::kCodeRows, rows_.PackedCodes()),
            MakeSection(Section::kCodeAdds, rows_.Adds()), MakeSection(Section::kCodeFactors, rows_.Multiplies())};
  }

  void EncodeList(const RowFloats& floats, const IvfLists& lists, size_t list) {
    const float* const centroid = lists.centroids.data() + list * dim_;
    std::vector<float> residual(dim_), centre(dim_);
    std::vector<uint8_t> codes(parts_);
    for (size_t d = 0; d < dim_; ++d) centre[d] = centroid[d] - mean_[d];
    rotation_.Apply(centre.data());
    const auto rows = lists.Rows(list);
    for (size_t i = 0; i < rows.size(); ++i) {
      floats.Row(rows[i], residual.data());
      for (size_t d = 0; d < dim_; ++d) residual[d] -= centroid[d];
      rotation_.Apply(residual.data());
      std::fill(codes.begin(), codes.end(), uint8_t{0});
      float squared = 0, sum = 0, with_centre = 0;
      for (size_t d = 0; d < dim_; ++d) {
        const bool positive = residual[d] > 0;
        if (positive) codes[d / kPart] = static_cast<uint8_t>(codes[d / kPart] | 1u << d % kPart);
        squared += residual[d] * residual[d];
        sum += std::fabs(residual[d]);
        with_centre += positive ? centre[d] : -centre[d];
      }
      // A row on its centroid has nothing to add; one that is not finite gets NaN and is never a candidate.
      const float factor = sum > 0 || std::isnan(sum) ? squared / sum : 0;
      rows_.Set(list, i, codes.data());
      rows_.SetTerms(list, i, metric_ == Metric::kIp ? 0 : squared + 2 * factor * with_centre, factor);
    }
  }
  void Load(std::span<const uint8_t> packed, std::span<const float> adds, std::span<const float> factors) {
    rows_.Unpack(packed, adds, factors);
  }
  size_t row_bytes() const { return rows_.row_bytes(); }

 private:
  BitCodes(size_t dim, Metric metric)
      : metric_(metric), dim_(dim), parts_((dim + kPart - 1) / kPart), rotation_(dim), signs_(parts_ * kPart * 16) {
    for (size_t d = 0; d < parts_ * kPart; ++d) {
      for (size_t code = 0; code < 16; ++code) signs_[d * 16 + code] = (code >> d % kPart & 1) != 0 ? 1.0f : -1.0f;
    }
  }

  const Metric metric_;
  const size_t dim_, parts_;
  const Rotation rotation_;
  std::vector<float> signs_;  // the code book: what each code says of each dimension
  std::vector<float> mean_;
  NibbleLists rows_;
};

}  // namespace

Result<std::unique_ptr<ListCodes>> BuildBitCodes(const VectorSource& source, Metric metric, const IvfLists& lists,
                                                 const BuildOptions& options) {
  const RowFloats floats(source, metric);
  auto codes = TRY(BitCodes::Make(source, metric, lists));
  InPieces(lists.count(), kPieceLists, options.threads, options.context, [&](size_t begin, size_t end) {
    for (size_t list = begin; list < end; ++list) codes->EncodeList(floats, lists, list);
  });
  if (options.context != nullptr) TRY(options.context->Check());
  return std::unique_ptr<ListCodes>(std::move(codes));
}

Result<std::unique_ptr<ListCodes>> OpenBitCodes(const IndexFileReader& file, const VectorSource& source, const IvfLists& lists) {
  const size_t rows = lists.rows.size();
  auto codes = TRY(BitCodes::Make(source, file.spec().metric, lists));
  const auto packed = TRY(file.View<uint8_t>(Section::kCodeRows, rows * codes->row_bytes()));
  const auto adds = TRY(file.View<float>(Section::kCodeAdds, rows));
  codes->Load(packed, adds, TRY(file.View<float>(Section::kCodeFactors, rows)));
  return std::unique_ptr<ListCodes>(std::move(codes));
}

}  // namespace saker::index
