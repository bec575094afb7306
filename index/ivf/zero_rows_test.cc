// Rows of zeros under COSINE rank as what they are, a cosine of 0, in every cluster index: new, saved, and from before they were kept
// apart.
#include "index/index_file.h"
#include "index/ivf/list_codes.h"
#include "index/scorer.h"
#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 31;
constexpr size_t kDim = 32, kQueries = 20, kRows = 3000;

struct Family {
  const char* type;
  std::map<std::string, std::string> build;
};
const Family kFamilies[] = {{"IVF_FLAT", {}}, {"IVF_SQ8", {}}, {"SCANN", {}}, {"IVF_PQ", {{"m", "16"}}}, {"IVF_RABITQ", {}}};

std::shared_ptr<MemorySource> WithZeros(std::mt19937& random, double share) {
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, kDim);
  for (size_t row = 0; row < kRows; ++row) {
    std::vector<float> values = RandomFloats(random, kDim);
    if (std::uniform_real_distribution<double>()(random) < share) values.assign(kDim, row % 2 == 0 ? 0.0f : -0.0f);
    source->AddFloats(values);
  }
  return source;
}

// Of all the lists, and of as many as hold a quarter of the rows.
void ExpectTrueNeighbours(const Index& index, const MemorySource& source, std::mt19937& random, const std::string& what) {
  const auto queries = RandomSource(random, VectorType::kFloat32, kDim, kQueries);
  for (const auto& [probes, floor] : {std::pair("64", 0.9), std::pair("16", 0.5)}) {
    for (const size_t together : {size_t{1}, kQueries}) {
      size_t found = 0;
      for (size_t q = 0; q < kQueries; q += together) {
        SearchRequest request;
        request.queries = queries->Row(q);
        request.query_count = together;
        request.params = {{"nprobe", probes}};
        const auto truth = ExactSearch(source, Metric::kCosine, request, Context()).value();
        const auto hits = index.Search(request, Context()).value();
        for (size_t i = 0; i < together; ++i) {
          ASSERT_EQ(hits[i].size(), 10u);
          for (const Hit& hit : hits[i]) found += hit.score >= truth[i].back().score ? 1 : 0;
        }
      }
      EXPECT_GE(static_cast<double>(found) / (10 * kQueries), floor) << what << " nprobe " << probes << " together " << together;
    }
  }
}

TEST(ZeroRowsTest, DoNotCrowdOutRowsWithAPositiveCosine) {
  std::mt19937 random(kSeed);
  for (const double share : {0.01, 0.3}) {
    const auto source = WithZeros(random, share);
    for (Family family : kFamilies) {
      family.build["nlist"] = "64";
      const auto index = BuildIndex({family.type, Metric::kCosine, family.build}, source, {}).value();
      ExpectTrueNeighbours(*index, *source, random, family.type);
      StringFile file;
      ASSERT_TRUE(index->Save(file).ok());
      StringFileSystem files;
      files.contents["a"] = file.contents;
      ExpectTrueNeighbours(*OpenIndex("a", files, source).value(), *source, random, std::string(family.type) + " opened");
    }
  }
}

// Until they were kept apart they stood in the lists of other rows and had codes like those.
TEST(ZeroRowsTest, InOldFilesNeither) {
  std::mt19937 random(kSeed);
  const auto source = WithZeros(random, 0.1);
  const auto dense = RandomSource(random, VectorType::kFloat32, kDim, kRows);
  const IvfLists lists = BuildIvfLists(*dense, Metric::kCosine, 64, {}).value();
  for (const CodeShape& shape : {CodeShape{CodeKind::kScalar, 0}, {CodeKind::kProduct, 16}, {CodeKind::kOneBit, 0}}) {
    const auto codes = BuildListCodes(shape, *source, Metric::kCosine, lists, {}).value();
    const std::vector<float> norms = InverseNorms(*source);
    const IndexSpec spec = {"SCANN", Metric::kCosine, {{"nlist", "64"}}};
    IndexFileWriter writer(spec, *source);
    writer.Add(Section::kCentroids, std::as_bytes(std::span(lists.centroids)));
    writer.Add(Section::kListOffsets, std::as_bytes(std::span(lists.offsets)));
    writer.Add(Section::kListRows, std::as_bytes(std::span(lists.rows)));
    writer.Add(Section::kInverseNorms, std::as_bytes(std::span(norms)));
    const auto sections = codes->Sections();
    for (const CodeSection& section : sections) writer.Add(section.section, section.bytes);
    StringFile file;
    ASSERT_TRUE(writer.Write(file).ok());
    StringFileSystem files;
    files.contents["old"] = file.contents;
    const auto index = OpenIndex("old", files, source).value();
    const auto queries = RandomSource(random, VectorType::kFloat32, kDim, kQueries);
    for (size_t q = 0; q < kQueries; ++q) {
      SearchRequest request;
      request.queries = queries->Row(q);
      request.params = {{"nprobe", "64"}};
      const auto hits = index->Search(request, Context()).value()[0];
      for (const Hit& hit : hits) EXPECT_GT(hit.score, 0) << "codes " << static_cast<uint32_t>(shape.kind);
    }
  }
}

// In two dimensions half of the rows are behind the query: after those before it come the zeros, the smallest rows first.
TEST(ZeroRowsTest, ComeBeforeRowsWithANegativeCosine) {
  std::mt19937 random(kSeed);
  const auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 2);
  for (size_t row = 0; row < kRows; ++row) source->AddFloats({row % 3 == 0 ? 0.0f : row % 100 == 1 ? 1.0f : -1.0f, 0.0f});
  const std::vector<float> query = {1, 0.5f};
  Bitset allowed(kRows);
  for (size_t row = 0; row < kRows; ++row) {
    if (row % 5 != 0) allowed.Set(row);
  }
  for (Family family : kFamilies) {
    family.build = {{"nlist", "16"}, {"m", "2"}, {"sub_dim", "1"}};
    const auto index = BuildIndex({family.type, Metric::kCosine, family.build}, source, {}).value();
    for (const Bitset* filter : {static_cast<const Bitset*>(nullptr), static_cast<const Bitset*>(&allowed)}) {
      SearchRequest request;
      request.queries = query.data();
      request.k = 100;
      request.allowed = filter;
      request.params = {{"nprobe", "16"}};
      const auto truth = ExactSearch(*source, Metric::kCosine, request, Context()).value()[0];
      const auto hits = index->Search(request, Context()).value()[0];
      ASSERT_EQ(hits.size(), truth.size());
      for (size_t i = 0; i < hits.size(); ++i) ASSERT_EQ(hits[i].row, truth[i].row) << family.type << " hit " << i;
    }
  }
}

}  // namespace
}  // namespace saker::index
