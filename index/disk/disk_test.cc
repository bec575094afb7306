// The graph on disk: its parts one by one, then the index against brute force, through every way of reading, with faults.
#include <fcntl.h>
#include <stdlib.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "common/fault_file.h"
#include "index/disk/disk_build.h"
#include "index/disk/disk_index.h"
#include "index/disk/packing.h"
#include "index/disk/page_ranker.h"
#include "index/disk/page_reader.h"
#include "index/disk/partition.h"
#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 23;

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "saker-disk-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  size_t files() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {})); }

 private:
  std::string path_;
};

// Real vectors lie in clusters; whole numbers are kept in bytes.
std::shared_ptr<MemorySource> Clustered(size_t rows, size_t dim, VectorType type = VectorType::kFloat32, bool whole = false) {
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> centres(40, std::vector<float>(dim));
  for (auto& centre : centres) {
    for (float& value : centre) value = normal(random);
  }
  auto source = std::make_shared<MemorySource>(type, dim);
  for (size_t row = 0; row < rows; ++row) {
    std::vector<float> values = centres[random() % centres.size()];
    for (float& value : values) {
      value += 0.4f * normal(random);
      if (whole) value = std::round(std::clamp(10 * value, -60.0f, 60.0f)) + 0.0f;
    }
    source->AddFloats(values);
  }
  return source;
}

std::unique_ptr<Index> BuildDisk(const std::shared_ptr<const VectorSource>& source, Metric metric,
                                 const std::map<std::string, std::string>& params = {}, BuildOptions options = {}) {
  auto index = BuildIndex({"DISKANN", metric, params}, source, options);
  EXPECT_TRUE(index.ok()) << index.status().ToString();
  return index.ok() ? std::move(*index) : nullptr;
}

void SaveTo(const Index& index, const std::string& path) {
  const auto file = FileSystem::Posix().Create(path).value();
  const Status saved = index.Save(*file);
  ASSERT_TRUE(saved.ok()) << saved.ToString();
  ASSERT_TRUE(file->Sync().ok());
}

void ExpectContract(const VectorSource& source, const SearchRequest& request, const Index& index) {
  const Metric metric = index.spec().metric;
  const auto hits = index.Search(request, Context());
  ASSERT_TRUE(hits.ok()) << hits.status().ToString();
  const auto truth = ExactSearch(source, metric, request, Context()).value();
  for (size_t q = 0; q < request.query_count; ++q) {
    ASSERT_EQ((*hits)[q].size(), truth[q].size());
    SearchRequest single = request;
    single.queries = static_cast<const char*>(request.queries) + q * RowBytes(source.type(), source.dim());
    single.query_count = 1;
    single.k = std::max<size_t>(source.row_count(), 1);
    std::map<uint32_t, float> scores;
    const auto all = ExactSearch(source, metric, single, Context()).value();
    for (const Hit& hit : all[0]) scores[hit.row] = hit.score;
    for (size_t i = 0; i < (*hits)[q].size(); ++i) {
      const Hit& hit = (*hits)[q][i];
      ASSERT_TRUE(scores.contains(hit.row)) << "row " << hit.row << " twice or not allowed";
      EXPECT_EQ(hit.score, scores[hit.row]) << "not the exact score";
      scores.erase(hit.row);
      if (i == 0) continue;
      const Hit& before = (*hits)[q][i - 1];
      const bool ordered = SmallerIsBetter(metric) ? before.score < hit.score : before.score > hit.score;
      EXPECT_TRUE(ordered || (before.score == hit.score && before.row < hit.row));
    }
  }
}

double RecallOf(const Index& index, const VectorSource& source, const SearchRequest& base, size_t queries = 60) {
  size_t found = 0, wanted = 0;
  for (size_t q = 0; q < queries; ++q) {
    SearchRequest request = base;
    request.queries = source.Row(q * source.row_count() / queries);
    const auto truth = ExactSearch(source, index.spec().metric, request, Context()).value()[0];
    const auto hits = index.Search(request, Context()).value()[0];
    EXPECT_EQ(hits.size(), truth.size());
    wanted += truth.size();
    for (const Hit& hit : hits) {
      found += (SmallerIsBetter(index.spec().metric) ? hit.score <= truth.back().score : hit.score >= truth.back().score) ? 1 : 0;
    }
  }
  return static_cast<double>(found) / static_cast<double>(std::max<size_t>(wanted, 1));
}

