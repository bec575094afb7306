// 4-bit product codes of the residuals r = x - c, scanned by the fast-scan kernels.
//
// One set of tables serves every list: with m the mean of the centroids and r' what the code stands for,
//   |q - x|^2 = |q - c|^2 + |r|^2 - 2<q - c, r>, and <q - c, r> is estimated by <q - m, r'> - <c - m, r'>,
// of which the first product depends on the query alone and the second, with |r|^2, is a number of the row. For IP,
// <q, x> = <q, c> + <q, r>. A near neighbour has q - c much like r, so the code's error e = r - r' tells on average
// -2<r, e> more than nothing: a share of it is added to the row's number.
#include <atomic>
#include <cmath>
#include <cstring>

#include "index/ivf/list_codes.h"
#include "index/kernels/kernels.h"
#include "index/quantize/nibble_lists.h"
#include "index/quantize/product_codec.h"

namespace saker::index {
namespace {

constexpr size_t kSampleRows = 16384;
constexpr size_t kPieceLists = 16;
constexpr float kErrorShare = 0.5f;  // measured: recall at equal work has its top there, flat from 0.3 to 0.7

class ProductCodes final : public ListCodes {
 public:
  static Result<std::unique_ptr<ProductCodes>> Make(ProductCodec codec, Metric metric, const IvfLists& lists) {
    auto codes = std::make_unique<ProductCodes>();
    codes->metric_ = metric;
    codes->mean_ = CentroidMean(lists, metric, codec.dim());
    const auto terms = metric == Metric::kIp ? NibbleLists::Terms::kNone : NibbleLists::Terms::kAdd;
    codes->lists_ = TRY(NibbleLists::Allocate(lists.offsets, codec.subspaces(), terms));
    codes->codec_ = std::move(codec);
    return codes;
  }

  CodeShape shape() const override { return {CodeKind::kProduct, static_cast<uint32_t>(codec_.subspaces())}; }
  size_t memory_bytes() const override { return lists_.memory_bytes() + (codec_.codebook().size() + mean_.size()) * 4; }

  void SetQuery(const float* query, CodeQuery* out) const override {
    const size_t dim = codec_.dim();
    out->vector.resize(dim);
    for (size_t d = 0; d < dim; ++d) out->vector[d] = (query[d] - mean_[d]) * (metric_ == Metric::kIp ? -1.0f : -2.0f);
    out->floats.resize(codec_.subspaces() * 16);
    out->tables.resize(FastScanGroups(codec_.subspaces()) * 64);
    BestFastScan().tables(out->vector.data(), codec_.codebook().data(), codec_.subspaces(), codec_.sub_dim(), out->floats.data(),
                          out->tables.data(), &out->step, &out->offset);
  }

  size_t Scan(const CodeQuery& query, size_t list, float centroid_key, float limit, float* keys, uint32_t* places) const override {
    return lists_.Scan(list, {.tables = query.tables.data(), .base = centroid_key, .step = query.step, .offset = query.offset}, limit, keys,
                       places);
  }

  void Prefetch(size_t list) const override { lists_.Prefetch(list); }

  void Exclude(size_t list, size_t place) override { lists_.SetTerms(list, place, std::nanf(""), 1); }

  std::vector<CodeSection> Sections() const override {
    const std::vector<float> codebook(codec_.codebook().begin(), codec_.codebook().end());
    const std::vector<uint32_t> header = {static_cast<uint32_t>(CodeKind::kProduct), static_cast<uint32_t>(codec_.subspaces())};
    return {MakeSection(Section::kCodeHeader, header), MakeSection(Section::kCodeBook, codebook),
            MakeSection(Section::kCodeRows, lists_.PackedCodes()), MakeSection(Section::kCodeAdds, lists_.Adds())};
  }

