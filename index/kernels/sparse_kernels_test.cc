// The sparse kernels of every instruction set against scalar: widths, counts, filters, ends of ranges.
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "index/kernels/kernels.h"
#include "index/kernels/sparse.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 41;

std::vector<const SparseKernels*> Supported() {
  std::vector<const SparseKernels*> tables = {&kScalarSparseKernels};
#if defined(__x86_64__)
  const char* problem = "";
  if (FindKernels("avx2", &problem) != nullptr) tables.push_back(&kAvx2SparseKernels);
  if (FindKernels("avx512", &problem) != nullptr) tables.push_back(&kAvx512SparseKernels);
#endif
  return tables;
}

struct Block {
  std::vector<uint8_t> packed;
  std::vector<uint16_t> rows;
};

// Random gaps of up to `width` bits that stay in the frame, and their packing bit by bit.
Block RandomBlock(std::mt19937& random, uint32_t width, uint32_t count) {
  Block block;
  block.packed.assign((count + 7) / 8 * width + 16, 0);
  uint32_t row = random() % (width < 9 ? 32768 : 100);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t left = 65535 - row;
    uint32_t gap = i == 0 || width == 0 ? 0 : random() % (1u << width);
    if (i > 0 && gap + 1 + (count - i) > left) gap = 0;
    if (i > 0) row += gap + 1;
    block.rows.push_back(static_cast<uint16_t>(row));
    for (uint32_t b = 0; b < width; ++b) {
      const uint32_t bit = i * width + b;
      block.packed[bit / 8] = static_cast<uint8_t>(block.packed[bit / 8] | (gap >> b & 1) << (bit % 8));
    }
  }
  for (size_t i = block.packed.size() - 16; i < block.packed.size(); ++i) block.packed[i] = static_cast<uint8_t>(random());
  return block;
}

TEST(SparseKernelsTest, UnpackAndAddAgreeForEveryWidthAndCount) {
  std::mt19937 random(kSeed);
  std::vector<uint16_t> table(256);
  for (uint16_t& value : table) value = static_cast<uint16_t>(random() % 5000);
  for (uint32_t width = 0; width <= 16; ++width) {
    for (uint32_t count = 1; count <= 128; ++count) {
      const Block block = RandomBlock(random, width, count);
      std::vector<uint8_t> codes(count);
      for (uint8_t& code : codes) code = static_cast<uint8_t>(random());
      for (const SparseKernels* kernels : Supported()) {
        uint16_t rows[136];
        kernels->unpack(block.packed.data(), width, block.rows[0], count, rows);
        ASSERT_EQ(std::vector<uint16_t>(rows, rows + count), block.rows) << kernels->isa << " width " << width;
        std::vector<uint16_t> sums(65536, 7), expected(65536, 7);
        for (uint32_t i = 0; i < count; ++i) expected[block.rows[i]] = static_cast<uint16_t>(7 + table[codes[i]]);
        kernels->add(block.packed.data(), width, block.rows[0], count, codes.data(), table.data(), sums.data());
        ASSERT_TRUE(sums == expected) << kernels->isa << " width " << width << " count " << count;
      }
    }
  }
}

TEST(SparseKernelsTest, SelectAndMaximaAgreeUnderEveryFilter) {
  std::mt19937 random(kSeed);
  for (const size_t n : {size_t{64}, size_t{128}, size_t{4096}}) {
    std::vector<uint16_t> sums(n);
    for (uint16_t& sum : sums) sum = static_cast<uint16_t>(random() % 3 == 0 ? random() : random() % 4);
    std::vector<uint64_t> bits(n / 64);
    for (uint64_t& word : bits) word = (uint64_t{random()} << 32 | random()) & (random() % 3 == 0 ? 0 : ~uint64_t{0});
    for (const uint64_t* allowed : {static_cast<const uint64_t*>(nullptr), static_cast<const uint64_t*>(bits.data())}) {
      for (const uint16_t least : {0, 1, 3, 32767, 32768, 65535}) {
        std::vector<uint16_t> expected(n), places(n);
        expected.resize(kScalarSparseKernels.select(sums.data(), n, allowed, least, expected.data()));
        for (const SparseKernels* kernels : Supported()) {
          places.assign(n, 0);
          places.resize(kernels->select(sums.data(), n, allowed, least, places.data()));
          EXPECT_TRUE(places == expected) << kernels->isa << " at least " << least;
        }
      }
      std::vector<uint16_t> expected(n / 64), maxima(n / 64);
      kScalarSparseKernels.maxima(sums.data(), n, allowed, expected.data());
      for (const SparseKernels* kernels : Supported()) {
        kernels->maxima(sums.data(), n, allowed, maxima.data());
        EXPECT_TRUE(maxima == expected) << kernels->isa;
      }
    }
  }
}

TEST(SparseKernelsTest, TablesAreTheSameIntegersAndNeverBelowTheProduct) {
  std::mt19937 random(kSeed);
  std::vector<float> bounds(256);
  for (float& bound : bounds) bound = std::uniform_real_distribution<float>(0, 1)(random);
  bounds[0] = 0;
  bounds[1] = 1;
  for (const float factor : {0.0f, 1e-30f, 3.5f, 1000.0f, 65534.0f}) {
    uint16_t expected[256], table[256];
    kScalarSparseKernels.make_table(bounds.data(), factor, expected);
    for (size_t i = 0; i < 256; ++i) EXPECT_GE(static_cast<float>(expected[i]), bounds[i] * factor);
    for (const SparseKernels* kernels : Supported()) {
      kernels->make_table(bounds.data(), factor, table);
      EXPECT_EQ(std::memcmp(table, expected, sizeof table), 0) << kernels->isa;
    }
  }
}

TEST(SparseKernelsTest, TheChoiceFollowsTheKernels) {
  std::printf("sparse kernels: %s\n", BestSparseKernels().isa);
#if defined(__x86_64__)
  EXPECT_EQ(std::strncmp(BestKernels().isa, BestSparseKernels().isa, std::strlen(BestSparseKernels().isa)), 0);
#else
  EXPECT_STREQ(BestSparseKernels().isa, "scalar");  // there are no others
#endif
}

}  // namespace
}  // namespace saker::index