TEST(DiskPageTest, APageHoldsWhatWasWrittenAndKnowsItsPlace) {
  std::mt19937 random(kSeed);
  for (const VectorType type : {VectorType::kFloat32, VectorType::kFloat16, VectorType::kBFloat16}) {
    for (const size_t dim : {1, 3, 100, 1100, 9000}) {
      for (const bool whole : {false, true}) {
        const auto source = Clustered(40, dim, type, whole);
        int32_t lowest = 0;
        const VectorEncoding encoding = ChooseEncoding(*source, &lowest);
        EXPECT_EQ(encoding == VectorEncoding::kBytes, whole);
        PageShape shape = PageShape::For(type, dim, encoding, 7, 40);
        shape.lowest = lowest;
        shape.salt = random();
        ASSERT_TRUE(shape.Validate(type, dim, 40).ok());
        PageWriter writer(shape, type, dim);
        for (uint64_t page = 0; page < shape.pages(); ++page) {
          writer.Start();
          const uint32_t first = static_cast<uint32_t>(page) * shape.nodes, count = std::min(shape.nodes, 40 - first);
          const uint32_t links[] = {first, 39, 0};
          for (uint32_t node = 0; node < count; ++node) writer.Add(source->Row(first + node), first + node, links, node % 4);
          const std::span<const std::byte> sealed = writer.Seal(page);
          std::vector<std::byte> bytes(sealed.begin(), sealed.end());
          const PageView view(shape, bytes.data());
          ASSERT_TRUE(view.Intact(page, 40));
          EXPECT_FALSE(view.Intact(page + 1, 40));
          for (uint32_t node = 0; node < count; ++node) {
            std::vector<char> row(RowBytes(type, dim));
            DecodeVector(shape, type, dim, view.Vector(node), row.data());
            EXPECT_EQ(std::memcmp(row.data(), source->Row(first + node), row.size()), 0);
            uint32_t read[7];
            size_t known = 0;
            ASSERT_TRUE(view.Links(node, read, &known));
            ASSERT_EQ(known, node % 4);
            EXPECT_TRUE(std::equal(read, read + known, links));
          }
          for (int flip = 0; flip < 20; ++flip) {
            const size_t at = random() % bytes.size();
            bytes[at] ^= std::byte{16};
            EXPECT_FALSE(view.Intact(page, 40)) << at;
            bytes[at] ^= std::byte{16};
          }
        }
      }
    }
  }
}

TEST(DiskPageTest, NumbersThatBytesCannotHoldStayAsTheyAre) {
  for (const float odd : {0.5f, -0.0f, 300.0f, 1e9f}) {
    auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 2);
    source->AddFloats({1, 2});
    source->AddFloats({odd, 3});
    int32_t lowest = 0;
    EXPECT_EQ(ChooseEncoding(*source, &lowest), VectorEncoding::kRaw) << odd;
  }
}

TEST(DiskPackingTest, EveryNodeHasOnePlaceAndNeighboursShareAPage) {
  std::mt19937 random(kSeed);
  for (const uint32_t nodes : {1u, 2u, 99u, 1000u}) {
    // A ring under shuffled numbers.
    std::vector<uint32_t> name(nodes), links(nodes * 2);
    std::iota(name.begin(), name.end(), 0u);
    std::shuffle(name.begin(), name.end(), random);
    for (uint32_t i = 0; i < nodes; ++i) {
      links[name[i] * 2] = name[(i + 1) % nodes];
      links[name[i] * 2 + 1] = name[(i + nodes - 1) % nodes];
    }
    std::vector<uint32_t> order = PackNodes(links.data(), nodes, 2, 10, 3);
    size_t together = 0;
    for (size_t i = 1; i < order.size(); ++i) {
      together += links[order[i] * 2] == order[i - 1] || links[order[i] * 2 + 1] == order[i - 1] ? 1 : 0;
    }
    EXPECT_GE(2 * together + 2, order.size());
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order.size(), nodes);
    for (uint32_t i = 0; i < nodes; ++i) EXPECT_EQ(order[i], i);
  }
}

