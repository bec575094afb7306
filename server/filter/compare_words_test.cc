#include "server/filter/compare_words.h"

#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace saker::filter {
namespace {

template <typename T>
bool Plain(Op op, T a, T b) {
  switch (op) {
    case Op::kEq: return a == b;
    case Op::kNe: return a != b;
    case Op::kLt: return a < b;
    case Op::kLe: return a <= b;
    case Op::kGt: return a > b;
    default: return a >= b;
  }
}

template <typename T>
class CompareWordsTest : public testing::Test {};
using Types = testing::Types<int8_t, int16_t, int32_t, int64_t, float, double>;
TYPED_TEST_SUITE(CompareWordsTest, Types);

// Every length over three words at an odd start; every operator; the ends of the type, zeros of both signs, infinities, NaN.
TYPED_TEST(CompareWordsTest, AgreesWithTheOperatorOnEveryValueAndTail) {
  using T = TypeParam;
  using Limits = std::numeric_limits<T>;
  std::vector<T> special{Limits::lowest(), Limits::max(), T(0), T(1), T(-1), T(2)};
  if constexpr (!Limits::is_integer) {
    special.insert(special.end(), {-T(0), Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), Limits::denorm_min()});
  }
  std::mt19937_64 random(20240611);
  std::vector<T> values(200);
  for (T& value : values)
    value = random() % 3 == 0 ? special[random() % special.size()] : static_cast<T>(static_cast<int8_t>(random() % 7));
  for (const Op op : {Op::kEq, Op::kNe, Op::kLt, Op::kLe, Op::kGt, Op::kGe}) {
    for (const T bound : special) {
      for (size_t rows = 0; rows + 1 <= values.size(); ++rows) {
        uint64_t words[4] = {~0ull, ~0ull, ~0ull, ~0ull};
        CompareWords(op, values.data() + 1, bound, rows, words);
        for (size_t i = 0; i < (rows + 63) / 64 * 64; ++i) {
          const bool expected = i < rows && Plain(op, values[i + 1], bound);
          ASSERT_EQ((words[i / 64] >> (i % 64) & 1) != 0, expected)
              << "row " << i << " of " << rows << ", operator " << static_cast<int>(op);
        }
        if (rows <= 128) { ASSERT_EQ(words[3], ~0ull) << "wrote past the rows"; }
      }
    }
  }
}

}  // namespace
}  // namespace saker::filter
