#include <algorithm>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/segment/growing_segment.h"
#include "server/segment/search.h"
#include "server/segment/select.h"

namespace saker::segment {
namespace {

constexpr int64_t kId = 100;
constexpr int64_t kVector = 101;
constexpr size_t kDim = 4;

std::shared_ptr<const Column> IntegerKeys(const std::vector<int64_t>& keys) {
  auto column = std::make_shared<Column>(DataType::kInt64, DataType::kNone, 8);
  column->AppendFixedRun(keys.data(), keys.size());
  return column;
}

std::shared_ptr<const Column> TextKeys(const std::vector<std::string>& keys) {
  auto column = std::make_shared<Column>(DataType::kVarChar, DataType::kNone, 0);
  for (const std::string& key : keys) column->AppendVariable(key);
  return column;
}

std::vector<RowOffset> RowsOf(const KeyIndex& index, const KeyRef& key) {
  std::vector<RowOffset> rows;
  index.Find(key, [&](RowOffset row) {
    rows.push_back(row);
    return true;
  });
  return rows;
}

// Rows with ids [first, first + count) and the vector (id, 0, 0, 0); every third vector is null when `nulls`.
std::shared_ptr<const RowBatch> Rows(int64_t first, size_t count, bool nulls = false) {
  auto batch = std::make_shared<RowBatch>();
  Column ids(DataType::kInt64, DataType::kNone, 8);
  Column vectors(DataType::kFloatVector, DataType::kNone, kDim * sizeof(float));
  for (int64_t id = first; id < first + static_cast<int64_t>(count); ++id) {
    ids.AppendFixed(&id);
    const float vector[kDim] = {static_cast<float>(id), 0, 0, 0};
    if (nulls && id % 3 == 0) {
      vectors.AppendNull();
    } else {
      vectors.AppendFixed(vector);
    }
  }
  batch->field_ids = {kId, kVector};
  batch->columns.push_back(std::move(ids));
  batch->columns.push_back(std::move(vectors));
  batch->row_count = count;
  return batch;
}

std::vector<int64_t> Ids(const std::vector<Hit>& hits) {
  std::vector<int64_t> ids;
  for (const Hit& hit : hits) ids.push_back(hit.key().integer);
  return ids;
}

Status Search(const GrowingSegment& segment, const VectorQuery& query, std::vector<std::vector<Hit>>* hits) {
  const auto pieces = segment.pieces();
  const Selections selections = TRY(SelectPieces(*pieces, *segment.deletions, {}, {}));
  return SearchPieces(*pieces, selections, query, {}, hits, nullptr);
}

VectorQuery QueryFor(const float* vector, size_t k) {
  VectorQuery query;
  query.field_id = kVector;
  query.metric = index::Metric::kL2;
  query.queries = vector;
  query.k = k;
  return query;
}

TEST(KeyIndex, FindsEveryRowOfAKeyNewestFirst) {
  const KeyIndex index(IntegerKeys({5, 1, 5, -7, 5, 9}));
  EXPECT_THAT(RowsOf(index, KeyRef::Integer(5)), testing::ElementsAre(4, 2, 0));
  EXPECT_THAT(RowsOf(index, KeyRef::Integer(-7)), testing::ElementsAre(3));
  EXPECT_THAT(RowsOf(index, KeyRef::Integer(2)), testing::IsEmpty());
  EXPECT_THAT(RowsOf(index, KeyRef::Integer(10)), testing::IsEmpty());
  EXPECT_EQ(index.Sorted(0), 3u);
}

TEST(KeyIndex, OrdersTextByBytes) {
  const KeyIndex index(TextKeys({"b", "a", "B", "ab", "a"}));
  EXPECT_THAT(RowsOf(index, KeyRef::Text("a")), testing::ElementsAre(4, 1));
  EXPECT_EQ(index.At(index.Sorted(0)).text, "B");
  EXPECT_EQ(index.max().text, "b");
}

TEST(KeyIndex, NeedsNoOrderForAscendingKeys) {
  const auto keys = IntegerKeys({1, 2, 2, 3});
  EXPECT_EQ(KeyIndex(keys).memory_bytes(), keys->memory_bytes());
  EXPECT_THAT(RowsOf(KeyIndex(keys), KeyRef::Integer(2)), testing::ElementsAre(2, 1));
}

TEST(Deletions, AnswerAsOfATimestamp) {
  Deletions deletions;
  for (const RowOffset row : {3u, 70u, 5u}) deletions.Kill(row);
  deletions.Publish(std::vector<Deletion>{{3, 10}, {70, 20}});
  EXPECT_EQ(deletions.At(9), nullptr);
  EXPECT_EQ(deletions.At(10)->Count(), 1u);
  EXPECT_EQ(deletions.At(25)->Count(), 2u);
  EXPECT_TRUE(deletions.At(25)->Test(70));
  deletions.Publish(std::vector<Deletion>{{5, 30}});
  EXPECT_EQ(deletions.At(30)->Count(), 3u);
  EXPECT_EQ(deletions.At(15)->Count(), 1u) << "an older read after a newer one";
  EXPECT_EQ(deletions.CountAt(29), 2u);
  EXPECT_EQ(deletions.After(10).size(), 2u);
  EXPECT_TRUE(deletions.IsDead(5));
  deletions.Revive(5);
  EXPECT_FALSE(deletions.IsDead(5));
}

TEST(GrowingSegment, MergesSmallPiecesLikeABinaryCounter) {
  GrowingSegment segment(SegmentId(1), PartitionId(1), kId);
  for (int64_t id = 0; id < 20000; ++id) {
    segment.Stage(Rows(id, 1), static_cast<Timestamp>(id + 1));
    segment.PublishStaged();
  }
  const auto pieces = segment.pieces();
  EXPECT_LE(pieces->size(), 20u);
  size_t next = 0;
  for (const auto& piece : *pieces) {
    EXPECT_EQ(piece->first_row, next);
    EXPECT_EQ(piece->timestamps->front(), next + 1);
    EXPECT_EQ(piece->keys->At(0).integer, static_cast<int64_t>(next));
    next += piece->row_count;
  }
  EXPECT_EQ(next, 20000u);
}

TEST(GrowingSegment, ForgetsWhatWasStagedExactly) {
  GrowingSegment segment(SegmentId(1), PartitionId(1), kId);
  segment.Stage(Rows(0, 10), 1);
  segment.PublishStaged();
  segment.Stage(Rows(10, 5), 2);
  segment.Stage(Rows(15, 5), 3);
  EXPECT_EQ(segment.next_row(), 20u);
  EXPECT_EQ(segment.row_count(), 10u);
  segment.DropStaged();
  EXPECT_EQ(segment.next_row(), 10u);
  segment.Stage(Rows(100, 1), 4);
  segment.PublishStaged();
  EXPECT_EQ(segment.row_count(), 11u);
}

TEST(GrowingSegment, ASnapshotDoesNotSeeLaterRows) {
  GrowingSegment segment(SegmentId(1), PartitionId(1), kId);
  segment.Stage(Rows(0, 3), 1);
  segment.PublishStaged();
  const auto before = segment.pieces();
  segment.Stage(Rows(3, 3), 2);
  segment.PublishStaged();
  ASSERT_EQ(before->size(), 1u);
  EXPECT_EQ(before->front()->row_count, 3u);
}

TEST(Select, ShiftsTheSegmentsDeadRowsToEveryPiece) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    const auto first = static_cast<RowOffset>(random() % 300);
    const size_t count = 1 + random() % 200;
    const auto piece = MakePiece(Rows(0, count), std::make_shared<const std::vector<Timestamp>>(count, 5), first, kId);
    index::Bitset dead(1 + random() % 600);
    for (size_t i = 0; i < dead.size(); ++i) {
      if (random() % 3 == 0) dead.Set(i);
    }
    const Selection selection = SelectVisible(*piece, &dead, {});
    for (size_t row = 0; row < count; ++row) {
      const bool is_dead = first + row < dead.size() && dead.Test(first + row);
      ASSERT_EQ(!selection.bits || selection.bits->Test(row), !is_dead);
      ASSERT_EQ(IsVisible(*piece, row, &dead, {}), !is_dead);
    }
  }
}

