// BM25 over two shards through random writes, seals and compactions, against a naive BM25 over the rows that live.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/shard/test_shard.h"

namespace saker::shard {
namespace {

constexpr int64_t kKeys = 4000;
constexpr size_t kShards = 2;

using Terms = std::map<uint32_t, float>;  // of a row: frequencies; of a query: weights

struct NaiveRow {
  Terms terms;
  int64_t partition = 1;
  int64_t number = 0;
};
using Rows = std::map<int64_t, NaiveRow>;

struct Found {
  int64_t id;
  float score;
  friend bool operator==(const Found&, const Found&) = default;
};
void PrintTo(const Found& found, std::ostream* out) {
  *out << found.id << ":" << found.score;
}

std::shared_ptr<CollectionSchema> Bm25Schema() {
  auto schema = TestSchema();
  schema->fields[1].type = DataType::kSparseFloatVector;
  schema->fields[1].dim = 0;
  return schema;
}

std::string Encode(const Terms& terms) {
  std::string pairs;
  for (const auto& [term, value] : terms) {
    pairs.append(reinterpret_cast<const char*>(&term), 4);
    pairs.append(reinterpret_cast<const char*>(&value), 4);
  }
  return pairs;
}

double LengthOf(const Terms& terms) {
  double length = 0;
  for (const auto& [term, frequency] : terms) length += static_cast<double>(frequency);
  return length;
}

index::Bm25Statistics NaiveStatistics(const Rows& rows, const Terms& query) {
  index::Bm25Statistics statistics;
  for (const auto& [term, weight] : query) statistics.terms.push_back({term, 0});
  for (const auto& [id, row] : rows) {
    ++statistics.row_count;
    statistics.total_length += LengthOf(row.terms);
    for (index::Bm25Statistics::Term& term : statistics.terms) term.rows += row.terms.count(term.term);
  }
  return statistics;
}

// The formula of index/bm25.h, written down once more.
float NaiveScore(const Terms& query, const Terms& row, const index::Bm25Statistics& statistics) {
  const double n = static_cast<double>(statistics.row_count);
  const double base = statistics.k1 * (1 - statistics.b);
  const double slope = statistics.k1 * statistics.b / (statistics.total_length / n);
  double sum = 0;
  for (const auto& [term, weight] : query) {
    const auto frequency = row.find(term);
    if (frequency == row.end()) continue;
    const double having = static_cast<double>(statistics.RowsWith(term));
    const double idf = std::log(1 + (n - having + 0.5) / (having + 0.5));
    const double tf = static_cast<double>(frequency->second);
    sum += static_cast<double>(weight) * idf * (statistics.k1 + 1) * (tf / (tf + (base + slope * LengthOf(row))));
  }
  return static_cast<float>(sum);
}

class Bm25Test : public testing::Test {
 protected:
  Bm25Test() : random_(Seed()), schema_(Bm25Schema()) { Reopen(); }

