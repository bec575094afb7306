// Follows the tile registers step by step in software, as the processor's manual describes the instructions, so that what AMX
// would compute is known on machines without it. With AMX sieve_test.cc runs the instructions themselves.
#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "index/kernels/tile_products.h"

namespace saker::index {
namespace {

struct SoftTiles {
  static inline TileShapes shapes;
  static inline uint8_t registers[8][16][64];
  static inline bool shaped = false;

  // LDTILECFG zeroes the registers; a palette of 1 has 8 of 16 rows of 64 bytes.
  static void Shape(const TileShapes& wanted) {
    shapes = wanted;
    shaped = true;
    std::memset(registers, 0, sizeof registers);
    ASSERT_EQ(shapes.palette, 1);
    for (int tile = 0; tile < 16; ++tile) {
      ASSERT_LE(shapes.rows[tile], tile < 8 ? 16 : 0);
      ASSERT_LE(shapes.row_bytes[tile], tile < 8 ? 64 : 0);
      ASSERT_EQ(shapes.rows[tile] == 0, shapes.row_bytes[tile] == 0);
    }
  }
  static void Release() { shaped = false; }
  template <int kTile>
  static void Zero() {
    std::memset(registers[kTile], 0, sizeof registers[kTile]);
  }
  template <int kTile>
  static void Load(const void* from, size_t stride) {
    ASSERT_TRUE(shaped);
    Zero<kTile>();
    for (size_t row = 0; row < shapes.rows[kTile]; ++row) {
      std::memcpy(registers[kTile][row], static_cast<const char*>(from) + row * stride, shapes.row_bytes[kTile]);
    }
  }
  template <int kTile>
  static void Store(void* to, size_t stride) {
    for (size_t row = 0; row < shapes.rows[kTile]; ++row) {
      std::memcpy(static_cast<char*>(to) + row * stride, registers[kTile][row], shapes.row_bytes[kTile]);
    }
  }
  // TDPBSUD: faults unless the shapes fit together.
  template <int kSums, int kLeft, int kRight>
  static void Multiply() {
    ASSERT_EQ(shapes.rows[kSums], shapes.rows[kLeft]);
    ASSERT_EQ(shapes.row_bytes[kSums], shapes.row_bytes[kRight]);
    ASSERT_EQ(shapes.row_bytes[kLeft], shapes.rows[kRight] * 4);
    for (size_t m = 0; m < shapes.rows[kLeft]; ++m) {
      for (size_t n = 0; n < shapes.row_bytes[kRight] / 4u; ++n) {
        int32_t sum;
        std::memcpy(&sum, registers[kSums][m] + n * 4, 4);
        for (size_t k = 0; k < shapes.row_bytes[kLeft]; ++k) {
          sum += static_cast<int8_t>(registers[kLeft][m][k]) * static_cast<int>(registers[kRight][k / 4][n * 4 + k % 4]);
        }
        std::memcpy(registers[kSums][m] + n * 4, &sum, 4);
      }
    }
  }
};

TEST(SieveTilesTest, SumsAreThoseOfTheCodes) {
  std::mt19937 random(20261130);
  for (const size_t dim : {1, 4, 5, 63, 64, 65, 127, 128, 129, 200, 256}) {
    const size_t groups = SieveGroups(dim);
    for (const size_t count : {1, 2, 15, 16, 17, 32, 37}) {
      const size_t tiles = 1 + random() % 3;
      std::vector<uint8_t> codes(tiles * groups * 128);
      std::vector<int8_t> k(count * groups * 4);
      for (uint8_t& code : codes) code = static_cast<uint8_t>(random());
      for (int8_t& value : k) value = static_cast<int8_t>(random());
      const SieveRows rows = {codes.data(), tiles, groups, nullptr, nullptr, nullptr, nullptr};
      const SieveQueries queries = {k.data(), count, nullptr, nullptr, nullptr, nullptr};
      size_t taken = 0;
      MultiplyInTiles<SoftTiles>(rows, queries, [&](size_t q, size_t tile, const int32_t* first, const int32_t* second) {
        ++taken;
        for (size_t r = 0; r < kSieveRows; ++r) {
          int32_t sum = 0;
          for (size_t d = 0; d < groups * 4; ++d) sum += k[q * groups * 4 + d] * codes[tile * groups * 128 + d / 4 * 128 + r * 4 + d % 4];
          ASSERT_EQ(r < 16 ? first[r] : second[r - 16], sum) << "dim " << dim << " query " << q << " of " << count << " row " << r;
        }
      });
      EXPECT_EQ(taken, count * tiles);
      EXPECT_FALSE(SoftTiles::shaped);
    }
  }
}

}  // namespace
}  // namespace saker::index
