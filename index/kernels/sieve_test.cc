// Every instruction set that this machine has: codes that say what they lose, sums and comparisons that are the scalar ones'.
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "index/kernels/sieve.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 20261130;
constexpr size_t kDims[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 128, 131};

std::vector<const SieveKernels*> Sieves() {
  const SieveKernels* all[4];
  return {all, all + AllSieves(all)};
}

TEST(SieveTest, CodesSayWhatTheyLose) {
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal;
  for (const SieveKernels* kernels : Sieves()) {
    for (const size_t dim : kDims) {
      for (const float size : {0.0f, 1e-38f, 1e-20f, 1.0f, 1e11f}) {
        std::vector<float> row(dim);
        for (float& x : row) x = size * (5 + normal(random));
        std::vector<uint8_t> tile(SieveGroups(dim) * 128, 7);
        const SieveTerms terms = kernels->code(row.data(), dim, 19, tile.data());
        double squared = 0, error = 0, most = 0;
        for (size_t d = 0; d < SieveGroups(dim) * 4; ++d) {
          const uint8_t code = tile[d / 4 * 128 + 19 * 4 + d % 4];
          EXPECT_EQ(tile[d / 4 * 128 + 18 * 4 + d % 4], 7);
          EXPECT_LE(static_cast<float>(code), kernels->top);
          if (d >= dim) {
            EXPECT_EQ(code, 0) << dim;
            continue;
          }
          const double x = static_cast<double>(row[d]);
          const double left = x - (static_cast<double>(terms.low) + static_cast<double>(terms.scale) * code);
          squared += x * x;
          error += left * left;
          most = std::max(most, std::fabs(x));
        }
        EXPECT_NEAR(terms.squared, squared, 1e-5 * squared + 1e-38) << kernels->isa << " " << dim;
        const double rounding = 1e-6 * most * std::sqrt(static_cast<double>(dim));
        EXPECT_NEAR(std::sqrt(terms.error), std::sqrt(error), 1e-3 * std::sqrt(error) + rounding + 1e-21) << kernels->isa << " " << dim;
        EXPECT_LE(std::sqrt(error), 0.51 * static_cast<double>(terms.scale) * std::sqrt(static_cast<double>(dim)) + rounding + 1e-30);
      }
    }
  }
}

TEST(SieveTest, WhatIsNotFiniteShowsInTheTerms) {
  for (const SieveKernels* kernels : Sieves()) {
    for (const float bad : {INFINITY, -INFINITY, NAN}) {
      for (size_t at = 0; at < 20; ++at) {
        std::vector<float> row(20, 1.0f);
        row[at] = bad;
        std::vector<uint8_t> tile(SieveGroups(20) * 128);
        EXPECT_FALSE(std::isfinite(kernels->code(row.data(), 20, 0, tile.data()).squared)) << kernels->isa << " " << bad << " " << at;
      }
    }
  }
}

// Numbers small enough that no operation rounds: every instruction set must give the same bits.
TEST(SieveTest, SiftsAsTheScalarOneDoes) {
  std::mt19937 random(kSeed);
  for (const SieveKernels* kernels : Sieves()) {
    for (const size_t dim : kDims) {
      const size_t groups = SieveGroups(dim), tiles = 1 + random() % 3, rows = tiles * kSieveRows;
      for (const size_t count : {1, 3, 4, 5, 10, 11, 27}) {
        std::vector<uint8_t> codes(tiles * groups * 128);
        std::vector<int8_t> k(count * groups * 4);
        for (uint8_t& c : codes) c = static_cast<uint8_t>(random() % 128);
        for (int8_t& value : k) value = static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
        const auto floats = [&](size_t n, int low, int high) {
          std::vector<float> out(n);
          for (float& x : out) x = static_cast<float>(low + static_cast<int>(random() % static_cast<uint32_t>(high - low)));
          return out;
        };
        const auto scale = floats(rows, 0, 3), low = floats(rows, -9, 9), slack = floats(rows, 0, 50), less = floats(rows, 0, 50);
        const auto sum = floats(count, -99, 99), query_slack = floats(count, 0, 9), query_less = floats(count, 0, 3);
        auto limit = floats(count, -2000, 2000);
        limit[random() % count] = -INFINITY;
        const SieveRows row_terms = {codes.data(), tiles, groups, scale.data(), low.data(), slack.data(), less.data()};
        const SieveQueries queries = {k.data(), count, sum.data(), query_slack.data(), query_less.data(), limit.data()};
        std::vector<uint32_t> expected(count * tiles, 1), masks(count * tiles, 2);
        kScalarSieve.sift(row_terms, queries, expected.data());
        kernels->sift(row_terms, queries, masks.data());
        EXPECT_EQ(masks, expected) << kernels->isa << " dim " << dim << " count " << count;
      }
    }
  }
}

TEST(SieveTest, TheLargestSumsAndNaNsAreRight) {
  for (const SieveKernels* kernels : Sieves()) {
    const size_t dim = 32768, groups = SieveGroups(dim);
    std::vector<uint8_t> codes(groups * 128, static_cast<uint8_t>(kernels->top));
    std::vector<int8_t> k(2 * dim, 127);
    std::fill(k.begin() + static_cast<std::ptrdiff_t>(dim), k.end(), int8_t{-127});
    std::vector<float> ones(kSieveRows, 1.0f), zeros(kSieveRows, 0.0f), nothing(2, 0.0f);
    std::vector<float> slack(kSieveRows, 0.0f);
    slack[5] = NAN;
    const float largest = kernels->top * 127.0f * 32768.0f;
    const std::vector<float> limit = {largest, -largest * 1.01f};
    const std::vector<float> once = {1.0f, 1.0f};
    std::vector<uint32_t> masks(2);
    const SieveRows rows = {codes.data(), 1, groups, ones.data(), zeros.data(), slack.data(), zeros.data()};
    kernels->sift(rows, {k.data(), 2, nothing.data(), once.data(), nothing.data(), limit.data()}, masks.data());
    EXPECT_EQ(masks[0], 0xffffffffu) << kernels->isa;
    EXPECT_EQ(masks[1], 0xffffffffu) << kernels->isa;
    const std::vector<float> above = {largest * 1.01f, -largest * 0.99f};
    kernels->sift(rows, {k.data(), 2, nothing.data(), once.data(), nothing.data(), above.data()}, masks.data());
    EXPECT_EQ(masks[0], 1u << 5) << kernels->isa;
    EXPECT_EQ(masks[1], 1u << 5) << kernels->isa;
  }
}

}  // namespace
}  // namespace saker::index