TEST(DiskPartitionTest, PartsOverlapAndNoneIsTooLarge) {
  const auto source = Clustered(3000, 8);
  std::vector<uint32_t> rows(3000);
  std::iota(rows.begin(), rows.end(), 0u);
  for (const size_t part_rows : {700, 2000, 2999}) {
    const Partition partition = PartitionRows(*source, Metric::kL2, rows, part_rows, 1000, {}).value();
    std::vector<size_t> size(partition.parts);
    size_t overlapping = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      ++size[partition.home[i]];
      if (partition.second[i] == partition.home[i]) continue;
      ++size[partition.second[i]];
      ++overlapping;
    }
    EXPECT_GE(overlapping, 2500u);
    for (const size_t one : size) EXPECT_LE(one, part_rows);
  }
}

TEST(DiskReaderTest, EveryEngineReadsWhatIsThere) {
  TestFolder folder;
  std::mt19937 random(kSeed);
  std::string text(64 * 4096 + 100, '\0');
  for (char& c : text) c = static_cast<char>(random());
  std::ofstream(folder / "pages", std::ios::binary) << text;
  const auto file = FileSystem::Posix().OpenDirect(folder / "pages").value();
  std::vector<std::unique_ptr<PageReader>> readers;
  readers.push_back(MakeThreadsReader());
  if (auto uring = MakeUringReader(); uring.ok()) {
    readers.push_back(std::move(*uring));
  } else {
    std::printf("no io_uring here: %s\n", uring.status().message().c_str());
  }
  for (const auto& reader : readers) {
    SCOPED_TRACE(reader->engine());
    ASSERT_TRUE(reader->SetBufferBytes(8192).ok());
    for (int round = 0; round < 20; ++round) {
      std::vector<uint64_t> offsets(PageReader::kDepth);
      for (uint32_t buffer = 0; buffer < PageReader::kDepth; ++buffer) {
        offsets[buffer] = random() % 65 * 4096;
        reader->Queue(*file, offsets[buffer], 8192, buffer);
      }
      std::vector<PageReader::Done> done;
      while (done.size() < PageReader::kDepth) ASSERT_TRUE(reader->Wait(&done).ok());
      EXPECT_EQ(reader->in_flight(), 0u);
      for (const PageReader::Done& one : done) {
        const size_t expected = std::min<size_t>(8192, text.size() - offsets[one.buffer]);
        ASSERT_EQ(one.result, static_cast<int>(expected));
        EXPECT_EQ(std::memcmp(reader->Buffer(one.buffer), text.data() + offsets[one.buffer], expected), 0);
      }
    }
  }
}

TEST(DiskCacheTest, KeepsWhatIsUsedWithinItsBudget) {
  const auto cache = PageCache::Make(64 * (4096 + 64), 4096).value();
  EXPECT_LE(cache->memory_bytes(), 64u * (4096 + 64));
  std::vector<std::byte> page(4096), read(4096);
  for (uint64_t p = 0; p < 5000; ++p) {
    std::memcpy(page.data(), &p, sizeof p);
    cache->Put(p, page.data());
    if (!cache->Get(p - p % 3, read.data())) continue;
    const uint64_t held = p - p % 3;
    EXPECT_EQ(std::memcmp(read.data(), &held, sizeof held), 0);
  }
  size_t kept = 0;
  for (uint64_t p = 0; p < 5000; ++p) kept += cache->Get(p, read.data()) ? 1 : 0;
  EXPECT_EQ(kept, 64u);
  EXPECT_FALSE(PageCache::Make(100, 4096).value()->Get(1, read.data()));
}

TEST(DiskRankerTest, APageIsWorthWhatItsRowsPromise) {
  PageRanker ranker;
  ranker.Reset(Metric::kL2, 2, 10);
  ranker.Begin();
  EXPECT_TRUE(ranker.Add(7, 5.0f));
  EXPECT_TRUE(ranker.Add(3, 6.0f));
  EXPECT_EQ(ranker.Best(5)[0].page, 7u) << "the nearest, while nothing is known";
  for (const float key : {9.0f, 1.0f, 4.0f, 8.0f}) ranker.Found(key);  // the second best is 4
  for (int i = 0; i < 50; ++i) ranker.Learn(i % 2 == 0 ? 4.2f : 3.8f, 4.0f);
  ASSERT_TRUE(ranker.knows());
  ranker.Begin();
  EXPECT_TRUE(ranker.Add(1, 3.0f));
  EXPECT_TRUE(ranker.Add(2, 3.5f));
  EXPECT_TRUE(ranker.Add(5, 3.6f));
  EXPECT_TRUE(ranker.Add(5, 3.7f));
  EXPECT_TRUE(ranker.Add(2, 3.9f));
  EXPECT_FALSE(ranker.Add(9, 8.0f)) << "no row so far away was ever near";
  const auto best = ranker.Best(3);
  ASSERT_EQ(best.size(), 3u);
  EXPECT_EQ(best[0].page, 1u);
  EXPECT_GT(best[0].value, best[1].value);
  EXPECT_GT(best[1].value, best[2].value);
  ranker.Reset(Metric::kIp, 1, 10);
  EXPECT_FALSE(ranker.knows());
}

