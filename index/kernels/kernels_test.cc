// Every instruction set that this machine has, against scalar.cc.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

constexpr uint32_t kSeed = 20240611;

struct Typed {
  const char* name;
  size_t bytes;
  DistanceKernel Kernels::*l2;
  DistanceKernel Kernels::*ip;
};
const Typed kTypes[] = {{"f32", 4, &Kernels::l2_f32, &Kernels::ip_f32},
                        {"f16", 2, &Kernels::l2_f16, &Kernels::ip_f16},
                        {"bf16", 2, &Kernels::l2_bf16, &Kernels::ip_bf16},
                        {"i8", 1, &Kernels::l2_i8, &Kernels::ip_i8}};

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

class KernelsTest : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    KernelChoice all[8];
    const size_t count = AllKernels(all);
    if (GetParam() >= count) GTEST_SKIP() << "this build has " << count << " instruction sets";
    if (!all[GetParam()].supported) GTEST_SKIP() << "skipped: this machine has no " << all[GetParam()].kernels->isa;
    kernels_ = all[GetParam()].kernels;
    std::printf("instruction set %s, seed %u\n", kernels_->isa, kSeed);
  }
  const Kernels* kernels_ = nullptr;
};

TEST_P(KernelsTest, DistancesMatchScalarForEveryTailAndOffset) {
  std::mt19937 random(kSeed);
  for (const Typed& type : kTypes) {
    for (size_t dim = 0; dim <= 130; ++dim) {
      const size_t offset = dim % 9;  // in bytes: any alignment
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
        (kernels_->*member).four(query.data() + offset, pointers, dim, four);
        for (size_t r = 0; r < 4; ++r) {
          const float expected = (kScalarKernels.*member).one(query.data() + offset, pointers[r], dim);
          const float one = (kernels_->*member).one(query.data() + offset, pointers[r], dim);
          if (type.bytes == 1) {
            EXPECT_EQ(expected, one) << type.name << " dim " << dim;
          } else {
            ExpectClose(expected, one, 8.0 * static_cast<double>(dim + 1), type.name, dim);
          }
          EXPECT_EQ(one, four[r]) << type.name << " dim " << dim << ": one row and four must round alike";
        }
      }
    }
  }
}

TEST_P(KernelsTest, SpecialFloatsBehaveAsInScalar) {
  const float inf = std::numeric_limits<float>::infinity();
  const float specials[] = {0.0f, -0.0f, inf, -inf, std::numeric_limits<float>::quiet_NaN(), 1e-45f, -1e-45f, 3e38f, -3e38f, 1.0f};
  for (const float a : specials) {
    for (const float b : specials) {
      for (const size_t dim : {1u, 7u, 8u, 15u, 16u, 17u, 33u}) {
        for (const size_t at : {size_t{0}, dim - 1}) {
          std::vector<float> x(dim, 0.5f), y(dim, 0.25f);
          x[at] = a;
          y[at] = b;
          for (const auto member : {&Kernels::l2_f32, &Kernels::ip_f32}) {
            const float expected = (kScalarKernels.*member).one(x.data(), y.data(), dim);
            const float actual = (kernels_->*member).one(x.data(), y.data(), dim);
            ExpectClose(expected, actual, std::fabs(expected) + 64, "special", dim);
          }
        }
      }
    }
  }
}

TEST_P(KernelsTest, Int8StaysExactAtTheLargestDimension) {
  const size_t dim = 32768;
  std::vector<int8_t> low(dim, -128), high(dim, 127);
  EXPECT_EQ(kernels_->l2_i8.one(low.data(), high.data(), dim), static_cast<float>(255.0 * 255.0 * 32768.0));
  EXPECT_EQ(kernels_->ip_i8.one(low.data(), low.data(), dim), static_cast<float>(128.0 * 128.0 * 32768.0));
}

