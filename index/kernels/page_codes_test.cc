// Every table of page_codes.h gives what the definition says, bit for bit, at odd lengths and for what is no number.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "index/kernels/page_codes.h"

namespace saker::index {
namespace {

TEST(PageCodes, BytesAreWidenedExactly) {
  const PageCodeKernels* all[3];
  const size_t count = AllPageCodes(all);
  std::mt19937 random(7);
  for (const size_t n : {0, 1, 15, 16, 17, 63, 128, 1000}) {
    std::vector<uint8_t> in(n);
    for (uint8_t& byte : in) byte = static_cast<uint8_t>(random());
    for (size_t t = 0; t < count; ++t) {
      std::vector<float> out(n + 1, -1);
      all[t]->widen(in.data(), n, -120, out.data());
      for (size_t i = 0; i < n; ++i) EXPECT_EQ(out[i], static_cast<float>(in[i]) - 120) << all[t]->isa << " " << n << " " << i;
      EXPECT_EQ(out[n], -1);
    }
  }
}

TEST(PageCodes, TablesAreTheSameEverywhere) {
  const PageCodeKernels* all[3];
  const size_t count = AllPageCodes(all);
  std::mt19937 random(8);
  std::normal_distribution<float> normal;
  std::vector<float> entries(256);
  for (float& value : entries) value = normal(random);
  for (const bool product : {false, true}) {
    std::vector<float> expected(256, 0.0f);
    std::vector<uint16_t> expected_cut(256);
    float low = 0, high = 0;
    for (size_t t = 0; t < count; ++t) {
      std::vector<float> out(256, 0.0f);
      std::vector<uint16_t> cut(256);
      for (const float own : {0.3f, -1.7f, 2.0f})
        (product ? all[t]->subtract_products : all[t]->add_squares)(own, entries.data(), 256, out.data());
      float least = 0, largest = 0;
      all[t]->limit(out.data(), 256, &least, &largest);
      EXPECT_EQ(least, *std::min_element(out.begin(), out.end()));
      EXPECT_EQ(largest, *std::max_element(out.begin(), out.end()));
      all[t]->cut(out.data(), 256, least, 65000 / (largest - least), cut.data());
      if (t == 0) {
        expected = out;
        expected_cut = cut;
        low = least;
        high = largest;
      }
      EXPECT_EQ(out, expected) << all[t]->isa;
      EXPECT_EQ(cut, expected_cut) << all[t]->isa;
      for (size_t i = 0; i < 256; ++i) EXPECT_NEAR(cut[i], (out[i] - low) * 65000 / (high - low), 0.6);
    }
  }
}

TEST(PageCodes, SumsAreExact) {
  const PageCodeKernels* all[3];
  const size_t count = AllPageCodes(all);
  std::mt19937 random(9);
  for (const size_t parts : {1, 7, 8, 9, 46, 300}) {
    std::vector<uint8_t> code(parts);
    std::vector<uint16_t> table(parts * 256);
    for (uint8_t& one : code) one = static_cast<uint8_t>(random());
    for (uint16_t& one : table) one = static_cast<uint16_t>(random());
    uint32_t expected = 0;
    for (size_t part = 0; part < parts; ++part) expected += table[part * 256 + code[part]];
    for (size_t t = 0; t < count; ++t) EXPECT_EQ(all[t]->sum(code.data(), table.data(), parts), expected) << all[t]->isa << " " << parts;
  }
}

TEST(PageCodes, WhatIsNoNumberIsFar) {
  const PageCodeKernels* all[3];
  const size_t count = AllPageCodes(all);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (size_t t = 0; t < count; ++t) {
    std::vector<float> values(32, 1.0f);
    values[3] = kInfinity;
    values[17] = -kInfinity;
    values[31] = std::numeric_limits<float>::quiet_NaN();
    float least = 0, largest = 0;
    all[t]->limit(values.data(), values.size(), &least, &largest);
    EXPECT_EQ(values[3], kPageCodeLimit) << all[t]->isa;
    EXPECT_EQ(values[17], -kPageCodeLimit) << all[t]->isa;
    EXPECT_EQ(values[31], kPageCodeLimit) << all[t]->isa;
    EXPECT_EQ(least, -kPageCodeLimit);
    EXPECT_EQ(largest, kPageCodeLimit);
  }
}

}  // namespace
}  // namespace saker::index
