// AMX for the sums, AVX-512 for the rest: 16 queries by 16 rows by 64 dimensions an instruction.
#include <immintrin.h>

#include "index/kernels/sieve_avx512.h"
#include "index/kernels/tile_products.h"

namespace saker::index {
namespace {

// gcc 12's intrinsics are macros that paste the register's number as it is spelt, so a template needs the instructions themselves.
struct AmxTiles {
  static void Shape(const TileShapes& shapes) { asm volatile("ldtilecfg %0" : : "m"(shapes)); }
  static void Release() { asm volatile("tilerelease"); }
  template <int kTile>
  static void Zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  template <int kTile>
  static void Load(const void* from, size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  static void Store(void* to, size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kSums, int kQueries, int kRows>  // signed queries, unsigned rows
  static void Multiply() {
    asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kQueries), "i"(kRows));
  }
};

void Sift(const SieveRows& rows, const SieveQueries& queries, uint32_t* masks) {
  MultiplyInTiles<AmxTiles>(rows, queries, [&](size_t q, size_t tile, const int32_t* first, const int32_t* second) {
    const HalfTerms low(rows, tile * kSieveRows), high(rows, tile * kSieveRows + 16);
    const uint32_t upper = high.Passed(_mm512_load_si512(second), queries, q);
    masks[q * rows.tiles + tile] = low.Passed(_mm512_load_si512(first), queries, q) | upper << 16;
  });
}

}  // namespace

const SieveKernels kAmxSieve = {"amx", 255, CodeWithAvx512, Sift};

}  // namespace saker::index
