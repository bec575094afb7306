// Every table against scalar: all lengths, all counts, extremes.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "index/kernels/kernels.h"
#include "index/kernels/node_codes.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 5;

std::vector<const NodeCodeKernels*> Tables() {
  std::vector<const NodeCodeKernels*> tables = {&kScalarNodeCodes};
#if defined(__x86_64__)
  const char* problem = nullptr;
  if (FindKernels("avx2", &problem) != nullptr) tables.push_back(&kAvx2NodeCodes);
  if (FindKernels("avx512-vpopcnt", &problem) != nullptr) tables.push_back(&kVnniNodeCodes);
#endif
  return tables;
}

struct Rows {
  Rows(size_t count, size_t stride, int fill, uint32_t seed) : codes(count * stride) {
    std::mt19937 random(seed);
    for (uint8_t& code : codes) code = static_cast<uint8_t>(fill >= 0 ? static_cast<uint32_t>(fill) : random() % 128);
  }
  std::vector<uint8_t> codes;
};

TEST(NodeCodesTest, EveryTableGivesTheKeysOfScalar) {
  for (const NodeCodeKernels* table : Tables()) {
    std::mt19937 random(kSeed);
    for (const size_t stride : {64, 128, 192, 256, 768, 4096, 32768}) {
      for (const int fill : {-1, 0, 127}) {
        const Rows rows(23, stride, fill, kSeed);
        const Rows query(1, stride, fill == 127 ? 0 : -1, kSeed + 1);
        std::vector<int8_t> signed_query(stride);
        for (int8_t& value : signed_query) value = static_cast<int8_t>(fill == 127 ? -127 : static_cast<int>(random() % 255) - 127);
        for (size_t count = 0; count <= 23; ++count) {
          std::vector<uint32_t> list(count);
          for (uint32_t& row : list) row = static_cast<uint32_t>(random() % 23);
          std::vector<uint32_t> expected(count + 1, 7), keys(count + 1, 7);
          kScalarNodeCodes.l2(rows.codes.data(), stride, list.data(), count, query.codes.data(), expected.data());
          table->l2(rows.codes.data(), stride, list.data(), count, query.codes.data(), keys.data());
          ASSERT_EQ(keys, expected) << table->isa << " l2 stride " << stride << " count " << count;
          kScalarNodeCodes.ip(rows.codes.data(), stride, list.data(), count, signed_query.data(), 1u << 30, expected.data());
          table->ip(rows.codes.data(), stride, list.data(), count, signed_query.data(), 1u << 30, keys.data());
          ASSERT_EQ(keys, expected) << table->isa << " ip stride " << stride << " count " << count;
        }
      }
    }
  }
}

TEST(NodeCodesTest, TilesHoldTheProductsOfAllPairs) {
  for (const NodeCodeKernels* table : Tables()) {
    for (const size_t stride : {64, 128, 832}) {
      for (const size_t others : {1, 7, 16}) {
        const Rows a(11, stride, -1, kSeed), b(16, stride, others == 7 ? 127 : -1, kSeed + 1);
        std::vector<const uint8_t*> addresses;
        for (size_t i = 0; i < others; ++i) addresses.push_back(b.codes.data() + i * stride);
        std::vector<uint8_t> block(16 * stride, 99);
        PackBlock(addresses.data(), others, stride, block.data());
        for (size_t count = 1; count <= 11; ++count) {
          std::vector<uint32_t> dots(count * 16 + 1, 3);
          table->dots(a.codes.data(), count, block.data(), stride, dots.data());
          EXPECT_EQ(dots[count * 16], 3u) << "written past the end";
          for (size_t i = 0; i < count; ++i) {
            for (size_t j = 0; j < 16; ++j) {
              uint32_t expected = 0;
              for (size_t d = 0; d < stride && j < others; ++d) expected += uint32_t{a.codes[i * stride + d]} * b.codes[j * stride + d];
              ASSERT_EQ(dots[i * 16 + j], expected) << table->isa << " stride " << stride << " pair " << i << ", " << j;
            }
          }
        }
      }
    }
  }
}

TEST(NodeCodesTest, BelowFindsThePlacesOfSmallKeys) {
  std::mt19937 random(kSeed);
  for (const NodeCodeKernels* table : Tables()) {
    for (size_t count = 0; count <= 70; ++count) {
      std::vector<uint32_t> keys(count);
      for (uint32_t& key : keys) key = random() % 4 == 0 ? 0xfffffffeu : static_cast<uint32_t>(random() % 1000);
      for (const uint32_t limit : {0u, 1u, 500u, 0xffffffffu}) {
        std::vector<uint32_t> expected, places(count + 16);
        for (size_t i = 0; i < count; ++i) {
          if (keys[i] < limit) expected.push_back(static_cast<uint32_t>(i));
        }
        places.resize(table->below(keys.data(), count, limit, places.data()));
        EXPECT_EQ(places, expected) << table->isa << " count " << count << " limit " << limit;
      }
    }
  }
}

}  // namespace
}  // namespace saker::index