TEST(Select, HidesLaterAndExpiredRows) {
  auto times = std::make_shared<const std::vector<Timestamp>>(std::vector<Timestamp>{1, 5, 5, 9});
  const auto piece = MakePiece(Rows(0, 4), times, 0, kId);
  EXPECT_FALSE(SelectVisible(*piece, nullptr, {9, {}, nullptr}).bits.has_value());
  EXPECT_EQ(SelectVisible(*piece, nullptr, {5, {}, nullptr}).count, 3u);
  EXPECT_EQ(SelectVisible(*piece, nullptr, {5, 2, nullptr}).count, 2u);
  EXPECT_EQ(SelectVisible(*piece, nullptr, {0, {}, nullptr}).count, 0u);
}

TEST(SearchPieces, PagesStrictlyBehindAScoreForEveryMetric) {
  GrowingSegment segment(SegmentId(1), PartitionId(1), kId);
  for (int64_t first = 1; first < 400; first += 100) {
    segment.Stage(Rows(first, 100), static_cast<Timestamp>(first));
    segment.PublishStaged();
  }
  const float vector[kDim] = {1, 0, 0, 0};
  for (const index::Metric metric : {index::Metric::kL2, index::Metric::kIp}) {
    VectorQuery query = QueryFor(vector, 7);
    query.metric = metric;
    std::set<int64_t> seen;
    for (;;) {
      std::vector<std::vector<Hit>> hits(1);
      ASSERT_TRUE(Search(segment, query, &hits).ok());
      if (hits[0].empty()) break;
      for (const int64_t id : Ids(hits[0])) EXPECT_TRUE(seen.insert(id).second) << id << " came twice";
      query.after_score = hits[0].back().score;
    }
    EXPECT_EQ(seen.size(), 400u);
  }
}