TEST(DiskIndexTest, SmallAndOddShapesAnswerInFull) {
  std::mt19937 random(kSeed);
  for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
    for (const VectorType type : {VectorType::kFloat32, VectorType::kFloat16, VectorType::kBFloat16, VectorType::kInt8}) {
      for (const size_t dim : {1, 5, 130}) {
        const PageShape shape = PageShape::For(type, dim, VectorEncoding::kRaw, 32, 1000);
        for (const size_t rows : {size_t{0}, size_t{1}, size_t{2}, size_t{shape.nodes - 1}, size_t{shape.nodes}, size_t{shape.nodes + 1}}) {
          const auto source = RandomSource(random, type, dim, rows);
          const auto index = BuildDisk(source, metric);
          const auto query = RandomSource(random, type, dim, 3);
          StringFile file;
          ASSERT_TRUE(index->Save(file).ok());
          StringFileSystem files;
          files.contents["a"] = file.contents;
          const auto opened = OpenIndex("a", files, source);
          ASSERT_TRUE(opened.ok()) << opened.status().ToString();
          for (const size_t k : {size_t{1}, rows, rows + 1}) {
            if (k == 0) continue;
            SearchRequest request;
            request.queries = query->Row(0);
            request.query_count = 3;
            request.k = k;
            ExpectContract(*source, request, *index);
            ExpectContract(*source, request, **opened);
          }
        }
      }
    }
  }
}

TEST(DiskIndexTest, FindsNearlyAllWithAndWithoutFiltersAndHoles) {
  std::mt19937 random(kSeed);
  for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
    for (const VectorType type : {VectorType::kFloat32, VectorType::kFloat16, VectorType::kInt8}) {
      const bool whole = type != VectorType::kFloat32;
      const auto source = Clustered(5000, 24, type, whole);
      if (whole) source->validity = RandomBits(random, 5000, 0.9);
      const auto index = BuildDisk(source, metric);
      SearchRequest request;
      EXPECT_GE(RecallOf(*index, *source, request), 0.95) << MetricName(metric) << whole;
      ExpectContract(
          *source,
          [&] {
            request.queries = source->Row(3);
            return request;
          }(),
          *index);
      for (const double share : {0.7, 0.2, 0.01, 0.001}) {
        const Bitset allowed = RandomBits(random, 5000, share);
        request.allowed = &allowed;
        EXPECT_GE(RecallOf(*index, *source, request), 0.95) << MetricName(metric) << share;
        ExpectContract(
            *source,
            [&] {
              request.queries = source->Row(4);
              return request;
            }(),
            *index);
      }
      request.allowed = nullptr;
      request.k = 300;
      request.radius = metric == Metric::kL2 ? (whole ? 2000.0f : 20.0f) : 0.3f;
      ExpectContract(
          *source,
          [&] {
            request.queries = source->Row(5);
            return request;
          }(),
          *index);
    }
  }
}

