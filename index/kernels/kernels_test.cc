// Every instruction set that this machine has, against scalar.cc.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "index/kernels/kernels.h"
#include "index/kernels/test_kernels.h"

namespace saker::index {
namespace {

struct Typed {
  const char* name;
  size_t bytes;
  DistanceKernel Kernels::*l2;
  DistanceKernel Kernels::*ip;
};
const Typed kTypes[] = {{"f32", 4, &Kernels::l2_f32, &Kernels::ip_f32},
                        {"f16", 2, &Kernels::l2_f16, &Kernels::ip_f16},
                        {"bf16", 2, &Kernels::l2_bf16, &Kernels::ip_bf16},
                        {"i8", 1, &Kernels::l2_i8, &Kernels::ip_i8},
                        {"u8", 1, &Kernels::l2_u8, &Kernels::ip_u8}};

// Random finite values of a type, of moderate size.
void Fill(const Typed& type, std::mt19937& random, uint8_t* out, size_t n) {
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < n; ++i) {
    if (type.bytes == 1) {
      out[i] = static_cast<uint8_t>(random());
      continue;
    }
    float value = normal(random);
    if (type.bytes == 4) {
      std::memcpy(out + i * 4, &value, 4);
      continue;
    }
    uint16_t half;
    if (type.l2 == &Kernels::l2_f16) {
      half = static_cast<uint16_t>((random() & 0x83ff) | ((11 + random() % 6) << 10));
    } else {
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      half = static_cast<uint16_t>(bits >> 16);
    }
    std::memcpy(out + i * 2, &half, 2);
  }
}

// The same number, the same infinity, or both not a number.
void ExpectClose(float expected, float actual, double scale, const char* what, size_t dim) {
  if (std::isnan(expected) || std::isinf(expected)) {
    EXPECT_EQ(std::isnan(expected), std::isnan(actual)) << what << " dim " << dim;
    if (std::isinf(expected)) { EXPECT_EQ(expected, actual) << what << " dim " << dim; }
    return;
  }
  EXPECT_NEAR(expected, actual, 1e-6 * scale + 1e-30) << what << " dim " << dim;
}

// One row and four, at any alignment, against scalar.
void ExpectAsScalar(const Kernels& kernels, const Typed& type, size_t dim, std::mt19937& random) {
  const size_t offset = dim % 9;  // in bytes
  std::vector<uint8_t> query(dim * type.bytes + offset);
  std::vector<std::vector<uint8_t>> rows(4, query);
  Fill(type, random, query.data() + offset, dim);
  const void* pointers[4];
  for (size_t r = 0; r < 4; ++r) {
    Fill(type, random, rows[r].data() + offset, dim);
    pointers[r] = rows[r].data() + offset;
  }
  for (const auto member : {type.l2, type.ip}) {
    float four[4];
    (kernels.*member).four(query.data() + offset, pointers, dim, four);
    for (size_t r = 0; r < 4; ++r) {
      const float expected = (ScalarKernels().*member).one(query.data() + offset, pointers[r], dim);
      const float one = (kernels.*member).one(query.data() + offset, pointers[r], dim);
      if (type.bytes == 1) {
        EXPECT_EQ(expected, one) << type.name << " dim " << dim;
      } else {
        ExpectClose(expected, one, 8.0 * static_cast<double>(dim + 1), type.name, dim);
      }
      EXPECT_EQ(one, four[r]) << type.name << " dim " << dim << ": one row and four must round alike";
    }
  }
}

TEST_P(KernelsTest, DistancesMatchScalarForEveryTailAndOffset) {
  std::mt19937 random(kSeed);
  for (const Typed& type : kTypes) {
    for (size_t dim = 0; dim <= 130; ++dim) ExpectAsScalar(*kernels_, type, dim, random);
    for (const size_t dim : {768u, 1536u, 32768u}) ExpectAsScalar(*kernels_, type, dim, random);
  }
}

// Puts `a` and `b`, bit patterns of the type, at one place of two ordinary vectors and compares one row and four.
template <typename Element>
void ExpectSpecialAsScalar(const Kernels& kernels, const Typed& type, Element ordinary, Element a, Element b, size_t dim, size_t at) {
  std::vector<Element> x(dim, ordinary), y(dim, ordinary), z(dim, ordinary);
  x[at] = a;
  y[at] = b;
  const void* const rows[4] = {y.data(), z.data(), x.data(), y.data()};
  for (const auto member : {type.l2, type.ip}) {
    float four[4];
    (kernels.*member).four(x.data(), rows, dim, four);
    for (size_t r = 0; r < 4; ++r) {
      const float expected = (ScalarKernels().*member).one(x.data(), rows[r], dim);
      const float one = (kernels.*member).one(x.data(), rows[r], dim);
      ExpectClose(expected, one, std::fabs(expected) + 64, type.name, dim);
      if (std::isnan(one)) {
        EXPECT_TRUE(std::isnan(four[r])) << type.name << " dim " << dim;
      } else {
        EXPECT_EQ(one, four[r]) << type.name << " dim " << dim;
      }
    }
  }
}

TEST_P(KernelsTest, SpecialValuesBehaveAsInScalar) {
  const float inf = std::numeric_limits<float>::infinity();
  const float floats[] = {0.0f, -0.0f, inf, -inf, std::numeric_limits<float>::quiet_NaN(), 1e-45f, -1e-45f, 3e38f, -3e38f, 1.0f};
  // Zeros, denormals, the largest, infinities and NaN of fp16 and of bf16.
  const uint16_t f16[] = {0, 0x8000, 1, 0x83ff, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x3c00};
  const uint16_t bf16[] = {0, 0x8000, 1, 0x807f, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fc0, 0x3f80};
  for (const size_t dim : {1u, 7u, 8u, 15u, 16u, 17u, 31u, 33u, 65u}) {
    for (const size_t at : {size_t{0}, dim / 2, dim - 1}) {
      for (size_t i = 0; i < 10; ++i) {
        for (size_t j = 0; j < 10; ++j) {
          ExpectSpecialAsScalar<float>(*kernels_, kTypes[0], 0.5f, floats[i], floats[j], dim, at);
          ExpectSpecialAsScalar<uint16_t>(*kernels_, kTypes[1], 0x3800, f16[i], f16[j], dim, at);
          // The dot product of AVX-512 BF16 takes denormals for zero: kernels.h says so.
          const bool denormal = i == 2 || i == 3 || j == 2 || j == 3;
          if (denormal && std::strcmp(kernels_->isa, "avx512_bf16") == 0) continue;
          ExpectSpecialAsScalar<uint16_t>(*kernels_, kTypes[2], 0x3f00, bf16[i], bf16[j], dim, at);
        }
      }
    }
  }
}

TEST_P(KernelsTest, EightBitSumsStayExactAtTheLargestDimension) {
  const size_t dim = 32768;
  const std::vector<int8_t> low(dim, -128), high(dim, 127);
  const std::vector<uint8_t> full(dim, 255), zero(dim, 0);
  const auto n = static_cast<double>(dim);
  EXPECT_EQ(kernels_->l2_i8.one(low.data(), high.data(), dim), static_cast<float>(255.0 * 255.0 * n));
  EXPECT_EQ(kernels_->ip_i8.one(low.data(), low.data(), dim), static_cast<float>(128.0 * 128.0 * n));
  EXPECT_EQ(kernels_->ip_i8.one(low.data(), high.data(), dim), static_cast<float>(-128.0 * 127.0 * n));
  EXPECT_EQ(kernels_->l2_u8.one(full.data(), zero.data(), dim), static_cast<float>(255.0 * 255.0 * n));
  EXPECT_EQ(kernels_->ip_u8.one(full.data(), full.data(), dim), static_cast<float>(255.0 * 255.0 * n));
}

TEST_P(KernelsTest, EveryHalfConvertsAsInScalar) {
  std::vector<uint16_t> halves(65536 + 3);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  for (const auto member : {&Kernels::f16_to_f32, &Kernels::bf16_to_f32}) {
    std::vector<float> expected(halves.size()), actual(halves.size() + 1, 42.0f);
    (ScalarKernels().*member)(halves.data(), expected.data(), halves.size());
    (kernels_->*member)(halves.data(), actual.data(), halves.size());
    EXPECT_EQ(actual.back(), 42.0f) << "wrote past the end";
    EXPECT_EQ(std::memcmp(expected.data(), actual.data(), halves.size() * 4), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, KernelsTest, testing::Range(size_t{0}, TableCount()));

TEST(DispatchTest, UnknownAndUnsupportedNamesAreExplained) {
  const char* problem = nullptr;
  EXPECT_EQ(FindKernels("sse9", &problem), nullptr);
  EXPECT_STREQ(problem, "no such instruction set is known");
  KernelChoice all[8];
  const size_t count = AllKernels(all);
  for (size_t i = 0; i < count; ++i) {
    const Kernels* found = FindKernels(all[i].kernels->isa, &problem);
    EXPECT_EQ(found, all[i].supported ? all[i].kernels : nullptr);
  }
}

TEST(DispatchTest, AWrongForcedNameEndsTheProcessWithASentence) {
  EXPECT_EXIT(
      {
        setenv("SAKER_ISA", "sse9", 1);
        BestKernels();
      },
      testing::ExitedWithCode(2), "SAKER_ISA=sse9: no such instruction set is known; choose one of: scalar");
}

}  // namespace
}  // namespace saker::index