  static uint64_t Seed() {
    const char* text = std::getenv("SAKER_SEED");
    const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : 20261130;
    std::printf("SAKER_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return seed;
  }

  size_t Below(size_t n) { return random_() % n; }

  void Reopen() {
    shards_.clear();
    world_.reset();
    world_ = std::make_unique<TestWorld>(directory_.path());
    world_->environment().seal_bytes = 400 << 10;
    world_->environment().segment_bytes = 1 << 20;
    for (size_t i = 0; i < kShards; ++i) {
      ShardConfig config;
      config.id = {CollectionId(7), static_cast<int32_t>(i)};
      config.schema = schema_;
      config.loaded = true;
      config.indexes = {{55, kVectorField, {"SPARSE_INVERTED_INDEX", index::Metric::kBm25, {}}}};
      Result<std::unique_ptr<Shard>> opened = Shard::Open(std::move(config), world_->environment());
      ASSERT_TRUE(opened.ok()) << opened.status().message();
      shards_.push_back(std::move(*opened));
    }
  }

  // Few words are frequent, many are rare.
  uint32_t RandomTerm() {
    const double u = static_cast<double>(Below(1000000)) / 1e6;
    return static_cast<uint32_t>(std::pow(300.0, u)) * 7919u;
  }

  Terms RandomTerms(size_t at_most) {
    Terms terms;
    for (size_t i = 0, count = Below(at_most + 1); i < count; ++i) terms[RandomTerm()] += 1;
    return terms;  // empty ones too
  }

  void Write(size_t count, WriteRequest::Kind kind) {
    std::map<int64_t, NaiveRow> rows;
    const int64_t partition = 1 + static_cast<int64_t>(Below(2));
    for (size_t i = 0; i < count; ++i) {
      rows[static_cast<int64_t>(Below(kKeys))] = {RandomTerms(30), partition, static_cast<int64_t>(Below(100))};
    }
    for (size_t s = 0; s < kShards; ++s) {
      WriteRequest request;
      request.kind = kind;
      request.partition = PartitionId(partition);
      std::vector<int64_t> ids;
      for (const FieldSchema& field : schema_->fields) {
        request.rows.field_ids.push_back(field.id);
        request.rows.columns.emplace_back(field);
      }
      for (const auto& [id, row] : rows) {
        if (static_cast<size_t>(id) % kShards != s) continue;
        ids.push_back(id);
        request.rows.columns[0].AppendFixed(&id);
        request.rows.columns[1].AppendVariable(Encode(row.terms));
        request.rows.columns[2].AppendFixed(&row.number);
        request.rows.columns[3].AppendNull();
      }
      request.rows.row_count = ids.size();
      if (ids.empty()) continue;
      if (kind == WriteRequest::Kind::kUpsert) request.delete_keys = ToKeys(ids, *schema_);
      const Result<WriteResult> written = shards_[s]->Write(std::move(request), context_);
      ASSERT_TRUE(written.ok()) << written.status().message();
    }
    for (auto& [id, row] : rows) live_[id] = std::move(row);
  }

  void Delete() {
    for (size_t s = 0; s < kShards; ++s) {
      std::set<int64_t> ids;
      for (size_t i = 0, count = 1 + Below(60); i < count; ++i) ids.insert(static_cast<int64_t>(Below(kKeys / kShards) * kShards + s));
      WriteRequest request;
      request.kind = WriteRequest::Kind::kDelete;
      request.delete_keys = ToKeys({ids.begin(), ids.end()}, *schema_);
      ASSERT_TRUE(shards_[s]->Write(std::move(request), context_).ok());
      for (const int64_t id : ids) live_.erase(id);
    }
  }

  index::Bm25Statistics Count(const Terms& query, CountTermsRequest::Rows rows, std::optional<int64_t> partition = {},
                              Timestamp timestamp = kMaxTimestamp) {
    CountTermsRequest request;
    request.field_id = kVectorField;
    request.rows = rows;
    request.timestamp = timestamp;
    if (partition) request.partitions = {PartitionId(*partition)};
    for (const auto& [term, weight] : query) request.terms.push_back(term);
    index::Bm25Statistics sum;
    for (const std::unique_ptr<Shard>& shard : shards_) {
      const Result<index::Bm25Statistics> counted = shard->CountTerms(request, context_);
      EXPECT_TRUE(counted.ok()) << counted.status().message();
      if (counted.ok()) sum.Add(*counted);
    }
    return sum;
  }

  std::vector<Found> Search(const SearchRequest& request) {
    std::vector<Found> found;
    for (const std::unique_ptr<Shard>& shard : shards_) {
      const Result<SearchResult> result = shard->Search(request, context_);
      EXPECT_TRUE(result.ok()) << result.status().message();
      if (!result.ok()) continue;
      const Column& keys = *result->rows.Find(kIdField);
      for (size_t i = 0; i < result->scores.size(); ++i) found.push_back({KeyOf(keys, i), result->scores[i]});
    }
    return Best(std::move(found), request.k);
  }

  static std::vector<Found> Best(std::vector<Found> found, size_t k) {
    std::sort(found.begin(), found.end(),
              [](const Found& a, const Found& b) { return a.score != b.score ? a.score > b.score : a.id < b.id; });
    if (found.size() > k) found.resize(k);
    return found;
  }

  template <typename Wanted>
  static std::vector<Found> Naive(const Rows& rows, const Terms& query, const index::Bm25Statistics& statistics, size_t k, Wanted wanted) {
    std::vector<Found> found;
    for (const auto& [id, row] : rows) {
      const float score = NaiveScore(query, row.terms, statistics);
      if (score > 0 && wanted(row, score)) found.push_back({id, score});
    }
    return Best(std::move(found), k);
  }

  static SearchRequest RequestFor(const Terms& query, const index::Bm25Statistics& statistics, size_t k) {
    SearchRequest request;
    request.field_id = kVectorField;
    request.metric = index::Metric::kBm25;
    request.sparse_queries = {Encode(query)};
    request.k = k;
    request.bm25 = statistics;
    return request;
  }

  Terms RandomQuery() {
    Terms query;
    while (query.empty()) query = RandomTerms(6);
    return query;
  }

  static void ExpectSame(const index::Bm25Statistics& a, const index::Bm25Statistics& b, const Terms& query) {
    EXPECT_EQ(a.row_count, b.row_count);
    EXPECT_EQ(a.total_length, b.total_length);
    for (const auto& [term, weight] : query) EXPECT_EQ(a.RowsWith(term), b.RowsWith(term)) << term;
  }

  // Rows of one score at the end of the list may be others.
  static void ExpectUpToTies(const std::vector<Found>& found, const std::vector<Found>& wanted, const Rows& rows, const Terms& query,
                             const index::Bm25Statistics& statistics) {
    std::set<int64_t> ids;
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].score, wanted[i].score) << i;
      EXPECT_TRUE(ids.insert(found[i].id).second) << found[i].id;
      ASSERT_TRUE(rows.contains(found[i].id)) << found[i].id;
      EXPECT_EQ(found[i].score, NaiveScore(query, rows.at(found[i].id).terms, statistics)) << found[i].id;
    }
  }