// A filter that leaves just what a walk would not come to: the half of the rows farthest from the query, the last tenth.
TEST(DiskIndexTest, AFilterOfWhatIsFarFindsAsMuchAsNone) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine}) {
    const auto source = Clustered(5000, 24, VectorType::kFloat32, false);
    const auto index = BuildDisk(source, metric);
    for (const size_t left : {size_t{2500}, size_t{500}, size_t{50}}) {
      size_t found = 0, wanted = 0;
      for (const size_t row : {7, 1003, 2501, 3777, 4990}) {
        SearchRequest request;
        request.queries = source->Row(row);
        request.query_count = 1;
        request.k = 5000;
        const std::vector<Hit> order = ExactSearch(*source, metric, request, Context()).value()[0];
        Bitset allowed(5000);
        for (size_t i = order.size() - left; i < order.size(); ++i) allowed.Set(order[i].row);
        request.k = 10;
        request.allowed = &allowed;
        const std::vector<Hit> truth = ExactSearch(*source, metric, request, Context()).value()[0];
        const std::vector<Hit> hits = index->Search(request, Context()).value()[0];
        ASSERT_EQ(hits.size(), 10u);
        for (const Hit& hit : hits) {
          EXPECT_TRUE(allowed.Test(hit.row));
          found += (metric == Metric::kL2 ? hit.score <= truth.back().score : hit.score >= truth.back().score) ? 1 : 0;
        }
        wanted += 10;
      }
      EXPECT_GE(static_cast<double>(found), 0.95 * static_cast<double>(wanted)) << MetricName(metric) << " " << left;
    }
  }
}

TEST(DiskIndexTest, EqualRowsAndZeroVectorsAreAllFound) {
  for (const Metric metric : {Metric::kL2, Metric::kIp, Metric::kCosine}) {
    const auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 4);
    for (size_t row = 0; row < 1500; ++row) source->AddFloats(row % 3 == 0 ? std::vector<float>(4, 0.0f) : std::vector<float>(4, 1.5f));
    const auto index = BuildDisk(source, metric);
    for (const size_t k : {10u, 700u, 1500u}) {
      SearchRequest request;
      request.queries = source->Row(1);
      request.k = k;
      ExpectContract(*source, request, *index);
    }
  }
}

// What a cosine of 0 stands for in the space of the codes, half way between the query and what is across from it, must not count.
TEST(DiskIndexTest, RowsOfZerosCrowdNobodyOut) {
  std::mt19937 random(kSeed);
  for (const VectorType type : {VectorType::kFloat32, VectorType::kInt8}) {
    for (const double share : {0.0, 0.1, 0.9, 1.0}) {
      const size_t rows = share < 0.9 ? 2500 : 5000;
      const auto dense = RandomSource(random, type, 32, rows), queries = RandomSource(random, type, 32, 40);
      const auto source = std::make_shared<MemorySource>(type, 32);
      const std::string zeros(RowBytes(type, 32), '\0');
      size_t left = 0;
      for (size_t row = 0; row < rows; ++row) {
        const bool zero = std::uniform_real_distribution<double>()(random) < share;
        source->Add(zero ? static_cast<const void*>(zeros.data()) : dense->Row(row));
        left += zero ? 0 : 1;
      }
      const auto index = BuildDisk(source, Metric::kCosine);
      StringFile file;
      ASSERT_TRUE(index->Save(file).ok());
      StringFileSystem files;
      files.contents["a"] = file.contents;
      const auto opened = OpenIndex("a", files, source).value();
      EXPECT_NEAR(static_cast<double>(opened->memory_bytes()), static_cast<double>(index->memory_bytes()), 5000);
      const Bitset half = RandomBits(random, rows, 0.5);
      for (const Bitset* allowed : {static_cast<const Bitset*>(nullptr), &half}) {
        SearchRequest request;
        request.queries = queries->Row(0);
        request.query_count = 40;
        request.k = 10;
        request.allowed = allowed;
        for (const Index* each : {index.get(), opened.get()}) {
          const auto truth = ExactSearch(*source, Metric::kCosine, request, Context()).value();
          const auto hits = each->Search(request, Context()).value();
          size_t found = 0;
          for (size_t q = 0; q < 40; ++q) {
            ASSERT_EQ(hits[q].size(), 10u);
            for (const Hit& hit : hits[q]) found += hit.score >= truth[q].back().score ? 1 : 0;
          }
          EXPECT_GE(static_cast<double>(found) / 400, 0.7) << share << (allowed != nullptr ? " filtered" : "");
        }
        request.query_count = 2;
        request.k = left + 10;  // some rows of zeros belong to them, before the rows with a negative cosine
        ExpectContract(*source, request, *opened);
        request.k = 100;
        request.radius = -0.2f;
        ExpectContract(*source, request, *opened);
        request.range_filter = 0.1f;
        ExpectContract(*source, request, *opened);
      }
    }
  }
}

