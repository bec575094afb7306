// AUTOINDEX: the recall asked for holds on queries it has not seen, more is never less, and odd segments do no harm.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <limits>

#include "index/auto/auto_index.h"
#include "index/auto/effort_table.h"
#include "index/auto/profile.h"
#include "index/bench_data.h"
#include "index/capability.h"
#include "index/footprint.h"
#include "index/index_file.h"
#include "index/params.h"
#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 23;

std::unique_ptr<Index> Build(Metric metric, std::shared_ptr<const VectorSource> source, uint64_t memory_limit = 0) {
  BuildOptions options;
  options.threads = 2;
  options.memory_limit_bytes = memory_limit;
  return BuildIndex({"AUTOINDEX", metric, {}}, std::move(source), options).value();
}

std::shared_ptr<MemorySource> Clouds(size_t rows, size_t dim, size_t clouds, uint32_t seed) {
  std::mt19937 centres(kSeed), random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> means(clouds);
  for (auto& mean : means) mean = RandomFloats(centres, dim);
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, dim);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<float> values = means[random() % clouds];
    for (float& value : values) value += 0.5f * normal(random);
    source->AddFloats(values);
  }
  return source;
}

// Queries and the scores of their true neighbours, best first.
struct Asked {
  Metric metric;
  const VectorSource& queries;
  std::vector<std::vector<float>> truth;
};
Asked Ask(const VectorSource& source, Metric metric, const VectorSource& queries, size_t depth) {
  SearchRequest request;
  request.queries = queries.Contiguous();
  request.query_count = queries.row_count();
  request.k = depth;
  Asked asked{metric, queries, {}};
  const auto exact = ExactSearch(source, metric, request, Context()).value();
  for (const auto& hits : exact) {
    asked.truth.emplace_back();
    for (const Hit& hit : hits) asked.truth.back().push_back(hit.score);
  }
  return asked;
}

double Recall(const Index& index, const Asked& asked, size_t k, const Params& params, uint64_t* distances = nullptr) {
  SearchStats stats;
  size_t found = 0;
  for (size_t q = 0; q < asked.truth.size(); ++q) {
    SearchRequest request;
    request.queries = asked.queries.Row(q);
    request.k = k;
    request.params = params;
    const auto hits = index.Search(request, Context(), &stats).value()[0];
    EXPECT_EQ(hits.size(), k);
    const float last = asked.truth[q][k - 1], slack = 1e-6f * (1 + std::fabs(last));
    for (const Hit& hit : hits) found += SmallerIsBetter(asked.metric) ? hit.score <= last + slack : hit.score >= last - slack;
  }
  if (distances != nullptr) *distances = stats.distances;
  return static_cast<double>(found) / static_cast<double>(asked.truth.size() * k);
}

std::unique_ptr<Index> Reopen(const std::string& bytes, std::shared_ptr<const VectorSource> source) {
  StringFileSystem files;
  files.contents["a"] = bytes;
  return OpenIndex("a", files, std::move(source)).value();
}

std::string Saved(const Index& index) {
  StringFile file;
  EXPECT_TRUE(index.Save(file).ok());
  return file.contents;
}

TEST(EffortTableTest, GivesMoreEffortForMoreRecallAndBetweenMeasuredK) {
  const EffortTable table({{1, 512, 1.0f, 0.9f}, {1, 512, 1.1f, 0.99f}, {10, 512, 1.05f, 0.9f}, {10, 512, 1.2f, 0.99f}, {10, 2000, 0, 1}});
  EXPECT_FLOAT_EQ(table.For(1, 0.9).gamma, 1.0f);
  EXPECT_NEAR(table.For(1, 0.945).gamma, 1.05f, 1e-4);
  EXPECT_NEAR(table.For(5, 0.945).gamma, 1.125f, 1e-4);  // the dearer neighbour
  EXPECT_FLOAT_EQ(table.For(1, 0.999).gamma, 1.1f);      // the best there is
  EXPECT_EQ(table.For(10, 0.999).gamma, 0);
  EXPECT_EQ(table.For(40, 1.0).width, 8000u);
}