TEST(SearchPieces, NeverReturnsARowWithoutAVector) {
  GrowingSegment segment(SegmentId(1), PartitionId(1), kId);
  segment.Stage(Rows(0, 9, true), 1);
  segment.PublishStaged();
  const float vector[kDim] = {0, 0, 0, 0};
  std::vector<std::vector<Hit>> hits(1);
  ASSERT_TRUE(Search(segment, QueryFor(vector, 100), &hits).ok());
  EXPECT_THAT(Ids(hits[0]), testing::ElementsAre(1, 2, 4, 5, 7, 8));
}

TEST(SearchPieces, BreaksTiesBySmallerKey) {
  GrowingSegment segment(SegmentId(1), PartitionId(1), kId);
  for (const int64_t id : {30, 10, 20}) {
    segment.Stage(Rows(id, 1), 1);
    segment.PublishStaged();
  }
  const float vector[kDim] = {0, 1, 0, 0};
  VectorQuery query = QueryFor(vector, 3);
  query.metric = index::Metric::kIp;
  std::vector<std::vector<Hit>> hits(1);
  ASSERT_TRUE(Search(segment, query, &hits).ok());
  EXPECT_THAT(Ids(hits[0]), testing::ElementsAre(10, 20, 30));
}

TEST(FieldReader, FillsWhatAnOlderSchemaLacked) {
  const auto piece = MakePiece(Rows(0, 2), std::make_shared<const std::vector<Timestamp>>(2, 1), 0, kId);
  FieldSchema with_default;
  with_default.id = 200;
  with_default.type = DataType::kInt16;
  with_default.default_value = int64_t{-3};
  Column numbers(with_default);
  FieldReader(*piece, with_default).AppendRangeTo(&numbers, 0, 2);
  EXPECT_EQ(numbers.GetInteger(1), -3);
  EXPECT_FALSE(numbers.has_nulls());
  FieldSchema nullable;
  nullable.id = 201;
  nullable.type = DataType::kVarChar;
  nullable.nullable = true;
  Column texts(nullable);
  FieldReader(*piece, nullable).AppendTo(&texts, 0);
  EXPECT_FALSE(texts.IsValid(0));
}

