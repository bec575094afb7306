// The proxy over real shards and real storage: what was acknowledged is there after a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "server/proxy/test_requests.h"
#include "server/proxy/test_world.h"

namespace saker::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DurableTest : public RealProxyTest {
 protected:
  DurableTest() : RealProxyTest("saker-proxy-durable") {}

  void Create(int shards, const std::string& index = "HNSW", CollectionSchema schema = ShopSchema()) {
    CreateCollectionRequest request;
    request.target = shop_;
    request.schema = std::move(schema);
    request.shards = shards;
    ASSERT_EQ(proxy_->CreateCollection(request).message(), "");
    ASSERT_EQ(proxy_->CreateIndex({shop_, "vector", "", {{"index_type", index}, {"metric_type", "L2"}}}).message(), "");
    ASSERT_EQ(proxy_->Load(shop_, {}, false).message(), "");
  }
  void Write(int first, int last, bool upsert = false, float shift = 0) {
    InsertRequest request;
    request.target = shop_;
    std::vector<int64_t> ids, prices;
    std::vector<std::vector<float>> vectors;
    for (int i = first; i <= last; ++i) {
      ids.push_back(i);
      prices.push_back(10 * i);
      vectors.push_back({static_cast<float>(i) + shift, 0});
    }
    request.columns = {Integers("id", ids), Vectors("vector", vectors), Integers("price", prices)};
    request.row_count = ids.size();
    const auto written = upsert ? proxy_->Upsert(std::move(request), context_) : proxy_->Insert(std::move(request), context_);
    ASSERT_EQ(written.status().message(), "");
  }
  std::vector<int64_t> Nearest3(float x, const std::string& filter = "", std::vector<std::string> partitions = {}) {
    SearchRequest request;
    request.target = shop_;
    request.partitions = std::move(partitions);
    request.ann = Nearest({{x, 0}}, {{"topk", "3"}, {"params", R"({"ef": 32})"}});
    request.ann.filter = filter;
    const auto found = proxy_->Search(request, context_);
    EXPECT_EQ(found.status().message(), "");
    return found.ok() ? found->ids.ints : std::vector<int64_t>();
  }
  int64_t Count(const std::string& filter = "id >= 0") {
    QueryRequest request;
    request.target = shop_;
    request.filter = filter;
    request.output_fields = {"count(*)"};
    const auto found = proxy_->Query(request, context_);
    EXPECT_EQ(found.status().message(), "");
    return found.ok() ? found->fields[0].column.GetInteger(0) : -1;
  }
  void Delete(const std::string& filter) {
    DeleteRequest request;
    request.target = shop_;
    request.filter = filter;
    ASSERT_EQ(proxy_->Delete(request, context_).status().message(), "");
  }

  const CollectionRef shop_{"", "shop"};
};

TEST_F(DurableTest, EverythingIsThereAfterARestart) {
  Create(2);
  Write(1, 50);
  ASSERT_EQ(proxy_->Flush("", {"shop"}, context_).status().message(), "");
  Write(51, 100);
  Write(10, 10, true, 0.5f);
  Delete("id in [20, 60]");
  Delete("price > 950");
  for (int restart = 0; restart < 3; ++restart) {
    EXPECT_EQ(Count(), 93);
    EXPECT_THAT(Nearest3(10.5f), ElementsAre(10, 11, 9));
    EXPECT_THAT(Nearest3(20), ElementsAre(19, 21, 18));
    EXPECT_THAT(Nearest3(1000), ElementsAre(95, 94, 93));
    EXPECT_THAT(Nearest3(60, "price >= 610"), ElementsAre(61, 62, 63));
    Restart();
  }
}

TEST_F(DurableTest, TruncatedAndDroppedRowsNeverComeBack) {
  Create(2);
  Write(1, 20);
  ASSERT_EQ(proxy_->TruncateCollection(shop_).message(), "");
  EXPECT_EQ(Count(), 0);
  Write(5, 8);
  Restart();
  EXPECT_EQ(Count(), 4);
  ASSERT_EQ(proxy_->CreatePartition(shop_, "p").message(), "");
  InsertRequest request;
  request.target = shop_;
  request.partition = "p";
  request.columns = {Integers("id", {100}), Vectors("vector", {{100, 0}})};
  request.row_count = 1;
  ASSERT_EQ(proxy_->Insert(request, context_).status().message(), "");
  EXPECT_THAT(Nearest3(100, "", {"p"}), ElementsAre(100));
  EXPECT_THAT(Nearest3(100, "", {"_default"}), ElementsAre(8, 7, 6));
  ASSERT_EQ(proxy_->Release(shop_, {"p"}).message(), "");
  ASSERT_EQ(proxy_->DropPartition(shop_, "p").message(), "");
  Restart();
  EXPECT_EQ(Count(), 4);
  ASSERT_EQ(proxy_->DropCollection(shop_).message(), "");
  Create(2);
  EXPECT_EQ(Count(), 0);
}

