// The cluster indexes with codes: right answers when everything is looked at, old files, what damage can do.
#include "index/index_file.h"
#include "index/ivf/lists.h"
#include "index/params.h"
#include "index/quantize/rotation.h"
#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 29;

// Rows around a few centres, so that lists differ.
std::shared_ptr<MemorySource> Clustered(std::mt19937& random, VectorType type, size_t dim, size_t rows) {
  std::vector<std::vector<float>> centres;
  for (int c = 0; c < 20; ++c) centres.push_back(RandomFloats(random, dim));
  auto source = std::make_shared<MemorySource>(type, dim);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<float> values = RandomFloats(random, dim);
    const auto& centre = centres[random() % centres.size()];
    for (size_t d = 0; d < dim; ++d) values[d] = centre[d] + 0.4f * values[d];
    source->AddFloats(values);
  }
  return source;
}

struct Family {
  const char* type;
  Params build;
  Params search;  // so wide that nothing is missed
};
const std::vector<Family>& Families() {
  static const std::vector<Family> families = {{"IVF_SQ8", {{"nlist", "20"}}, {{"nprobe", "20"}}},
                                               {"SCANN", {{"nlist", "20"}}, {{"nprobe", "20"}, {"reorder_k", "400"}}},
                                               {"SCANN", {{"nlist", "20"}, {"sub_dim", "1"}}, {{"nprobe", "20"}}},
                                               {"IVF_RABITQ", {{"nlist", "20"}}, {{"nprobe", "20"}, {"refine_k", "40"}}},
                                               {"IVF_PQ", {{"nlist", "20"}, {"m", "12"}, {"nbits", "8"}}, {{"nprobe", "20"}}},
                                               {"IVF_PQ", {{"nlist", "20"}, {"m", "12"}, {"nbits", "4"}}, {{"nprobe", "20"}}}};
  return families;
}

std::unique_ptr<Index> Build(const Family& family, Metric metric, std::shared_ptr<const VectorSource> source) {
  BuildOptions options;
  options.threads = 2;
  auto index = BuildIndex({family.type, metric, family.build}, std::move(source), options);
  EXPECT_TRUE(index.ok()) << family.type << ": " << index.status().ToString();
  return std::move(index).value();
}

TEST(IvfTest, ProbingEveryListFindsWhatBruteForceFinds) {
  std::mt19937 random(kSeed);
  for (const VectorType type : {VectorType::kFloat32, VectorType::kFloat16, VectorType::kBFloat16, VectorType::kInt8}) {
    const auto source = Clustered(random, type, 24, 2000), queries = Clustered(random, type, 24, 30);
    for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
      for (const Family& family : Families()) {
        const auto index = Build(family, metric, source);
        size_t found = 0;
        for (size_t q = 0; q < queries->row_count(); ++q) {
          SearchRequest request;
          request.queries = q % 2 == 0 ? source->Row(q * 7) : queries->Row(q);
          request.params = family.search;
          const auto truth = ExactSearch(*source, metric, request, Context()).value()[0];
          const auto hits = index->Search(request, Context()).value()[0];
          ASSERT_EQ(hits.size(), truth.size());
          for (const Hit& hit : hits) {
            const float last = truth.back().score;
            found += (SmallerIsBetter(metric) ? hit.score <= last : hit.score >= last) ? 1 : 0;
          }
        }
        EXPECT_GE(found, queries->row_count() * 10 * 97 / 100)
            << family.type << " " << MetricName(metric) << " type " << static_cast<int>(type) << " seed " << kSeed;
      }
    }
  }
}

TEST(IvfTest, AReorderOfEveryRowIsExact) {
  std::mt19937 random(kSeed);
  const auto source = Clustered(random, VectorType::kFloat32, 10, 1500);
  for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
    const auto index = Build({"SCANN", {{"nlist", "20"}}, {}}, metric, source);
    SearchRequest request;
    request.queries = source->Row(0);
    request.query_count = 20;
    request.params = {{"nprobe", "20"}, {"reorder_k", "1499"}};
    const auto truth = ExactSearch(*source, metric, request, Context()).value();
    const auto results = index->Search(request, Context()).value();
    for (size_t q = 0; q < truth.size(); ++q) {
      for (size_t i = 0; i < truth[q].size(); ++i) {
        EXPECT_EQ(results[q][i].row, truth[q][i].row);
        EXPECT_EQ(results[q][i].score, truth[q][i].score);
      }
    }
  }
}