TEST(FilterBits, RemembersFromTheSecondTimeOnAndStaysBounded) {
  MemoryBudget memory(1 << 20);
  FilterBits bits(memory, 8000);  // 1,000 bytes each, 64 KiB in all
  index::Bitset rows(8000);
  rows.Set(17);
  bits.Offer("a", rows);
  EXPECT_EQ(bits.Find("a"), nullptr) << "seen once";
  bits.Offer("a", rows);
  ASSERT_NE(bits.Find("a"), nullptr);
  EXPECT_TRUE(bits.Find("a")->Test(17));
  for (int i = 0; i < 200; ++i) {
    const std::string key = "filter " + std::to_string(i);
    bits.Offer(key, rows);
    bits.Offer(key, rows);
    EXPECT_TRUE(i != 20 || bits.Find("a") != nullptr);
  }
  EXPECT_EQ(bits.Find("a"), nullptr) << "the least recently used goes";
  EXPECT_NE(bits.Find("filter 199"), nullptr);
  EXPECT_LE(memory.used_bytes(), 64u << 10);
  MemoryBudget small(1024);
  FilterBits none(small, 8000);
  none.Offer("a", rows);
  none.Offer("a", rows);
  EXPECT_EQ(none.Find("a"), nullptr) << "no memory, no cache";
}

// Counts how often it is evaluated.
class CountingFilter final : public filter::Filter {
 public:
  explicit CountingFilter(std::string key) : key_(std::move(key)) {}
  bool always_true() const override { return false; }
  const std::vector<int64_t>& field_ids() const override { return fields_; }
  const PrimaryKeys* exact_primary_keys() const override { return nullptr; }
  const std::vector<ScalarValue>* partition_key_values() const override { return nullptr; }
  const std::string& cache_key() const override { return key_; }
  Result<index::Bitset> Evaluate(const RowBatch& rows, const filter::RowIndexes&, const Context&) const override {
    ++evaluations;
    index::Bitset bits(rows.row_count);
    for (size_t row = 0; row < rows.row_count; row += 2) bits.Set(row);
    return bits;
  }
  mutable int evaluations = 0;

 private:
  const std::string key_;
  const std::vector<int64_t> fields_ = {kId};
};

TEST(Select, AFilterThatComesAgainIsRememberedButTheDeadAreNot) {
  MemoryBudget memory(64 << 20);
  const auto timestamps = std::make_shared<const std::vector<Timestamp>>(100, 5);
  const std::shared_ptr<Piece> piece = MakePiece(Rows(0, 100), timestamps, 0, kId);
  piece->filter_bits = std::make_shared<FilterBits>(memory, piece->row_count);
  const CountingFilter filter("even");
  const ReadView view{.timestamp = kMaxTimestamp, .min_timestamp = std::nullopt, .filter = &filter};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Select(*piece, nullptr, view, Context())->count, 50u);
  EXPECT_EQ(filter.evaluations, 2);
  index::Bitset dead(100);
  dead.Set(4);
  EXPECT_EQ(Select(*piece, &dead, view, Context())->count, 49u);
  EXPECT_EQ(Select(*piece, nullptr, view, Context())->count, 50u);
  EXPECT_EQ(filter.evaluations, 2);
  const CountingFilter random("");
  const ReadView again{.timestamp = kMaxTimestamp, .min_timestamp = std::nullopt, .filter = &random};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Select(*piece, nullptr, again, Context())->count, 50u);
  EXPECT_EQ(random.evaluations, 3) << "without a key nothing is remembered";
}

}  // namespace
}  // namespace saker::segment
