// The proxy over real shards and real storage: what was acknowledged is there after a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "server/coord/real_world.h"
#include "server/proxy/make_proxy.h"
#include "server/proxy/test_requests.h"

namespace saker::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DurableTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }
  void TearDown() override { proxy_.reset(); }

  void Restart() {
    proxy_.reset();
    world_.Close();
    proxy_ = MakeProxy(world_.Open(), nullptr);
  }
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

  coord::RealWorld world_{"saker-proxy-durable"};
  std::unique_ptr<Proxy> proxy_;
  const CollectionRef shop_{"", "shop"};
  const Context context_;
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
