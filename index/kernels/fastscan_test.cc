// Every instruction set that this machine has, against fastscan_scalar.cc.
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "index/kernels/fastscan.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 20261122;

// A list of random codes, the same rows in each layout.
struct Codes {
  Codes(std::mt19937& random, size_t row_count, size_t subspaces) : rows(row_count), groups(FastScanGroups(subspaces)) {
    for (auto& bytes : blocks) bytes.resize(FastScanBlocks(rows) * groups * 64);
    add.resize(FastScanBlocks(rows) * kFastScanRows);
    multiply.resize(add.size());
    std::normal_distribution<float> normal;
    for (size_t row = 0; row < rows; ++row) {
      add[row] = normal(random);
      multiply[row] = normal(random);
      for (size_t s = 0; s < subspaces; ++s) {
        const unsigned code = random() % 16;
        for (const FastScanLayout layout : {FastScanLayout::kLanes, FastScanLayout::kRows}) {
          uint8_t& byte =
              blocks[static_cast<size_t>(layout)][row / kFastScanRows * groups * 64 + FastScanByte(layout, row % kFastScanRows, s)];
          byte = static_cast<uint8_t>(byte | code << (row % 32 < 16 ? 0 : 4));
        }
      }
    }
  }
  size_t rows, groups;
  std::vector<uint8_t> blocks[2];
  std::vector<float> add, multiply;
};

struct Found {
  std::vector<float> keys;
  std::vector<uint32_t> rows;
};
Found Scan(const FastScanKernels& kernels, FastScanList list, const Codes& codes, float limit) {
  list.codes = codes.blocks[static_cast<size_t>(kernels.layout)].data();
  list.rows = codes.rows;
  list.groups = codes.groups;
  Found found{std::vector<float>(codes.rows + 64), std::vector<uint32_t>(codes.rows + 64)};
  const size_t count = kernels.scan(list, limit, found.keys.data(), found.rows.data());
  found.keys.resize(count);
  found.rows.resize(count);
  return found;
}

class FastScanTest : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    const FastScanKernels* all[4];
    const size_t count = AllFastScan(all);
    if (GetParam() >= count) GTEST_SKIP() << "this machine runs " << count << " of the fast-scan kernels";
    kernels_ = all[GetParam()];
    std::printf("instruction set %s, seed %u\n", kernels_->isa, kSeed);
  }
  const FastScanKernels* kernels_ = nullptr;
};

TEST_P(FastScanTest, KeysMatchScalarForEveryTail) {
  std::mt19937 random(kSeed);
  for (const size_t subspaces : {1, 3, 4, 7, 13, 64, 257, 1100}) {
    for (size_t rows = 0; rows <= 130; rows += subspaces > 100 ? 13 : 1) {
      const Codes codes(random, rows, subspaces);
      std::vector<uint8_t> tables(codes.groups * 64);
      for (uint8_t& byte : tables) byte = rows % 2 == 0 ? 255 : static_cast<uint8_t>(random());  // the largest sums too
      for (const int terms : {0, 1, 2, 3}) {
        FastScanList list{};
        list.tables = tables.data();
        if ((terms & 1) != 0) list.add = codes.add.data();
        if ((terms & 2) != 0) list.multiply = codes.multiply.data();
        list.base = 0.25f;
        list.step = 0.5f / static_cast<float>(subspaces);
        list.offset = -3;
        const Found expected = Scan(kScalarFastScan, list, codes, std::numeric_limits<float>::infinity());
        const Found actual = Scan(*kernels_, list, codes, std::numeric_limits<float>::infinity());
        ASSERT_EQ(actual.rows, expected.rows) << subspaces << " subspaces, " << rows << " rows";
        ASSERT_EQ(actual.rows.size(), rows);
        for (size_t i = 0; i < rows; ++i) ASSERT_NEAR(actual.keys[i], expected.keys[i], 1e-3) << subspaces << " subspaces, row " << i;
      }
    }
  }
}