// 16 rows share a code; those at the end of the line were reached from nowhere while all of a row's links led to such equals.
TEST(DiskIndexTest, RowsOnALineAreFound) {
  constexpr size_t kLine = 2000;
  const auto source = std::make_shared<MemorySource>(VectorType::kFloat32, 8);
  for (size_t row = 0; row < kLine; ++row) source->AddFloats({static_cast<float>(row), 0, 0, 0, 0, 0, 0, 0});
  const auto index = BuildDisk(source, Metric::kL2, {{"search_cache_budget_gb_ratio", "0"}});
  for (size_t row = 0; row < kLine; row += 3) {
    SearchRequest request;
    request.queries = source->Row(row);
    EXPECT_EQ(index->Search(request, Context()).value()[0][0].row, row);
  }
}

TEST(DiskIndexTest, EveryWayOfReadingGivesTheSameAnswers) {
  TestFolder folder;
  const auto source = Clustered(4000, 32);
  SaveTo(*BuildDisk(source, Metric::kL2), folder / "index");
  SearchRequest request;
  request.queries = source->Row(0);
  request.query_count = 40;
  std::optional<std::vector<std::vector<Hit>>> first;
  for (const char* direct : {"1", "0"}) {
    for (const ReadEngine engine : {ReadEngine::kAuto, ReadEngine::kThreads}) {
      setenv("SAKER_DISK_DIRECT", direct, 1);
      ReaderPool::Instance().Force(engine);
      const auto index = OpenIndex(folder / "index", FileSystem::Posix(), source);
      ASSERT_TRUE(index.ok()) << index.status().ToString();
      SearchStats stats;
      const auto hits = (*index)->Search(request, Context(), &stats).value();
      EXPECT_GT(stats.reads, 0u);
      EXPECT_EQ(stats.bytes, stats.reads * 4096);
      if (!first) first = hits;
      size_t same = 0;
      for (size_t q = 0; q < hits.size(); ++q) {
        ASSERT_EQ(hits[q].size(), (*first)[q].size());
        for (size_t i = 0; i < hits[q].size(); ++i) same += hits[q][i].row == (*first)[q][i].row ? 1 : 0;
      }
      EXPECT_GE(same, 390u);  // the order in which pages come may change a step
    }
  }
  unsetenv("SAKER_DISK_DIRECT");
  ReaderPool::Instance().Force(ReadEngine::kAuto);
}