TEST(EffortTableTest, RefusesPointsThatCannotHaveBeenMeasured) {
  EXPECT_TRUE(EffortTable::Validate({{1, 512, 1.0f, 0.9f}, {1, 512, 1.1f, 0.9f}, {10, 4, 0, 0.5f}}).ok());
  EXPECT_FALSE(EffortTable::Validate({}).ok());
  EXPECT_FALSE(EffortTable::Validate({{0, 512, 1, 0.9f}}).ok());
  EXPECT_FALSE(EffortTable::Validate({{1, 0, 1, 0.9f}}).ok());
  EXPECT_FALSE(EffortTable::Validate({{1, 512, 0.4f, 0.9f}}).ok());
  EXPECT_FALSE(EffortTable::Validate({{1, 512, 1, 1.5f}}).ok());
  EXPECT_FALSE(EffortTable::Validate({{1, 512, 1, std::numeric_limits<float>::quiet_NaN()}}).ok());
  EXPECT_FALSE(EffortTable::Validate({{10, 512, 1, 0.9f}, {1, 512, 1, 0.9f}}).ok());
  EXPECT_FALSE(EffortTable::Validate({{1, 512, 1.2f, 0.9f}, {1, 512, 1.1f, 0.95f}}).ok());
}

TEST(AutoIndexTest, KeepsTheRecallAskedForOnQueriesNotSeen) {
  const auto source = Clouds(4000, 24, 30, 1), queries = Clouds(100, 24, 30, 2);
  for (const Metric metric : {Metric::kL2, Metric::kCosine}) {
    const auto index = Build(metric, source);
    const auto opened = Reopen(Saved(*index), source);
    const Asked asked = Ask(*source, metric, *queries, 100);
    for (const size_t k : {1, 10, 100}) {
      for (const char* target : {"0.9", "0.95", "0.99"}) {
        const double recall = Recall(*index, asked, k, {{"target_recall", target}});
        EXPECT_GE(recall, std::stod(target) - (k == 1 ? 0.03 : 0.015)) << MetricName(metric) << " k " << k;
        EXPECT_EQ(Recall(*opened, asked, k, {{"target_recall", target}}), recall);
      }
    }
  }
}

TEST(AutoIndexTest, KeepsTheRecallAskedForOnRealQueries) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "three builds of up to 20,000 rows, minutes under a sanitizer";
#endif
  const struct {
    const char* name;
    Metric metric;
  } sets[] = {{"glove100-20k", Metric::kCosine}, {"sift-photo-20k", Metric::kL2}, {"wordnet-use512-8k", Metric::kCosine}};
  for (const auto& set : sets) {
    const std::optional<std::string> folder = SharedFolder(set.name);
    if (!folder.has_value()) GTEST_SKIP() << "no shared data " << set.name;
    const auto source = ReadFloatSource(*folder + "/base");
    auto rows = ReadFloatRows(*folder + "/query");
    rows.resize(std::min<size_t>(rows.size(), 100));
    const FloatSource queries(rows);
    const auto index = Build(set.metric, source);
    const Asked asked = Ask(*source, set.metric, queries, 100);
    for (const size_t k : {1, 10, 100}) {
      for (const char* target : {"0.9", "0.95", "0.99"}) {
        const double recall = Recall(*index, asked, k, {{"target_recall", target}});
        EXPECT_GE(recall, std::stod(target) - (k == 1 ? 0.03 : 0.015)) << set.name << " k " << k;
      }
    }
  }
}

TEST(AutoIndexTest, AHigherLevelNeverDoesLess) {
  // More rows than are scanned whatever is asked.
  const auto source = Clouds(12000, 16, 5, 1), queries = Clouds(30, 16, 5, 2);
  const auto index = Build(Metric::kL2, source);
  const Asked asked = Ask(*source, Metric::kL2, *queries, 10);
  uint64_t before = 0, plain = 0, first = 0;
  for (int level = 1; level <= 10; ++level) {
    uint64_t distances = 0;
    EXPECT_GE(Recall(*index, asked, 10, {{"level", std::to_string(level)}}, &distances), 0.93);
    EXPECT_GE(distances, before) << "level " << level;
    before = distances;
    if (level == 1) first = distances;
  }
  Recall(*index, asked, 10, {}, &plain);
  EXPECT_EQ(plain, first);
  uint64_t narrow = 0, wide = 0;
  Recall(*index, asked, 10, {{"ef", "50"}}, &narrow);
  Recall(*index, asked, 10, {{"ef", "400"}}, &wide);
  EXPECT_LT(narrow, wide);
}