TEST_P(KernelsTest, BitCountsMatchScalar) {
  std::mt19937 random(kSeed);
  for (size_t bytes = 0; bytes <= 200; ++bytes) {
    const size_t offset = bytes % 7;
    std::vector<uint8_t> a(bytes + offset), b(bytes + offset);
    for (auto& byte : a) byte = static_cast<uint8_t>(bytes % 5 == 0 ? 0xff : random());
    for (auto& byte : b) byte = static_cast<uint8_t>(random());
    EXPECT_EQ(kScalarKernels.hamming(a.data() + offset, b.data() + offset, bytes),
              kernels_->hamming(a.data() + offset, b.data() + offset, bytes));
    uint32_t both = 0, either = 0, expected_both = 0, expected_either = 0;
    kScalarKernels.jaccard(a.data() + offset, b.data() + offset, bytes, &expected_both, &expected_either);
    kernels_->jaccard(a.data() + offset, b.data() + offset, bytes, &both, &either);
    EXPECT_EQ(expected_both, both);
    EXPECT_EQ(expected_either, either);
  }
}

TEST_P(KernelsTest, CodeProductsAreExact) {
  std::mt19937 random(kSeed);
  for (size_t bytes = 64; bytes <= 4096; bytes += bytes < 512 ? 64 : 512) {
    std::vector<uint8_t> rows(4 * bytes + 1);
    std::vector<int8_t> high(bytes), low(bytes);
    const bool extreme = bytes % 128 == 0;
    for (auto& code : rows) code = extreme ? 127 : static_cast<uint8_t>(random() % 128);
    for (auto& value : high) value = extreme ? -127 : static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
    for (auto& value : low) value = extreme ? 127 : static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
    const uint8_t* starts[4];
    for (size_t r = 0; r < 4; ++r) starts[r] = rows.data() + 1 + r * bytes;
    float four[4];
    kernels_->codes.four(starts, high.data(), low.data(), bytes, four);
    for (size_t r = 0; r < 4; ++r) {
      const float expected = kScalarKernels.codes.one(starts[r], high.data(), low.data(), bytes);
      EXPECT_EQ(four[r], expected) << bytes;
      EXPECT_EQ(kernels_->codes.one(starts[r], high.data(), low.data(), bytes), expected) << bytes;
    }
  }
}

TEST_P(KernelsTest, CodePairsAreExact) {
  std::mt19937 random(kSeed);
  for (size_t bytes = 64; bytes <= 32768; bytes += bytes < 1024 ? 64 : 7936) {
    for (const bool extreme : {false, true}) {
      std::vector<uint8_t> query(bytes + 3), rows(4 * bytes + 1);
      for (auto& code : query) code = extreme ? static_cast<uint8_t>(127 * (bytes % 128 == 0)) : static_cast<uint8_t>(random() % 128);
      for (auto& code : rows) code = extreme ? 127 : static_cast<uint8_t>(random() % 128);
      if (extreme) rows[bytes] = 0;
      const uint8_t* starts[4];
      for (size_t r = 0; r < 4; ++r) starts[r] = rows.data() + 1 + r * bytes;
      for (const auto& kernel :
           {std::pair(&kernels_->codes_l2, &kScalarKernels.codes_l2), {&kernels_->codes_ip, &kScalarKernels.codes_ip}}) {
        uint32_t four[4];
        kernel.first->four(query.data() + 3, starts, bytes, four);
        for (size_t r = 0; r < 4; ++r) {
          const uint32_t expected = kernel.second->one(query.data() + 3, starts[r], bytes);
          EXPECT_EQ(four[r], expected) << bytes;
          EXPECT_EQ(kernel.first->one(query.data() + 3, starts[r], bytes), expected) << bytes;
        }
      }
    }
  }
}

TEST_P(KernelsTest, EveryHalfConvertsAsInScalar) {
  std::vector<uint16_t> halves(65536 + 3);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  for (const auto member : {&Kernels::f16_to_f32, &Kernels::bf16_to_f32}) {
    std::vector<float> expected(halves.size()), actual(halves.size() + 1, 42.0f);
    (kScalarKernels.*member)(halves.data(), expected.data(), halves.size());
    (kernels_->*member)(halves.data(), actual.data(), halves.size());
    EXPECT_EQ(actual.back(), 42.0f) << "wrote past the end";
    EXPECT_EQ(std::memcmp(expected.data(), actual.data(), halves.size() * 4), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, KernelsTest, testing::Range(size_t{0}, size_t{4}));

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