TEST(DiskIndexTest, ManyThreadsSearchAtOnce) {
  TestFolder folder;
  const auto source = Clustered(4000, 32);
  SaveTo(*BuildDisk(source, Metric::kCosine), folder / "index");
  const std::shared_ptr<const Index> index = OpenIndex(folder / "index", FileSystem::Posix(), source).value();
  std::vector<std::thread> threads;
  std::atomic<size_t> found{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (size_t q = 0; q < 50; ++q) {
        SearchRequest request;
        request.queries = source->Row(static_cast<size_t>(t) * 50 + q);
        request.query_count = 1 + q % 3;
        found += index->Search(request, Context()).value()[0][0].row == t * 50 + q ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(found, 297u);
}

TEST(DiskIndexTest, MemoryIsWhatTheBudgetsSay) {
  const auto source = Clustered(6000, 64);
  const size_t raw = 6000 * 64 * 4;
  const auto small = BuildDisk(source, Metric::kL2, {{"search_cache_budget_gb_ratio", "0"}, {"pq_code_budget_gb_ratio", "0.03"}});
  const auto large = BuildDisk(source, Metric::kL2, {{"search_cache_budget_gb_ratio", "1"}, {"pq_code_budget_gb_ratio", "0.1"}});
  const size_t codes = 6000 * (25 - 7), cache = raw;
  EXPECT_NEAR(static_cast<double>(large->memory_bytes()), static_cast<double>(small->memory_bytes() + codes + cache), 70000);
  SearchRequest request;
  request.queries = source->Row(0);
  request.query_count = 8;
  SearchStats first, second;
  ASSERT_TRUE(large->Search(request, Context(), &first).ok());
  ASSERT_TRUE(large->Search(request, Context(), &second).ok());
  EXPECT_LT(second.reads * 4, first.reads) << "what was read last is at hand";
  ASSERT_TRUE(small->Search(request, Context(), &(second = {})).ok());
  EXPECT_GT(second.reads, 0u);
}

TEST(DiskIndexTest, ACancelledSearchEndsAndTheNextOneWorks) {
  const auto source = Clustered(3000, 16);
  const auto index = BuildDisk(source, Metric::kL2, {{"search_cache_budget_gb_ratio", "0"}});
  SearchRequest request;
  request.queries = source->Row(0);
  request.query_count = 50;
  Context context;
  int asked = 0;
  context.CancelWhen([&] { return ++asked > 5; });
  EXPECT_FALSE(index->Search(request, context).ok());
  ExpectContract(*source, request, *index);
}

TEST(DiskFaultTest, AFailingReadIsAnErrorNotAnAnswer) {
  TestFolder folder;
  const auto source = Clustered(3000, 16);
  SaveTo(*BuildDisk(source, Metric::kL2, {{"search_cache_budget_gb_ratio", "0"}}), folder / "index");
  FaultFileSystem files(FileSystem::Posix(), kSeed);
  for (const ReadEngine engine : {ReadEngine::kAuto, ReadEngine::kThreads}) {
    ReaderPool::Instance().Force(engine);
    const auto index = OpenIndex(folder / "index", files, source).value();
    SearchRequest request;
    request.queries = source->Row(0);
    request.query_count = 20;
    for (int read = 1; read < 40; ++read) {
      files.FailRead(read, EIO);
      const auto hits = index->Search(request, Context());
      EXPECT_EQ(hits.status().code(), StatusCode::kUnavailable) << read;
      EXPECT_NE(hits.status().message().find(folder / "index"), std::string::npos) << hits.status().message();
    }
    request.radius = 1e9f;
    files.FailRead(3, EIO);
    EXPECT_EQ(index->Search(request, Context()).status().code(), StatusCode::kUnavailable);
    files.FailRead(2, EAGAIN);  // asked again
    ExpectContract(*source, request, *index);
  }
  ReaderPool::Instance().Force(ReadEngine::kAuto);
}

TEST(DiskFaultTest, PagesThatChangeAfterTheOpenAreRefused) {
  TestFolder folder;
  const auto source = Clustered(3000, 16);
  SaveTo(*BuildDisk(source, Metric::kL2, {{"search_cache_budget_gb_ratio", "0"}}), folder / "index");
  const auto index = OpenIndex(folder / "index", FileSystem::Posix(), source).value();
  SearchRequest request;
  request.queries = source->Row(0);
  request.radius = 1e9f;  // looks at every page
  request.k = 3000;
  ASSERT_TRUE(index->Search(request, Context()).ok());
  const auto size = std::filesystem::file_size(folder / "index");
  const int fd = open((folder / "index").c_str(), O_RDWR);
  std::mt19937 random(kSeed);
  for (int flip = 0; flip < 10; ++flip) {
    const auto at = static_cast<off_t>(size - 20000 - random() % 200000);
    char byte = 0;
    ASSERT_EQ(pread(fd, &byte, 1, at), 1);
    const char wrong = static_cast<char>(byte ^ 32);
    ASSERT_EQ(pwrite(fd, &wrong, 1, at), 1);
    ASSERT_EQ(fsync(fd), 0);
    const Status status = index->Search(request, Context()).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << at;
    ASSERT_EQ(pwrite(fd, &byte, 1, at), 1);
    ASSERT_EQ(fsync(fd), 0);
  }
  ASSERT_TRUE(index->Search(request, Context()).ok());
  ASSERT_EQ(ftruncate(fd, static_cast<off_t>(size / 2 + 100)), 0);
  EXPECT_EQ(index->Search(request, Context()).status().code(), StatusCode::kDataLoss);
  close(fd);
}

TEST(DiskFaultTest, ABuildThatFailsAnywhereSaysSoAndLeavesNothing) {
  TestFolder folder;
  FaultFileSystem files(FileSystem::Posix(), kSeed);
  const auto source = Clustered(2000, 8);
  BuildOptions options;
  options.scratch_directory = folder.path();
  options.files = &files;
  options.memory_bytes = 13 << 19;  // several parts
  const int before = files.calls();
  ASSERT_NE(BuildDisk(source, Metric::kL2, {}, options), nullptr);
  const int calls = files.calls() - before;
  ASSERT_GT(calls, 10);
  for (int call = 1; call <= calls; call += 11) {
    files.FailCall(call);
    EXPECT_FALSE(BuildIndex({"DISKANN", Metric::kL2, {}}, source, options).ok()) << call;
    EXPECT_EQ(folder.files(), 0u);
  }
  files.FailCall(0);
  files.FailAppendShort(2);
  EXPECT_EQ(BuildIndex({"DISKANN", Metric::kL2, {}}, source, options).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(folder.files(), 0u);
}

class FullDisk final : public FileSystem {
 public:
  Result<uint64_t> FreeBytes(const std::string&) override { return uint64_t{12345}; }
  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override { return Posix().Create(path); }
  Result<std::shared_ptr<const MappedFile>> Map(const std::string& path) override { return Posix().Map(path); }
  Result<std::shared_ptr<const MappedFile>> Load(const std::string& path) override { return Posix().Load(path); }
  Result<std::string> ReadAll(const std::string& path, uint64_t limit) override { return Posix().ReadAll(path, limit); }
  Status Rename(const std::string& from, const std::string& to) override { return Posix().Rename(from, to); }
  Status Remove(const std::string& path) override { return Posix().Remove(path); }
  Status MakeDirectories(const std::string& path) override { return Posix().MakeDirectories(path); }
  Status SyncDirectory(const std::string& path) override { return Posix().SyncDirectory(path); }
  Result<std::vector<std::string>> List(const std::string& path) override { return Posix().List(path); }
  bool Exists(const std::string& path) override { return Posix().Exists(path); }
};

TEST(DiskBuildTest, RefusesWhatCannotFitWithBothNumbers) {
  const auto source = Clustered(5000, 16);
  FullDisk disk;
  BuildOptions options;
  options.files = &disk;
  Status status = BuildIndex({"DISKANN", Metric::kL2, {}}, source, options).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("12345 free"), std::string::npos) << status.message();
  options.files = nullptr;
  options.memory_bytes = 1 << 20;
  status = BuildIndex({"DISKANN", Metric::kL2, {}}, source, options).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("1048576"), std::string::npos) << status.message();
  EXPECT_FALSE(BuildIndex({"DISKANN", Metric::kL2, {{"build_dram_budget_gb_ratio", "0.01"}}}, source, {}).ok());
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
uint64_t StatusBytes(const char* field) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field)) return std::strtoull(line.c_str() + std::strlen(field), nullptr, 10) * 1024;
  }
  return 0;
}

