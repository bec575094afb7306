// What the proxy itself costs: searches over empty shards in memory.
#include <benchmark/benchmark.h>

#include "server/coord/fake_world.h"
#include "server/proxy/make_proxy.h"
#include "server/proxy/test_requests.h"

namespace saker::proxy {
namespace {

void SearchOneQuery(benchmark::State& state) {
  coord::FakeWorld world;
  const auto coordinator = world.Open();
  const auto proxy = MakeProxy(*coordinator, nullptr);
  CreateCollectionRequest create;
  create.target = {"", "shop"};
  create.schema = ShopSchema();
  CHECK(proxy->CreateCollection(create).ok());
  CHECK(proxy->CreateIndex({create.target, "vector", "", {{"index_type", "HNSW"}, {"metric_type", "L2"}}}).ok());
  CHECK(proxy->Load(create.target, {}, false).ok());
  SearchRequest request;
  request.target = create.target;
  request.ann = Nearest({{1, 2}}, {{"anns_field", "vector"},
                                   {"topk", "10"},
                                   {"params", R"({"ef": 64, "metric_type": "L2"})"},
                                   {"round_decimal", "-1"},
                                   {"ignore_growing", "False"}});
  if (state.range(0) != 0) request.ann.filter = "price > 100 and word like 'a%'";
  const Context context;
  for (auto _ : state) {
    auto found = proxy->Search(request, context);
    CHECK(found.ok());
    benchmark::DoNotOptimize(found);
  }
}
BENCHMARK(SearchOneQuery)->Arg(0)->Arg(1)->ArgName("filter");

}  // namespace
}  // namespace saker::proxy

BENCHMARK_MAIN();