  uint64_t StoredRows() const {
    uint64_t rows = 0;
    for (const std::unique_ptr<Shard>& shard : shards_) {
      for (const SegmentStatus& segment : shard->Segments()) rows += segment.rows;
    }
    return rows;
  }

  void Check() {
    const Terms query = RandomQuery();
    ExpectSame(Count(query, CountTermsRequest::Rows::kVisible), NaiveStatistics(live_, query), query);
    Rows of_partition;
    for (const auto& [id, row] : live_) {
      if (row.partition == 2) of_partition[id] = row;
    }
    ExpectSame(Count(query, CountTermsRequest::Rows::kVisible, 2), NaiveStatistics(of_partition, query), query);

    // Nobody writes, but a compaction in the background may remove dead rows between the calls.
    const uint64_t before = StoredRows();
    index::Bm25Statistics stored = Count(query, CountTermsRequest::Rows::kStored);
    EXPECT_LE(stored.row_count, before);
    EXPECT_GE(stored.row_count, StoredRows());
    if (before == 0) return;
    stored.k1 = 0.5 + static_cast<double>(Below(20)) / 10;
    stored.b = static_cast<double>(Below(11)) / 10;
    const size_t k = 1 + Below(50);
    SearchRequest request = RequestFor(query, stored, k);
    const auto all = [](const NaiveRow&, float) { return true; };
    const std::vector<Found> best = Naive(live_, query, stored, k, all);
    ExpectUpToTies(Search(request), best, live_, query, stored);
    const auto chosen = [](const NaiveRow& row, float) { return row.number < 30; };
    request.scope.filter = std::make_shared<FakeFilter>(30);
    ExpectUpToTies(Search(request), Naive(live_, query, stored, k, chosen), live_, query, stored);
    request.scope.filter = nullptr;
    request.scope.partitions = {PartitionId(2)};
    ExpectUpToTies(Search(request), Naive(of_partition, query, stored, k, all), of_partition, query, stored);
    request.scope.partitions.reset();
    if (best.empty()) return;
    request.radius = best.back().score / 2;
    request.range_filter = best[best.size() / 2].score;
    const auto in_range = [&](const NaiveRow&, float score) { return score > *request.radius && score <= *request.range_filter; };
    ExpectUpToTies(Search(request), Naive(live_, query, stored, k, in_range), live_, query, stored);
  }

  TempDirectory directory_;
  std::mt19937_64 random_;
  const std::shared_ptr<CollectionSchema> schema_;
  std::unique_ptr<TestWorld> world_;
  std::vector<std::unique_ptr<Shard>> shards_;
  Rows live_;
  Context context_;
};

