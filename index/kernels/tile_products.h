// Sums of products of 8-bit codes in tile registers (Intel AMX, INT8): which registers hold what, apart from the instructions,
// so that a test can follow every step on a machine without them (sieve_tiles_test.cc).
//
// Register 0 and 1 collect the sums of up to 16 queries with the two halves of a tile of rows; 2, 3 and 4 hold 64 dimensions of
// the queries and of the halves, 5, 6 and 7 what is left of the dimensions after the last 64. A step of 64 dimensions is
// three loads for two products of 16 x 16 x 64, which keep the multiplier busy for longer than the loads take.
// Source: Intel SDM volume 1, chapter 18; volume 2, LDTILECFG and TDPBSUD.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "index/kernels/sieve.h"

namespace saker::index {

// What LDTILECFG reads.
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  void Set(size_t tile, size_t row_count, size_t bytes) {
    rows[tile] = static_cast<uint8_t>(row_count);
    row_bytes[tile] = static_cast<uint16_t>(bytes);
  }
};
static_assert(sizeof(TileShapes) == 64);

constexpr size_t kTileQueries = 16;
constexpr size_t kTileGroups = 16;  // 64 dimensions

inline TileShapes ShapesFor(size_t queries, size_t groups) {
  TileShapes shapes;
  const size_t rest = groups % kTileGroups == 0 ? kTileGroups : groups % kTileGroups;
  for (const size_t sums : {0, 1}) shapes.Set(sums, queries, 64);
  shapes.Set(2, queries, 64);
  for (const size_t half : {3, 4}) shapes.Set(half, kTileGroups, 64);
  shapes.Set(5, queries, rest * 4);
  for (const size_t half : {6, 7}) shapes.Set(half, rest, 64);
  return shapes;
}

// Takes(query, tile, sums of its rows 0 to 15, sums of its rows 16 to 31) for every query and tile. `Tiles` are the instructions.
template <typename Tiles, typename Take>
void MultiplyInTiles(const SieveRows& rows, const SieveQueries& queries, Take take) {
  alignas(64) int32_t sums[2][kTileQueries][16];
  const size_t bytes = rows.groups * 4, whole = rows.groups / kTileGroups;
  size_t shaped = 0;
  for (size_t q = 0; q < queries.count; q += kTileQueries) {
    const size_t n = std::min(kTileQueries, queries.count - q);
    if (n != shaped) Tiles::Shape(ShapesFor(n, rows.groups));
    shaped = n;
    for (size_t tile = 0; tile < rows.tiles; ++tile) {
      const uint8_t* codes = rows.codes + tile * rows.groups * 128;
      const int8_t* k = queries.codes + q * bytes;
      Tiles::template Zero<0>();
      Tiles::template Zero<1>();
      for (size_t step = 0; step < whole; ++step, codes += kTileGroups * 128, k += kTileGroups * 4) {
        Tiles::template Load<2>(k, bytes);
        Tiles::template Load<3>(codes, 128);
        Tiles::template Load<4>(codes + 64, 128);
        Tiles::template Multiply<0, 2, 3>();
        Tiles::template Multiply<1, 2, 4>();
      }
      if (rows.groups % kTileGroups != 0) {
        Tiles::template Load<5>(k, bytes);
        Tiles::template Load<6>(codes, 128);
        Tiles::template Load<7>(codes + 64, 128);
        Tiles::template Multiply<0, 5, 6>();
        Tiles::template Multiply<1, 5, 7>();
      }
      Tiles::template Store<0>(sums[0], 64);
      Tiles::template Store<1>(sums[1], 64);
      for (size_t i = 0; i < n; ++i) take(q + i, tile, sums[0][i], sums[1][i]);
    }
  }
  Tiles::Release();
}

}  // namespace saker::index
