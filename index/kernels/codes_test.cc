// Codes and bits of every instruction set that this machine has, against scalar.
#include <random>
#include <vector>

#include "index/kernels/kernels.h"
#include "index/kernels/test_kernels.h"

namespace saker::index {
namespace {

using CodesTest = KernelsTest;

enum class Content { kRandom, kLowest, kHighest };
constexpr Content kContents[] = {Content::kRandom, Content::kLowest, Content::kHighest};

// Values from `low` to `high`: random ones, or one of the two in all places.
template <typename T>
std::vector<T> Values(std::mt19937& random, size_t n, int low, int high, Content content) {
  std::vector<T> values(n);
  const auto range = static_cast<unsigned>(high - low + 1);
  for (T& value : values) {
    const int random_value = low + static_cast<int>(random() % range);
    value = static_cast<T>(content == Content::kRandom ? random_value : content == Content::kLowest ? low : high);
  }
  return values;
}

// Four rows at odd addresses.
struct Rows {
  Rows(std::mt19937& random, size_t bytes, int high, Content content) : memory(Values<uint8_t>(random, 4 * bytes + 1, 0, high, content)) {
    for (size_t r = 0; r < 4; ++r) starts[r] = memory.data() + 1 + r * bytes;
  }
  std::vector<uint8_t> memory;
  const uint8_t* starts[4];
};

constexpr size_t kWidths[] = {64, 128, 192, 256, 320, 384, 448, 512, 768, 1536, 32768};

TEST_P(CodesTest, ProductsWithQueriesInHalvesAreExact) {
  std::mt19937 random(kSeed);
  for (const size_t bytes : kWidths) {
    if (bytes > 4096) continue;
    for (const Content content : kContents) {
      const Rows rows(random, bytes, 127, content == Content::kRandom ? content : Content::kHighest);
      const auto high = Values<int8_t>(random, bytes, -127, 127, content), low = Values<int8_t>(random, bytes, -127, 127, content);
      float four[4];
      kernels_->codes.four(rows.starts, high.data(), low.data(), bytes, four);
      for (size_t r = 0; r < 4; ++r) {
        const float expected = ScalarKernels().codes.one(rows.starts[r], high.data(), low.data(), bytes);
        EXPECT_EQ(four[r], expected) << bytes;
        EXPECT_EQ(kernels_->codes.one(rows.starts[r], high.data(), low.data(), bytes), expected) << bytes;
      }
    }
  }
}

TEST_P(CodesTest, PairsOfRowsAreExact) {
  struct Pair {
    const char* name;
    CodePairKernel Kernels::*kernel;
    int highest;
  };
  const Pair pairs[] = {{"codes_l2", &Kernels::codes_l2, 127},
                        {"codes_ip", &Kernels::codes_ip, 127},
                        {"codes4_l2", &Kernels::codes4_l2, 255},
                        {"codes4_ip", &Kernels::codes4_ip, 255}};
  std::mt19937 random(kSeed);
  for (const Pair& pair : pairs) {
    for (const size_t bytes : kWidths) {
      for (const Content content : kContents) {
        const Rows rows(random, bytes, pair.highest, content == Content::kRandom ? content : Content::kHighest);
        const auto query = Values<uint8_t>(random, bytes, 0, pair.highest, content);
        uint32_t four[4];
        (kernels_->*pair.kernel).four(query.data(), rows.starts, bytes, four);
        for (size_t r = 0; r < 4; ++r) {
          const uint32_t expected = (ScalarKernels().*pair.kernel).one(query.data(), rows.starts[r], bytes);
          EXPECT_EQ(four[r], expected) << pair.name << " " << bytes;
          EXPECT_EQ((kernels_->*pair.kernel).one(query.data(), rows.starts[r], bytes), expected) << pair.name << " " << bytes;
        }
      }
    }
  }
}

TEST_P(CodesTest, ProductsOfHalfBytesAreExact) {
  std::mt19937 random(kSeed);
  for (const size_t bytes : kWidths) {
    for (const Content content : kContents) {
      const Rows rows(random, bytes, 255, content == Content::kRandom ? content : Content::kHighest);
      const auto query = Values<int8_t>(random, 2 * bytes, -127, 127, content);
      int32_t four[4];
      kernels_->codes4.four(rows.starts, query.data(), bytes, four);
      for (size_t r = 0; r < 4; ++r) {
        const int32_t expected = ScalarKernels().codes4.one(rows.starts[r], query.data(), bytes);
        EXPECT_EQ(four[r], expected) << bytes;
        EXPECT_EQ(kernels_->codes4.one(rows.starts[r], query.data(), bytes), expected) << bytes;
      }
    }
  }
}

TEST_P(CodesTest, CountsOfBitsMatchScalarForEveryTailAndOffset) {
  std::mt19937 random(kSeed);
  for (size_t bytes = 0; bytes <= 200; ++bytes) {
    const Content content = kContents[bytes % 5 == 0 ? 2 : 0];
    const Rows rows(random, bytes, 255, content);
    const auto query = Values<uint8_t>(random, bytes, 0, 255, Content::kRandom);
    for (const auto member : {&Kernels::hamming, &Kernels::common}) {
      const CountKernel& kernel = kernels_->*member;
      uint32_t four[4];
      kernel.four(query.data(), rows.starts, bytes, four);
      for (size_t r = 0; r < 4; ++r) {
        const uint32_t expected = (ScalarKernels().*member).one(query.data(), rows.starts[r], bytes);
        EXPECT_EQ(kernel.one(query.data(), rows.starts[r], bytes), expected) << bytes;
        EXPECT_EQ(four[r], expected) << bytes;
      }
    }
  }
}

TEST_P(CodesTest, BlocksCountAsTheirRowsOneByOne) {
  std::mt19937 random(kSeed);
  for (const size_t bytes : {1u, 2u, 3u, 8u, 16u, 31u, 32u, 33u, 48u, 64u, 96u, 128u, 512u}) {
    for (size_t count = 0; count <= 21; ++count) {
      const auto rows = Values<uint8_t>(random, count * bytes + 1, 0, 255, Content::kRandom);
      const auto query = Values<uint8_t>(random, bytes, 0, 255, Content::kRandom);
      for (const auto member : {&Kernels::hamming, &Kernels::common}) {
        std::vector<uint32_t> out(count + 1, 42);
        (kernels_->*member).block(query.data(), rows.data() + 1, count, bytes, out.data());
        EXPECT_EQ(out[count], 42u) << "wrote past the end";
        for (size_t i = 0; i < count; ++i) {
          EXPECT_EQ(out[i], (ScalarKernels().*member).one(query.data(), rows.data() + 1 + i * bytes, bytes)) << bytes << " row " << i;
        }
      }
    }
  }
}

TEST_P(CodesTest, PlanesOfBitsMatchScalarForEveryTail) {
  std::mt19937 random(kSeed);
  for (size_t bytes = 0; bytes <= 200; ++bytes) {
    const Content content = kContents[bytes % 5 == 0 ? 2 : 0];
    const Rows rows(random, bytes, 255, content);
    const auto planes = Values<uint8_t>(random, 4 * bytes, 0, 255, content);
    uint32_t four[4];
    kernels_->planes.four(rows.starts, planes.data(), bytes, four);
    for (size_t r = 0; r < 4; ++r) {
      const uint32_t expected = ScalarKernels().planes.one(rows.starts[r], planes.data(), bytes);
      EXPECT_EQ(kernels_->planes.one(rows.starts[r], planes.data(), bytes), expected) << bytes;
      EXPECT_EQ(four[r], expected) << bytes;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, CodesTest, testing::Range(size_t{0}, TableCount()));

}  // namespace
}  // namespace saker::index