  void EncodeList(const RowFloats& floats, const IvfLists& lists, size_t list) {
    const size_t dim = codec_.dim();
    const float* const centroid = lists.centroids.data() + list * dim;
    std::vector<float> residual(dim), decoded(dim);
    std::vector<uint8_t> codes(codec_.subspaces());
    const auto rows = lists.Rows(list);
    for (size_t i = 0; i < rows.size(); ++i) {
      floats.Row(rows[i], residual.data());
      for (size_t d = 0; d < dim; ++d) residual[d] -= centroid[d];
      codec_.Encode(residual.data(), codes.data());
      lists_.Set(list, i, codes.data());
      if (metric_ == Metric::kIp) continue;
      codec_.Decode(codes.data(), decoded.data());
      float squared = 0, with_centre = 0, with_decoded = 0;
      for (size_t d = 0; d < dim; ++d) {
        squared += residual[d] * residual[d];
        with_decoded += residual[d] * decoded[d];
        with_centre += (centroid[d] - mean_[d]) * decoded[d];
      }
      lists_.SetTerms(list, i, squared + 2 * with_centre - 2 * kErrorShare * (squared - with_decoded), 1);
    }
  }
  void Load(std::span<const uint8_t> packed, std::span<const float> adds) { lists_.Unpack(packed, adds, {}); }
  size_t row_bytes() const { return lists_.row_bytes(); }

 private:
  Metric metric_ = Metric::kL2;
  ProductCodec codec_;
  std::vector<float> mean_;
  NibbleLists lists_;
};

}  // namespace

Result<std::unique_ptr<ListCodes>> BuildProductCodes(size_t subspaces, const VectorSource& source, Metric metric, const IvfLists& lists,
                                                     const BuildOptions& options) {
  const size_t dim = source.dim();
  const RowFloats floats(source, metric);
  std::vector<uint32_t> list_of(source.row_count());
  for (size_t list = 0; list < lists.count(); ++list) {
    for (const uint32_t row : lists.Rows(list)) list_of[row] = static_cast<uint32_t>(list);
  }
  const std::vector<uint32_t> chosen = SampleRows(lists.rows, kSampleRows);
  std::vector<float> sample(chosen.size() * dim);
  for (size_t i = 0; i < chosen.size(); ++i) {
    floats.FiniteRow(chosen[i], sample.data() + i * dim);
    for (size_t d = 0; d < dim; ++d) sample[i * dim + d] -= lists.centroids[list_of[chosen[i]] * dim + d];
  }
  ProductCodec codec = ProductCodec::Train(sample.data(), chosen.size(), subspaces, dim / subspaces, options.threads);
  if (options.progress) options.progress(0.85);
  if (options.context != nullptr) TRY(options.context->Check());
  auto codes = TRY(ProductCodes::Make(std::move(codec), metric, lists));
  InPieces(lists.count(), kPieceLists, options.threads, options.context, [&](size_t begin, size_t end) {
    for (size_t list = begin; list < end; ++list) codes->EncodeList(floats, lists, list);
  });
  if (options.context != nullptr) TRY(options.context->Check());
  return std::unique_ptr<ListCodes>(std::move(codes));
}

Result<std::unique_ptr<ListCodes>> OpenProductCodes(size_t subspaces, const IndexFileReader& file, const VectorSource& source,
                                                    const IvfLists& lists) {
  const size_t rows = lists.rows.size();
  const Metric metric = file.spec().metric;
  auto codebook = TRY(file.Copy<float>(Section::kCodeBook, source.dim() * ProductCodec::kEntries));
  auto codes = TRY(ProductCodes::Make({subspaces, source.dim() / subspaces, std::move(codebook)}, metric, lists));
  const auto packed = TRY(file.View<uint8_t>(Section::kCodeRows, rows * codes->row_bytes()));
  codes->Load(packed, TRY(file.View<float>(Section::kCodeAdds, metric == Metric::kIp ? 0 : rows)));
  return std::unique_ptr<ListCodes>(std::move(codes));
}

}  // namespace saker::index