TEST(AutoIndexTest, ServesSegmentsAndQueriesOfEveryKind) {
  const auto far = std::make_shared<MemorySource>(VectorType::kFloat32, 8);
  far->AddFloats(std::vector<float>(8, 1e6f));
  far->AddFloats(std::vector<float>(8, 0));
  for (const size_t rows : {0, 1, 2, 999, 1300}) {
    const auto spread = Clouds(rows, 8, 3, 4);
    auto equal = std::make_shared<MemorySource>(VectorType::kFloat32, 8);
    auto wild = std::make_shared<MemorySource>(VectorType::kFloat32, 8);
    for (size_t row = 0; row < rows; ++row) {
      equal->AddFloats(std::vector<float>(8, 0.25f));
      std::vector<float> values(8, static_cast<float>(row));
      if (row % 50 == 7) values[3] = row % 100 == 7 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
      wild->AddFloats(values);
    }
    for (const auto& source : {spread, equal, wild}) {
      for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
        if (source == spread && rows > 1000) continue;  // other tests have such
        const auto index = Build(metric, source);
        for (size_t q = 0; q < far->row_count(); ++q) {
          SearchRequest request;
          request.queries = far->Row(q);
          request.k = 20;
          EXPECT_EQ(index->Search(request, Context()).value()[0].size(), std::min<size_t>(20, rows)) << rows << " " << MetricName(metric);
        }
      }
    }
  }
}

TEST(AutoIndexTest, TakesTheFastestFamilyThatFits) {
  const auto source = Clouds(4000, 64, 10, 1), queries = Clouds(40, 64, 10, 2);
  const Asked asked = Ask(*source, Metric::kL2, *queries, 10);
  uint64_t last = std::numeric_limits<uint64_t>::max();
  for (const auto& [limit, type] : {std::pair<uint64_t, const char*>{0, "HNSW"}, {700'000, "IVF_SQ8"}, {300'000, "SCANN"}}) {
    const auto index = Build(Metric::kL2, source, limit);
    EXPECT_EQ(dynamic_cast<const IndexInside&>(*index).Inside().spec().type, type);
    EXPECT_LT(index->memory_bytes(), last);
    last = index->memory_bytes();
    const auto opened = Reopen(Saved(*index), source);
    for (const Index* each : {index.get(), opened.get()}) {
      EXPECT_GE(Recall(*each, asked, 10, {{"target_recall", "0.95"}}), 0.93) << type;
    }
  }
  BuildOptions options;
  options.memory_limit_bytes = 10'000;
  const auto refused = BuildIndex({"AUTOINDEX", Metric::kL2, {}}, source, options);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(refused.status().message().find("FLAT fits"), std::string::npos) << refused.status().message();
}

