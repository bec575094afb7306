#include "embed/kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <random>

#include "common/aligned_buffer.h"
#include "embed/testing/tiny_model.h"
#include "embed/weights/tensor.h"

namespace saker::embed {
namespace {

class KernelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::cout << "tables:";
    for (const Kernels* kernels : RunnableKernels()) std::cout << ' ' << kernels->isa;
    std::cout << "; SAKER_SEED=" << TestSeed() << '\n';
  }
  std::vector<float> Random(size_t count, float scale = 1) {
    std::normal_distribution<float> normal(0.0F, scale);
    std::vector<float> values(count);
    for (float& value : values) value = normal(random_);
    return values;
  }
  std::mt19937 random_{TestSeed()};
};

TEST_F(KernelsTest, LayerNormAgreesWithScalar) {
  for (const size_t dim : {16, 24, 48, 384, 1024, 7}) {
    const size_t rows = 5;
    const std::vector<float> x = Random(rows * dim, 3);
    const std::vector<float> gamma = Random(dim);
    const std::vector<float> beta = Random(dim);
    std::vector<float> expected = x;
    kScalarKernels.layer_norm(expected.data(), gamma.data(), beta.data(), 1e-12F, rows, dim, nullptr);
    for (const Kernels* kernels : RunnableKernels()) {
      std::vector<float> y = x;
      std::vector<uint16_t> bf16(rows * dim);
      kernels->layer_norm(y.data(), gamma.data(), beta.data(), 1e-12F, rows, dim, bf16.data());
      for (size_t i = 0; i < y.size(); ++i) {
        ASSERT_NEAR(y[i], expected[i], 2e-5) << kernels->isa << " dim " << dim << " at " << i;
        ASSERT_EQ(bf16[i], FloatToBFloat16(y[i])) << kernels->isa;
      }
    }
  }
}

TEST_F(KernelsTest, GeluAgreesWithScalar) {
  for (const size_t count : {1, 7, 8, 16, 33, 4096}) {
    std::vector<float> x = Random(count, 3);
    x[0] = -30;
    if (count > 4) x[1] = 30, x[2] = 0, x[3] = -2.7F;
    std::vector<float> expected = x;
    kScalarKernels.gelu_erf(expected.data(), count);
    for (const Kernels* kernels : RunnableKernels()) {
      std::vector<float> y = x;
      kernels->gelu_erf(y.data(), count);
      for (size_t i = 0; i < count; ++i) ASSERT_NEAR(y[i], expected[i], 1e-6) << kernels->isa << " x " << x[i];
    }
  }
}

TEST_F(KernelsTest, AttentionAgreesWithScalarOverAllTails) {
  for (const size_t head_dim : {8, 16, 32, 48, 64}) {
    for (const size_t tokens : {1, 2, 3, 5, 7, 15, 16, 17, 31, 63, 64, 65, 130}) {
      const size_t stride = 3 * head_dim + 16;
      const std::vector<float> qkv = Random(tokens * stride, 1.5);
      AlignedBuffer scratch = AlignedBuffer::Allocate(AttentionScratchFloats(tokens, head_dim) * sizeof(float)).value();
      AttentionCall call = {};
      call.q = qkv.data();
      call.k = qkv.data() + head_dim;
      call.v = qkv.data() + 2 * head_dim;
      call.stride = stride;
      call.tokens = tokens;
      call.head_dim = head_dim;
      call.scale = 1 / std::sqrt(static_cast<float>(head_dim));
      call.q_end = tokens;
      call.out_stride = head_dim + 3;
      call.scratch = scratch.as<float>();
      std::vector<float> expected(tokens * call.out_stride);
      call.out = expected.data();
      kScalarKernels.attention(call);
      for (const Kernels* kernels : RunnableKernels()) {
        std::vector<float> y(expected.size());
        call.out = y.data();
        kernels->attention(call);
        for (size_t i = 0; i < y.size(); ++i)
          ASSERT_NEAR(y[i], expected[i], 2e-5) << kernels->isa << " head " << head_dim << " tokens " << tokens;
      }
    }
  }
}

TEST_F(KernelsTest, Bf16AttentionAgreesWithScalarOverAllTails) {
  for (const size_t head_dim : {16, 32, 64, 96}) {
    for (const size_t tokens : {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130}) {
      const size_t stride = 3 * head_dim + 16;
      std::vector<uint16_t> qkv;
      for (const float x : Random(tokens * stride, 1.5)) qkv.push_back(FloatToBFloat16(x));
      AlignedBuffer scratch = AlignedBuffer::Allocate(AttentionScratchFloats(tokens, head_dim) * sizeof(float)).value();
      AttentionCallBf16 call = {};
      call.q = qkv.data();
      call.k = qkv.data() + head_dim;
      call.v = qkv.data() + 2 * head_dim;
      call.stride = stride;
      call.tokens = tokens;
      call.head_dim = head_dim;
      call.scale = 1 / std::sqrt(static_cast<float>(head_dim));
      call.q_end = tokens;
      call.out_stride = head_dim + 3;
      call.scratch = scratch.as<float>();
      std::vector<uint16_t> expected(tokens * call.out_stride);
      call.out = expected.data();
      kScalarKernels.attention_bf16(call);
      for (const Kernels* kernels : RunnableKernels()) {
        std::vector<uint16_t> y(expected.size());
        call.out = y.data();
        kernels->attention_bf16(call);
        for (size_t i = 0; i < y.size(); ++i) {
          ASSERT_NEAR(BFloat16ToFloat(y[i]), BFloat16ToFloat(expected[i]), 0.04)
              << kernels->isa << " head " << head_dim << " tokens " << tokens;
        }
      }
    }
  }
}

TEST_F(KernelsTest, AttentionStaysFiniteForLargeScores) {
  constexpr size_t kTokens = 20;
  constexpr size_t kHead = 16;
  std::vector<float> qkv(kTokens * 3 * kHead, 100.0F);
  AlignedBuffer scratch = AlignedBuffer::Allocate(AttentionScratchFloats(kTokens, kHead) * sizeof(float)).value();
  for (const Kernels* kernels : RunnableKernels()) {
    std::vector<float> y(kTokens * kHead);
    AttentionCall call = {};
    call.q = qkv.data();
    call.k = qkv.data() + kHead;
    call.v = qkv.data() + 2 * kHead;
    call.stride = 3 * kHead;
    call.tokens = kTokens;
    call.head_dim = kHead;
    call.scale = 1;
    call.q_end = kTokens;
    call.out = y.data();
    call.out_stride = kHead;
    call.scratch = scratch.as<float>();
    kernels->attention(call);
    for (const float value : y) ASSERT_NEAR(value, 100.0F, 1e-3) << kernels->isa;
  }
}

TEST(BFloat16, RoundsToNearestEven) {
  EXPECT_EQ(FloatToBFloat16(1.0F), 0x3F80);
  EXPECT_EQ(FloatToBFloat16(1.00390625F), 0x3F80);  // half way: to even
  EXPECT_EQ(FloatToBFloat16(1.01171875F), 0x3F82);
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(NAN))));
  EXPECT_EQ(HalfToFloat(0x3C00), 1.0F);
  EXPECT_EQ(HalfToFloat(0x0001), 0x1p-24F);
  EXPECT_EQ(HalfToFloat(0xFC00), -INFINITY);
}

}  // namespace
}  // namespace saker::embed