// Rows 0 ... n-1; a few words from a small vocabulary each.
std::vector<std::string> Sentences(int n) {
  std::mt19937_64 random(20261130);
  std::vector<std::string> texts;
  for (int i = 0; i < n; ++i) {
    std::string text;
    for (size_t words = random() % 6; words > 0; --words) text += "w" + std::to_string(random() % (random() % 30 + 1)) + " ";
    texts.push_back(std::move(text));
  }
  return texts;
}

// The index of texts is built behind the writes: with and without it the
// answers are those of the rows.
TEST_F(DurableTest, MatchesOfTextAreTheSameWithAndWithoutTheirIndex) {
  constexpr int kRows = 6000;
  CollectionSchema schema = ShopSchema();
  schema.fields[3].type_params = {{"max_length", "200"}, {"enable_analyzer", "true"}, {"enable_match", "true"}};
  Create(2, "FLAT", schema);
  const std::vector<std::string> texts = Sentences(kRows);
  const auto write = [&](int first, int last) {
    InsertRequest request;
    request.target = shop_;
    std::vector<int64_t> ids, prices;
    std::vector<std::vector<float>> vectors;
    for (int i = first; i < last; ++i) {
      ids.push_back(i);
      prices.push_back(i);
      vectors.push_back({static_cast<float>(i), 0});
    }
    request.columns = {Integers("id", ids), Vectors("vector", vectors), Integers("price", prices),
                       Texts("word", {texts.begin() + first, texts.begin() + last})};
    request.row_count = ids.size();
    ASSERT_EQ(proxy_->Insert(std::move(request), context_).status().message(), "");
  };
  const auto has = [&](int row, const std::string& word) {
    return (" " + texts[static_cast<size_t>(row)]).find(" " + word + " ") != std::string::npos;
  };
  int written = 0;
  std::set<int> deleted;
  const auto expect_all = [&](const std::string& when) {
    int64_t either = 0, phrase = 0, neither = 0, cheap = 0;
    for (int i = 0; i < written; ++i) {
      if (deleted.contains(i)) continue;
      either += has(i, "w3") || has(i, "w7") ? 1 : 0;
      neither += has(i, "w3") || has(i, "w7") ? 0 : 1;
      phrase += (" " + texts[static_cast<size_t>(i)]).find(" w1 w0 ") != std::string::npos ? 1 : 0;
      cheap += i < 500 && has(i, "w3") ? 1 : 0;
    }
    EXPECT_EQ(Count("text_match(word, 'w3 W7')"), either) << when;
    EXPECT_EQ(Count("not text_match(word, 'w3 w7')"), neither) << when;
    EXPECT_EQ(Count("phrase_match(word, 'w1 w0')"), phrase) << when;
    EXPECT_EQ(Count("price < 500 and text_match(word, 'w3')"), cheap) << when;
  };
  // FLAT has no index of its own, so that what the ledger knows of indexes are
  // those of texts.
  const auto await_index = [&](bool there) {
    const auto reached = [&] { return (world_.memory().Accounts()["index"] > 0) == there; };
    for (int i = 0; i < 1000 && !reached(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(reached());
  };
  write(0, written = 100);
  expect_all("few rows");
  write(100, written = 5000);
  expect_all("growing");
  await_index(true);
  expect_all("growing, indexed");
  for (int i = 0; i < 5000; i += 7) deleted.insert(i);
  Delete("id % 7 == 0");
  expect_all("growing, indexed, deletes");
  ASSERT_EQ(proxy_->Flush("", {"shop"}, context_).status().message(), "");
  await_index(true);
  expect_all("sealed");
  write(5000, written = kRows);
  expect_all("sealed and growing");
  ASSERT_TRUE(proxy_->Release(shop_, {}).ok());
  await_index(false);
  ASSERT_EQ(proxy_->Load(shop_, {}, false).message(), "");
  expect_all("loaded again");
  await_index(true);
  expect_all("loaded again, indexed");
  Restart();
  expect_all("restarted");
  await_index(true);
  expect_all("restarted, indexed");
}

TEST_F(DurableTest, NewFieldsReadAsNullInOldRows) {
  Create(1, "FLAT");
  Write(1, 3);
  ASSERT_EQ(proxy_->Flush("", {"shop"}, context_).status().message(), "");
  Write(4, 5);
  FieldSchema late = Field("late", DataType::kInt64);
  late.nullable = true;
  ASSERT_EQ(proxy_->AddField(shop_, late).message(), "");
  EXPECT_EQ(Count("late is null"), 5);
  InsertRequest request;
  request.target = shop_;
  request.columns = {Integers("id", {6}), Vectors("vector", {{6, 0}}), Integers("late", {7})};
  request.row_count = 1;
  ASSERT_EQ(proxy_->Insert(request, context_).status().message(), "");
  Restart();
  EXPECT_EQ(Count("late == 7"), 1);
  EXPECT_EQ(Count("late is null"), 5);
}

TEST_F(DurableTest, SearchIteratorReturnsEveryRowOnce) {
  Create(2, "FLAT");
  Write(1, 40);
  ASSERT_EQ(proxy_->Flush("", {"shop"}, context_).status().message(), "");
  Write(41, 70);
  SearchRequest request;
  request.target = shop_;
  request.ann = Nearest({{35.25f, 0}}, {{"topk", "7"}, {"search_iter_v2", "True"}, {"search_iter_batch_size", "7"}});
  std::multiset<int64_t> seen;
  for (int page = 0; page < 30; ++page) {
    const auto found = proxy_->Search(request, context_);
    ASSERT_EQ(found.status().message(), "");
    if (found->ids.ints.empty()) break;
    seen.insert(found->ids.ints.begin(), found->ids.ints.end());
    char bound[40];
    std::snprintf(bound, sizeof bound, "%.9g", static_cast<double>(found->iterator->last_bound));
    request.ann.params = {{"topk", "7"}, {"search_iter_v2", "True"}, {"search_iter_batch_size", "7"}, {"search_iter_last_bound", bound}};
    request.consistency.guarantee_timestamp = found->session_timestamp;
    Write(35, 36, true);  // later versions of rows are not this iterator's
  }
  EXPECT_EQ(seen.size(), 70u);
  EXPECT_EQ(std::set<int64_t>(seen.begin(), seen.end()).size(), 70u);
}

TEST_F(DurableTest, RandomWritesAgreeWithAMap) {
  Create(3, "FLAT");
  std::mt19937 random(20240611);
  std::map<int64_t, float> model;
  for (int step = 0; step < 120; ++step) {
    const int first = static_cast<int>(random() % 60);
    const int last = first + static_cast<int>(random() % 5);
    switch (random() % 6) {
      case 0:
      case 1:
      case 2: {
        const float shift = static_cast<float>(random() % 100) / 1000;
        Write(first, last, true, shift);
        for (int i = first; i <= last; ++i) model[i] = static_cast<float>(i) + shift;
        break;
      }
      case 3:
        Delete("id in [" + std::to_string(first) + ", " + std::to_string(last) + "]");
        model.erase(first);
        model.erase(last);
        break;
      case 4:
        Delete("price >= " + std::to_string(10 * first) + " and price <= " + std::to_string(10 * last));
        for (int i = first; i <= last; ++i) model.erase(i);
        break;
      default:
        if (step % 3 == 0) {
          Restart();
        } else {
          ASSERT_EQ(proxy_->Flush("", {"shop"}, context_).status().message(), "");
        }
    }
    ASSERT_EQ(Count(), static_cast<int64_t>(model.size())) << "step " << step;
  }
  std::vector<std::pair<float, int64_t>> expected;
  for (const auto& [id, x] : model) expected.emplace_back(std::abs(x - 30), id);
  std::sort(expected.begin(), expected.end());
  std::vector<int64_t> best;
  for (size_t i = 0; i < 3 && i < expected.size(); ++i) best.push_back(expected[i].second);
  EXPECT_EQ(Nearest3(30), best);
}

}  // namespace
}  // namespace saker::proxy