TEST(IvfTest, RowsBeyondFloatsAndQueriesOfZerosStillGiveKResults) {
  std::mt19937 random(kSeed);
  for (const Family& family : Families()) {
    for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
      const auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 24);
      for (size_t row = 0; row < 900; ++row) {
        std::vector<float> values = RandomFloats(random, 24);
        if (row % 3 == 0) values.assign(24, row % 2 == 0 ? 1e30f : 0.0f);
        source->AddFloats(values);
      }
      const auto index = Build(family, metric, source);
      for (const float value : {0.0f, 1.0f, 1e20f, 1e30f}) {
        const std::vector<float> query(24, value);
        SearchRequest request;
        request.queries = query.data();
        request.k = 700;
        const auto hits = index->Search(request, Context()).value()[0];
        ASSERT_EQ(hits.size(), 700u) << family.type << " " << MetricName(metric) << " " << value;
        std::vector<bool> seen(900);
        for (const Hit& hit : hits) {
          EXPECT_FALSE(seen[hit.row]);
          seen[hit.row] = true;
        }
      }
    }
  }
}

TEST(IvfTest, CodesAreSmallerThanTheVectors) {
  std::mt19937 random(kSeed);
  const auto source = Clustered(random, VectorType::kFloat32, 128, 4000);
  const auto bytes = [&](const Family& family) { return static_cast<double>(Build(family, Metric::kL2, source)->memory_bytes()) / 4000; };
  EXPECT_LT(bytes({"IVF_FLAT", {{"nlist", "20"}}, {}}), 10);
  EXPECT_LT(bytes({"IVF_SQ8", {{"nlist", "20"}}, {}}), 128 + 20);
  EXPECT_LT(bytes({"SCANN", {{"nlist", "20"}}, {}}), 32 + 24);
  EXPECT_LT(bytes({"IVF_PQ", {{"nlist", "20"}, {"m", "8"}}, {}}), 8 + 20);
  EXPECT_LT(bytes({"IVF_RABITQ", {{"nlist", "20"}}, {}}), 16 + 24);
}

// Before there were codes every one of these types was written as lists of rows.
TEST(IvfTest, AFileWithoutCodesIsSearchedExactly) {
  std::mt19937 random(kSeed);
  const auto source = Clustered(random, VectorType::kFloat32, 8, 600);
  const IvfLists lists = BuildIvfLists(*source, Metric::kL2, 8, {}).value();
  for (const char* type : {"IVF_SQ8", "IVF_PQ", "IVF_RABITQ", "SCANN"}) {
    const IndexSpec spec = {type, Metric::kL2, {{"nlist", "8"}, {"m", "4"}}};
    IndexFileWriter writer(spec, *source);
    writer.Add(Section::kCentroids, std::as_bytes(std::span(lists.centroids)));
    writer.Add(Section::kListOffsets, std::as_bytes(std::span(lists.offsets)));
    writer.Add(Section::kListRows, std::as_bytes(std::span(lists.rows)));
    writer.Add(Section::kInverseNorms, {});
    StringFile file;
    ASSERT_TRUE(writer.Write(file).ok());
    StringFileSystem files;
    files.contents["old"] = file.contents;
    const auto index = OpenIndex("old", files, source);
    ASSERT_TRUE(index.ok()) << type << ": " << index.status().ToString();
    SearchRequest request;
    request.queries = source->Row(3);
    request.params = {{"nprobe", "8"}};
    const auto truth = ExactSearch(*source, Metric::kL2, request, Context()).value()[0];
    const auto hits = (*index)->Search(request, Context()).value()[0];
    for (size_t i = 0; i < truth.size(); ++i) EXPECT_EQ(hits[i].row, truth[i].row);
  }
}