TEST(AutoIndexTest, TakesAGraphOnDiskWhenNothingElseFits) {
  ASSERT_EQ(setenv("SAKER_DISK_DIRECT", "0", 1), 0);  // the disk of a test machine may be slow: its page cache is not
  const auto source = Clouds(6000, 64, 10, 1), queries = Clouds(60, 64, 10, 2);
  const Asked asked = Ask(*source, Metric::kL2, *queries, 10);
  const auto index = Build(Metric::kL2, source, 220'000);
  EXPECT_EQ(dynamic_cast<const IndexInside&>(*index).Inside().spec().type, "DISKANN");
  EXPECT_TRUE(ServedFromDisk(*index));
  EXPECT_LE(index->memory_bytes(), 250'000u);
  const std::filesystem::path path = std::filesystem::temp_directory_path() / ("saker-auto-test-" + std::to_string(getpid()));
  {
    const auto file = FileSystem::Posix().Create(path).value();
    ASSERT_TRUE(index->Save(*file).ok());
    ASSERT_TRUE(file->Sync().ok());
  }
  const StoredIndex stored = StoredIndexAt(path, FileSystem::Posix(), *source).value();
  EXPECT_TRUE(stored.on_disk);
  EXPECT_TRUE(StoredOnDisk(path, FileSystem::Posix()).value());
  EXPECT_GE(stored.loaded_bytes, index->memory_bytes());
  EXPECT_LE(stored.loaded_bytes, 500'000u) << "the pages stay on disk";
  const auto opened = OpenIndex(path, FileSystem::Posix(), source).value();
  std::filesystem::remove(path);  // an open index keeps its file
  double last = 0;
  for (const double target : {0.8, 0.95, 0.99}) {
    for (const Index* each : {index.get(), opened.get()}) {
      const double recall = Recall(*each, asked, 10, {{"target_recall", std::to_string(target)}});
      EXPECT_GE(recall, target - 0.03);
      EXPECT_GE(recall, last - 0.02);
      last = recall;
    }
  }
  SearchStats stats;
  SearchRequest request;
  request.queries = queries->Row(0);
  request.query_count = 1;
  request.k = 10;
  ASSERT_TRUE(opened->Search(request, Context(), &stats).ok());
  EXPECT_GT(stats.reads, 0u);
  unsetenv("SAKER_DISK_DIRECT");
}

TEST(ProfileTest, ADiskIsChosenOnlyWhereItIsFast) {
  const SegmentProfile profile{VectorType::kFloat32, 128, 1'000'000, 15};
  double rate = 50000;
  size_t asked = 0;
  const auto choose = [&](uint64_t memory, uint64_t build) {
    const auto disk = [&]() -> Result<double> {
      ++asked;
      return rate;
    };
    return ChooseIndex(profile, Metric::kL2, {memory, build, 1, disk});
  };
  EXPECT_EQ(choose(0, 0)->family, AutoFamily::kGraph);
  EXPECT_EQ(choose(60u << 20, 0)->family, AutoFamily::kProductLists);
  EXPECT_EQ(asked, 0u) << "the disk is measured only when nothing else fits";
  const auto disk = choose(30u << 20, 0);
  ASSERT_TRUE(disk.ok()) << disk.status().message();
  EXPECT_EQ(disk->family, AutoFamily::kDisk);
  EXPECT_LE(disk->memory_bytes, 30u << 20);
  EXPECT_EQ(choose(0, 500u << 20)->family, AutoFamily::kDisk) << "no graph in memory can be built";
  EXPECT_EQ(asked, 2u);
  rate = 900;
  const auto slow = choose(30u << 20, 0);
  EXPECT_EQ(slow.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(slow.status().message().find("900 reads a second"), std::string::npos) << slow.status().message();
  EXPECT_EQ(choose(1u << 20, 0).status().code(), StatusCode::kResourceExhausted);
}

TEST(AutoIndexTest, OpensFilesWithoutATableAndRefusesOnesWithABadOne) {
  const auto source = Clouds(3000, 16, 10, 1), queries = Clouds(40, 16, 10, 2);
  const IndexSpec outer{"AUTOINDEX", Metric::kL2, {}};
  const auto inner = BuildIndex({"HNSW", Metric::kL2, {}}, source, {}).value();
  const auto& graph = dynamic_cast<const SavedWithin&>(*inner);
  StringFile plain;
  ASSERT_TRUE(graph.SaveAs(outer, {}, plain).ok());
  EXPECT_GE(Recall(*Reopen(plain.contents, source), Ask(*source, Metric::kL2, *queries, 10), 10, {}), 0.95);

  struct {
    uint32_t family = 1, points = 1;
    float dimension = 5;
    uint32_t zero = 0;
  } header;
  EffortPoint point{10, 512, 1.05f, 0.9f};
  const auto open = [&] {
    const SectionBytes more[] = {{Section::kAutoHeader, std::as_bytes(std::span(&header, 1))},
                                 {Section::kAutoEfforts, std::as_bytes(std::span(&point, 1))}};
    StringFile file;
    EXPECT_TRUE(graph.SaveAs(outer, more, file).ok());
    StringFileSystem files;
    files.contents["a"] = file.contents;
    return OpenIndex("a", files, source).status().code();
  };
  EXPECT_EQ(open(), StatusCode::kOk);
  header.points = 2;
  EXPECT_EQ(open(), StatusCode::kDataLoss);
  header.points = 1;
  header.family = 9;
  EXPECT_EQ(open(), StatusCode::kDataLoss);
  header.family = 2;  // lists that are not there
  EXPECT_EQ(open(), StatusCode::kDataLoss);
  header.family = 1;
  point.gamma = -1;
  EXPECT_EQ(open(), StatusCode::kDataLoss);
}

// The released layout: a graph over rows by a formula, and a table. Written once, by SAKER_WRITE_GOLDEN=1.
TEST(AutoIndexTest, TheGoldenFileOpens) {
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 8);
  for (uint32_t row = 0; row < 180; ++row) {
    std::vector<float> values(8);
    for (uint32_t i = 0; i < 8; ++i) values[i] = static_cast<float>((row * (2 * i + 31) + i * 17) % 23) / 8 - 1.375f;
    source->AddFloats(values);
  }
  const std::string path = "tests/golden/index/auto_v1.idx";
  if (std::getenv("SAKER_WRITE_GOLDEN") != nullptr) {
    const auto inner = BuildIndex({"HNSW", Metric::kL2, {{"M", "4"}}}, source, {}).value();
    const uint32_t family = 1, count = 3, zero = 0;
    const float dimension = 6.5f;
    std::string header;
    for (const void* field : {static_cast<const void*>(&family), static_cast<const void*>(&count), static_cast<const void*>(&dimension),
                              static_cast<const void*>(&zero)}) {
      header.append(static_cast<const char*>(field), 4);
    }
    const EffortPoint points[] = {{1, 512, 0.9f, 0.8f}, {10, 512, 1.05f, 0.9f}, {10, 1536, 0, 0.999f}};
    const SectionBytes more[] = {{Section::kAutoHeader, std::as_bytes(std::span(header))},
                                 {Section::kAutoEfforts, std::as_bytes(std::span(points))}};
    StringFile file;
    ASSERT_TRUE(dynamic_cast<const SavedWithin&>(*inner).SaveAs({"AUTOINDEX", Metric::kL2, {}}, more, file).ok());
    std::ofstream(path, std::ios::binary) << file.contents;
  }
  const auto opened = OpenIndex(path, FileSystem::Posix(), source);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  std::ifstream in(path, std::ios::binary);
  EXPECT_EQ(Saved(**opened), std::string(std::istreambuf_iterator<char>(in), {})) << "the writer changed: a new version is needed";
  EXPECT_GE(Recall(**opened, Ask(*source, Metric::kL2, *source, 10), 10, {}), 0.95);
}

TEST(AutoIndexTest, AGraphOver128DimensionsTakesAtMost300BytesARow) {
  std::mt19937 random(kSeed);
  const auto source = RandomSource(random, VectorType::kFloat32, 128, 5000);
  const auto index = Build(Metric::kL2, source);
  EXPECT_LE(index->memory_bytes(), 5000 * 300u + 512 * 128);  // the entries' codes and the sets do not grow with the rows
}

TEST(ProfileTest, LongCodesOfFewDimensionsGetFewerLinks) {
  const auto links = [](size_t dim, double intrinsic) {
    return ChooseIndex({VectorType::kFloat32, dim, 100'000, intrinsic}, Metric::kCosine, {})->spec.params["M"];
  };
  EXPECT_EQ(links(384, 15), "12");
  EXPECT_EQ(links(768, 41), "18");
  EXPECT_EQ(links(128, 15), "18");
  EXPECT_EQ(links(384, 0), "18");  // unknown
}

TEST(ProfileTest, TheIntrinsicDimensionIsThatOfTheCloud) {
  std::mt19937 random(kSeed);
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 32);
  for (int row = 0; row < 6000; ++row) {  // a plane of four dimensions within 32
    std::vector<float> values(32);
    for (size_t i = 0; i < 4; ++i) values[i] = std::uniform_real_distribution<float>()(random);
    source->AddFloats(values);
  }
  const auto queries = DrawHeldOut(*source, Metric::kL2, {}).value();
  const double dimension = IntrinsicDimension(Metric::kL2, queries);
  EXPECT_GT(dimension, 2.8);
  EXPECT_LT(dimension, 5.0);
}

}  // namespace
}  // namespace saker::index