TEST_F(Bm25Test, ScoresAndRanksAreThoseOfANaiveBm25ThroughRandomOperations) {
  Check();
  for (int round = 0; round < 30 && !HasFailure(); ++round) {
    const size_t kind = Below(20);
    if (kind < 9) Write(1 + Below(60), WriteRequest::Kind::kInsert);
    if (kind == 9) Write(2500, WriteRequest::Kind::kInsert);
    if (kind > 9 && kind < 14) Write(1 + Below(60), WriteRequest::Kind::kUpsert);
    if (kind >= 14 && kind < 17) Delete();
    for (const std::unique_ptr<Shard>& shard : shards_) {
      if (kind == 17) {
        ASSERT_TRUE(shard->Flush(context_).ok());
      } else if (kind == 18) {
        ASSERT_TRUE(shard->Compact(context_, nullptr).ok());
      }
    }
    if (kind == 19) Reopen();
    SCOPED_TRACE(round);
    Check();
  }
}

// An iterator reads one moment: its pages neither repeat nor miss a row, whatever is written, sealed and compacted between.
TEST_F(Bm25Test, PagesAtOneTimestampFitTogether) {
  Write(3000, WriteRequest::Kind::kInsert);
  Write(500, WriteRequest::Kind::kUpsert);
  const Rows then = live_;
  const Terms query = RandomQuery();
  const Timestamp moment = world_->environment().timestamps.Next().value();
  std::vector<Found> pages;
  for (int page = 0; page < 12; ++page) {
    SearchRequest request = RequestFor(query, Count(query, CountTermsRequest::Rows::kVisible, {}, moment), 100);
    request.scope.timestamp = moment;
    request.exact = true;
    if (!pages.empty()) request.after_score = pages.back().score;
    const std::vector<Found> found = Search(request);
    if (found.empty()) break;
    // What has the score of the last row comes with the next page, as the proxy does it.
    const size_t before = pages.size();
    for (const Found& one : found) {
      if (one.score != found.back().score || found.size() < 100) pages.push_back(one);
    }
    if (pages.size() == before) break;  // more equal scores than a page holds
    Write(100, WriteRequest::Kind::kUpsert);
    if (page % 3 == 0) Delete();
    if (page % 4 == 1) {
      for (const std::unique_ptr<Shard>& shard : shards_) ASSERT_TRUE(shard->Flush(context_).ok());
    }
    if (page % 4 == 3) {
      for (const std::unique_ptr<Shard>& shard : shards_) ASSERT_TRUE(shard->Compact(context_, nullptr).ok());
    }
  }
  const std::vector<Found> all = Naive(then, query, NaiveStatistics(then, query), kKeys, [](const NaiveRow&, float) { return true; });
  ASSERT_GE(pages.size(), std::min<size_t>(all.size(), 1));
  EXPECT_EQ(pages, std::vector<Found>(all.begin(), all.begin() + static_cast<ptrdiff_t>(pages.size())));
}

TEST_F(Bm25Test, GrowingRowsGetPostingLists) {
  Write(3000, WriteRequest::Kind::kInsert);
  const auto reserved = [&] { return world_->memory().Accounts()["index"]; };
  for (int i = 0; i < 2000 && reserved() == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_GT(reserved(), 0u);
  for (int i = 0; i < 10; ++i) Check();
  for (const std::unique_ptr<Shard>& shard : shards_) ASSERT_TRUE(shard->SetIndexes({}).ok());
  for (int i = 0; i < 2000 && reserved() > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));  // a build under way ends
  EXPECT_EQ(reserved(), 0u);
  Check();
}

TEST_F(Bm25Test, WrongRequestsAreRefused) {
  SearchRequest search = RequestFor({{1, 1.0f}}, {}, 10);
  search.bm25.reset();
  EXPECT_THAT(shards_[0]->Search(search, context_).status().message(), testing::HasSubstr("statistics"));
  CountTermsRequest count;
  count.field_id = kNumberField;
  EXPECT_THAT(shards_[0]->CountTerms(count, context_).status().message(), testing::HasSubstr("no sparse vector field"));
  count.field_id = kVectorField;
  count.terms = {2, 1};
  EXPECT_THAT(shards_[0]->CountTerms(count, context_).status().message(), testing::HasSubstr("ascend"));
}

}  // namespace
}  // namespace saker::shard