TEST(DiskBuildTest, StaysWithinItsMemory) {
  const auto source = Clustered(20000, 32);
  BuildOptions options;
  DiskPlan plan;
  plan.code_bytes = 20000 * 8;
  const BuildNeeds needs = NeedsOf(VectorType::kFloat32, 32, 20000, plan);
  for (const uint64_t budget : {uint64_t{0}, needs.whole_bytes / 2}) {
    plan.memory_bytes = budget;
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts again
    const uint64_t before = StatusBytes("VmRSS:");
    const auto graph = BuildDiskGraph(*source, Metric::kL2, plan, options);
    ASSERT_TRUE(graph.ok()) << graph.status().ToString();
    const uint64_t peak = StatusBytes("VmHWM:") - before, limit = budget == 0 ? needs.whole_bytes : budget;
    std::printf("budget %.1f MB, peak %.1f MB\n", static_cast<double>(limit) / 1e6, static_cast<double>(peak) / 1e6);
    EXPECT_LE(peak, limit);
  }
}
#endif

TEST(DiskBuildTest, PartsMakeAsGoodAGraphAndOneThreadAlwaysTheSame) {
  const auto source = Clustered(9000, 16);
  BuildOptions options;
  SearchRequest request;
  const double whole = RecallOf(*BuildDisk(source, Metric::kL2, {}, options), *source, request);
  options.memory_bytes = 10 << 20;
  const auto index = BuildDisk(source, Metric::kL2, {}, options), again = BuildDisk(source, Metric::kL2, {}, options);
  const double parts = RecallOf(*index, *source, request);
  std::printf("recall %.4f in one part, %.4f in several\n", whole, parts);
  EXPECT_GE(parts, whole - 0.03);
  StringFile a, b;
  ASSERT_TRUE(index->Save(a).ok());
  ASSERT_TRUE(again->Save(b).ok());
  EXPECT_TRUE(a.contents == b.contents);
}

}  // namespace
}  // namespace saker::index