TEST_P(FastScanTest, OnlyKeysUpToTheLimitPassAndNeverNaN) {
  std::mt19937 random(kSeed);
  Codes codes(random, 500, 8);
  for (const size_t row : {3, 64, 499}) codes.add[row] = std::numeric_limits<float>::quiet_NaN();
  codes.add[7] = -std::numeric_limits<float>::infinity();
  const std::vector<uint8_t> tables(codes.groups * 64);
  FastScanList list{};
  list.tables = tables.data();
  list.add = codes.add.data();
  list.step = 1;
  for (const float limit : {-1.0f, 0.0f, codes.add[100], std::numeric_limits<float>::infinity()}) {
    const Found found = Scan(*kernels_, list, codes, limit);
    size_t at = 0;
    for (uint32_t row = 0; row < 500; ++row) {
      if (!(codes.add[row] <= limit)) continue;
      ASSERT_LT(at, found.rows.size());
      EXPECT_EQ(found.rows[at], row);
      EXPECT_EQ(found.keys[at++], codes.add[row]);
    }
    EXPECT_EQ(at, found.rows.size());
  }
}

TEST_P(FastScanTest, TablesStandForTheProductsAndMatchScalar) {
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal;
  for (const size_t sub_dim : {1, 2, 3, 4, 9}) {
    for (const size_t subspaces : {1, 5, 50, 64}) {
      std::vector<float> query(subspaces * sub_dim), codebook(query.size() * 16), floats(subspaces * 16);
      for (float& value : query) value = normal(random);
      for (float& value : codebook) value = normal(random);
      std::vector<uint8_t> expected(FastScanGroups(subspaces) * 64, 77), actual(expected.size(), 99);
      float step[2], offset[2];
      kScalarFastScan.tables(query.data(), codebook.data(), subspaces, sub_dim, floats.data(), expected.data(), step, offset);
      kernels_->tables(query.data(), codebook.data(), subspaces, sub_dim, floats.data(), actual.data(), step + 1, offset + 1);
      EXPECT_NEAR(step[0], step[1], 1e-6 * step[0]);
      EXPECT_NEAR(offset[0], offset[1], 1e-4);
      for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(expected[i], actual[i], 1) << i;
      for (int trial = 0; trial < 20; ++trial) {
        double product = 0, sum = 0;
        for (size_t s = 0; s < subspaces; ++s) {
          const size_t code = random() % 16;
          sum += actual[s * 16 + code];
          for (size_t d = s * sub_dim; d < (s + 1) * sub_dim; ++d) product += static_cast<double>(query[d] * codebook[d * 16 + code]);
        }
        EXPECT_NEAR(step[1] * sum + offset[1], product, 0.51 * step[1] * static_cast<double>(subspaces) + 1e-4);
      }
      for (const float strange : {std::numeric_limits<float>::infinity(), 1e38f, std::numeric_limits<float>::quiet_NaN()}) {
        query[0] = strange;
        kernels_->tables(query.data(), codebook.data(), subspaces, sub_dim, floats.data(), actual.data(), step, offset);
        EXPECT_TRUE(std::isfinite(step[0]) && std::isfinite(offset[0])) << strange;
      }
    }
  }
}

TEST_P(FastScanTest, SmallestSumIsTheFirstOfTheSmallest) {
  std::mt19937 random(kSeed);
  for (size_t n = 1; n <= 200; ++n) {
    std::vector<float> a(n), b(n);
    for (size_t i = 0; i < n; ++i) {
      a[i] = static_cast<float>(random() % 20);
      b[i] = static_cast<float>(random() % 3) - 5;
    }
    if (n % 3 == 0) a[random() % n] = std::numeric_limits<float>::quiet_NaN();
    if (n % 5 == 0) a[random() % n] = std::numeric_limits<float>::infinity();
    if (std::isnan(a[0])) a[0] = 3;
    EXPECT_EQ(kernels_->smallest_sum(a.data(), b.data(), n), kScalarFastScan.smallest_sum(a.data(), b.data(), n)) << n;
  }
}

INSTANTIATE_TEST_SUITE_P(All, FastScanTest, testing::Range(size_t{0}, size_t{3}));

}  // namespace
}  // namespace saker::index
