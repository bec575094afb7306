// What the ledger is asked for is no less than what indexes take, and not far more.
#include "index/footprint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "index/params.h"
#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

std::shared_ptr<MemorySource> RandomRows(size_t rows, size_t dim) {
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, dim);
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> row(dim);
  for (size_t i = 0; i < rows; ++i) {
    for (float& value : row) value = normal(random);
    source->AddFloats(row);
  }
  return source;
}

TEST(Footprint, DenseIndexesTakeNoMoreThanTheySay) {
  for (const auto& [rows, dim] : {std::pair<size_t, size_t>{1100, 24}, {2500, 130}}) {
    const auto source = RandomRows(rows, dim);
    for (const Metric metric : {Metric::kIp, Metric::kCosine}) {
      for (const char* type : {"HNSW", "AUTOINDEX", "FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "SCANN", "IVF_RABITQ"}) {
        Params params;
        if (std::string(type) == "IVF_PQ") params = {{"m", std::to_string(dim / 2)}};
        const IndexSpec spec = ValidateSpec({type, metric, params}, source->type(), dim).value();
        const MemoryFootprint footprint = MemoryFootprintOf(spec, *source, 2);
        const std::unique_ptr<Index> index = BuildIndex(spec, source, {}).value();
        EXPECT_LE(index->memory_bytes(), footprint.loaded_bytes) << type << ' ' << MetricName(metric) << ' ' << rows;
        EXPECT_LE(footprint.loaded_bytes, footprint.build_bytes);
        if (std::string(type) == "HNSW") { EXPECT_LE(footprint.loaded_bytes, index->memory_bytes() * 5 / 4 + (64 << 10)) << rows; }
      }
    }
  }
}

TEST(Footprint, AGraphOfMoreLinksAsksForMore) {
  const auto source = RandomRows(3000, 24);
  const auto bytes = [&](const char* m) {
    const IndexSpec spec = ValidateSpec({"HNSW", Metric::kL2, {{"M", m}, {"efConstruction", "100"}}}, source->type(), 24).value();
    return MemoryFootprintOf(spec, *source, 1);
  };
  EXPECT_LT(bytes("8").loaded_bytes, bytes("48").loaded_bytes);
  EXPECT_LT(bytes("8").build_bytes, bytes("48").build_bytes);
  EXPECT_GT(bytes("64").build_bytes, 3000u * (192 * 10 + 2 * 128 * 4));
}

TEST(Footprint, SmallFamiliesOfAutoindexTakeLess) {
  const auto source = RandomRows(6000, 130);
  const IndexSpec spec = ValidateSpec({"AUTOINDEX", Metric::kL2, {}}, source->type(), 130).value();
  BuildOptions options;
  const MemoryFootprint small = SmallAutoFootprint(*source, &options.memory_limit_bytes);
  EXPECT_LT(small.build_bytes, MemoryFootprintOf(spec, *source, 1).build_bytes);
  const std::unique_ptr<Index> index = BuildIndex(spec, source, options).value();
  EXPECT_LE(index->memory_bytes(), small.loaded_bytes);
}

// Vectors of 8 dimensions laid out in 384: AUTOINDEX makes a graph of 24 links, a smaller file than that of 36.
TEST(Footprint, AGraphOfFewLinksIsNotTakenForLists) {
  constexpr size_t kInner = 8, kDim = 384;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> axes(kInner * kDim), row(kDim);
  for (float& value : axes) value = normal(random);
  auto source = std::make_shared<MemorySource>(VectorType::kFloat32, kDim);
  for (int i = 0; i < 2500; ++i) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (size_t axis = 0; axis < kInner; ++axis) {
      const float along = normal(random);
      for (size_t d = 0; d < kDim; ++d) row[d] += along * axes[axis * kDim + d];
    }
    source->AddFloats(row);
  }
  const IndexSpec spec = ValidateSpec({"AUTOINDEX", Metric::kL2, {}}, source->type(), kDim).value();
  const std::unique_ptr<Index> index = BuildIndex(spec, source, {}).value();
  StringFile file;
  ASSERT_TRUE(index->Save(file).ok());
  EXPECT_LT(file.contents.size(), 2500u * 36 * sizeof(uint32_t));
  EXPECT_GE(LoadedBytes(spec, *source, file.contents.size()), index->memory_bytes());
}

// The server asks for half of what is free, or the least that the graph needs: AUTOINDEX must then choose no other than it.
TEST(Footprint, AGraphOnDiskIsChosenWithinWhatWasAskedForIt) {
  size_t chosen = 0;
  for (const size_t dim : {96, 384, 768}) {
    for (const size_t rows : {100'000, 1'000'000, 10'000'000}) {
      const SegmentProfile profile{VectorType::kFloat32, dim, rows, 15};
      for (const uint64_t part : {1, 2, 3, 5, 8}) {
        AvailableResources available;
        available.memory_bytes = available.build_bytes = AutoFootprint(AutoFamily::kProductLists, profile, 2).build_bytes / part - 1;
        const std::optional<AutoChoice> disk = GraphOnDisk(profile, Metric::kL2, available);
        if (!disk) continue;
        const DiskFootprint footprint = FootprintOf(disk->spec, profile.type, dim, rows);
        EXPECT_LE(footprint.least_build_bytes, available.build_bytes);
        available.build_bytes = std::min(footprint.whole_build_bytes, std::max(footprint.least_build_bytes, available.build_bytes / 2));
        available.memory_bytes = footprint.loaded_bytes;
        available.disk_reads_a_second = [] { return Result<double>(1e6); };
        const Result<AutoChoice> choice = ChooseIndex(profile, Metric::kL2, available);
        ASSERT_TRUE(choice.ok()) << dim << ' ' << rows << ": " << choice.status().message();
        EXPECT_EQ(choice->family, AutoFamily::kDisk);
        EXPECT_EQ(choice->spec.params, disk->spec.params);
        ++chosen;
      }
    }
  }
  EXPECT_GE(chosen, 20u);
}

TEST(Footprint, SparseIndexesTakeAboutAsMuch) {
  auto source = std::make_shared<MemorySource>(VectorType::kSparse, 0);
  std::mt19937 random(4);
  for (size_t row = 0; row < 4000; ++row) {
    std::vector<SparsePair> pairs;
    uint32_t term = 0;
    for (size_t i = 0; i < 60; ++i) pairs.push_back({term += 1 + random() % 100, 1.0f + static_cast<float>(random() % 5)});
    source->AddSparse(pairs);
  }
  const IndexSpec spec = ValidateSpec({"SPARSE_INVERTED_INDEX", Metric::kIp, {}}, VectorType::kSparse, 0).value();
  const MemoryFootprint footprint = MemoryFootprintOf(spec, *source, 1);
  const std::unique_ptr<Index> index = BuildIndex(spec, source, {}).value();
  EXPECT_LE(index->memory_bytes(), footprint.loaded_bytes);
  EXPECT_LE(footprint.loaded_bytes, index->memory_bytes() * 4);
}

}  // namespace
}  // namespace saker::index