TEST(IvfTest, ARotationKeepsLengthsAndSpreadsEveryElement) {
  std::mt19937 random(kSeed);
  for (const size_t dim : {1, 2, 3, 5, 24, 100, 128, 200}) {
    const Rotation rotation(dim);
    std::vector<float> a = RandomFloats(random, dim), b = RandomFloats(random, dim), one(dim, 0.0f);
    const auto product = [&](const std::vector<float>& x, const std::vector<float>& y) {
      double sum = 0;
      for (size_t d = 0; d < dim; ++d) sum += static_cast<double>(x[d]) * static_cast<double>(y[d]);
      return sum;
    };
    const double before = product(a, b), length = product(a, a);
    rotation.Apply(a.data());
    rotation.Apply(b.data());
    EXPECT_NEAR(product(a, b), before, 1e-4 * static_cast<double>(dim)) << dim;
    EXPECT_NEAR(product(a, a), length, 1e-5 * length + 1e-6) << dim;
    one[dim / 2] = 1;
    rotation.Apply(one.data());
    if (dim >= 100) {
      for (const float x : one) EXPECT_LT(std::fabs(x), 0.6f) << dim;
    }
  }
}

// What a file with right checksums may still say wrongly.
TEST(IvfTest, CodesThatMakeNoSenseAreRefused) {
  std::mt19937 random(kSeed);
  const auto source = Clustered(random, VectorType::kFloat32, 8, 600);
  const IvfLists lists = BuildIvfLists(*source, Metric::kL2, 8, {}).value();
  struct Case {
    std::vector<uint32_t> header;
    size_t book, rows, adds;
    uint8_t code;
    bool right;
    size_t factors = 0;
  };
  const std::vector<Case> cases = {{{1, 0}, 16, 600 * 8, 600, 127, true},
                                   {{1, 0}, 16, 600 * 8, 600, 128, false},
                                   {{1, 0}, 15, 600 * 8, 600, 0, false},
                                   {{1, 0}, 16, 600 * 8 - 1, 600, 0, false},
                                   {{1, 0}, 16, 600 * 8, 599, 0, false},
                                   {{1, 3}, 16, 600 * 8, 600, 0, false},
                                   {{2, 4}, 128, 600 * 2, 600, 255, true},
                                   {{2, 4}, 127, 600 * 2, 600, 0, false},
                                   {{2, 4}, 128, 600 * 2, 0, 0, false},
                                   {{2, 3}, 128, 600 * 2, 600, 0, false},
                                   {{2, 0}, 128, 600 * 2, 600, 0, false},
                                   {{2, 4, 1}, 128, 600 * 2, 600, 0, false},
                                   {{3, 0}, 0, 600, 600, 255, true, 600},
                                   {{3, 0}, 0, 600, 600, 0, false, 599},
                                   {{3, 0}, 0, 599, 600, 0, false, 600},
                                   {{3, 2}, 0, 600, 600, 0, false, 600},
                                   {{0, 0}, 0, 0, 0, 0, false},
                                   {{77, 0}, 16, 600 * 8, 600, 0, false}};
  for (const Case& one : cases) {
    const IndexSpec spec = {"SCANN", Metric::kL2, {{"nlist", "8"}}};
    const std::vector<float> book(one.book, 0.5f), adds(one.adds, 1.0f);
    const std::vector<uint8_t> codes(one.rows, one.code);
    IndexFileWriter writer(spec, *source);
    writer.Add(Section::kCentroids, std::as_bytes(std::span(lists.centroids)));
    writer.Add(Section::kListOffsets, std::as_bytes(std::span(lists.offsets)));
    writer.Add(Section::kListRows, std::as_bytes(std::span(lists.rows)));
    writer.Add(Section::kCodeHeader, std::as_bytes(std::span(one.header)));
    writer.Add(Section::kCodeBook, std::as_bytes(std::span(book)));
    writer.Add(Section::kCodeRows, std::as_bytes(std::span(codes)));
    writer.Add(Section::kCodeAdds, std::as_bytes(std::span(adds)));
    const std::vector<float> factors(one.factors, 1.0f);
    writer.Add(Section::kCodeFactors, std::as_bytes(std::span(factors)));
    StringFile file;
    ASSERT_TRUE(writer.Write(file).ok());
    StringFileSystem files;
    files.contents["a"] = file.contents;
    const auto index = OpenIndex("a", files, source);
    EXPECT_EQ(index.status().code(), one.right ? StatusCode::kOk : StatusCode::kDataLoss)
        << one.header[0] << " " << one.header[1] << ": " << index.status().ToString();
  }
}

}  // namespace
}  // namespace saker::index
