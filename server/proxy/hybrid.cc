#include <algorithm>

#include "server/proxy/local_proxy.h"
#include "server/proxy/rank.h"
#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {
constexpr size_t kMaxRequests = 1024;
}

Result<SearchResponse> LocalProxy::HybridSearch(const HybridSearchRequest& request, const Context& context) {
  Metrics::Timer timer(metrics_, Operation::kHybridSearch);
  Result<SearchResponse> response = HybridSearchCollection(request, context);
  size_t vectors = 0;
  for (const AnnRequest& ann : request.requests) vectors += ann.queries.count();
  timer.Done(response.status(), vectors);
  return response;
}

Result<SearchResponse> LocalProxy::HybridSearchCollection(const HybridSearchRequest& request, const Context& context) {
  const CollectionPtr collection = TRY(Find(request.target));
  const CollectionSchema& schema = *collection->schema;
  const size_t count = request.requests.size();
  if (count < 1 || count > kMaxRequests) {
    return Invalid("maximum of ann search requests is ", kMaxRequests, ", minimum is 1, but got ", count);
  }
  RankParams rank = TRY(ReadRankParams(request.rank_params, request.function_score, count));
  const Projection projection = TRY(Project(schema, request.output_fields, PrimaryKeyColumn::kWhenAsked));
  Rescorer rescorer;
  if (request.function_score) TRY(rescorer.Prepare(schema, *request.function_score, RescoreUse::kHybrid));
  const FieldSchema* group_by = nullptr;
  std::vector<Leg> legs;
  const size_t queries = request.requests.front().queries.count();
  for (const AnnRequest& ann : request.requests) {
    if (ann.queries.count() != queries) {
      return Invalid("the nq of every hybrid search request must be equal, got ", queries, " and ", ann.queries.count());
    }
    AnnRequest leg = ann;
    if (!rank.group_by_field.empty()) {
      leg.params.emplace_back("group_by_field", rank.group_by_field);
      leg.params.emplace_back("group_size", std::to_string(rank.group_size));
    }
    SearchPlan plan = TRY(PlanSearch(collection, leg, {request.partitions, request.consistency, false, true}, context));
    if (plan.params.iterator) return Refused("search iterator is not supported in a hybrid search");
    group_by = plan.group_by;
    plan.request.output_field_ids = projection.field_ids;
    rescorer.AddFields(&plan.request.output_field_ids);
    const size_t limit = static_cast<size_t>(plan.params.topk);
    shard::SearchResult result = TRY(RunSearch(collection, plan, limit, 0, context));
    legs.push_back({plan.request.metric, std::move(result)});
  }
  // A decay reorders what the ranks gave: the window is cut after it.
  const size_t offset = static_cast<size_t>(rank.offset);
  if (rescorer.active()) {
    rank.limit += rank.offset;
    rank.offset = 0;
  }
  const int64_t primary = schema.PrimaryKey().id;
  Fused fused = FuseLegs(std::move(legs), rank, primary, group_by == nullptr ? std::nullopt : std::optional<int64_t>(group_by->id));
  if (rescorer.active()) {
    TRY(rescorer.Apply(fused.smaller_is_better ? index::Metric::kL2 : index::Metric::kIp, &fused.result));
    if (offset > 0) DropFirst(offset, &fused.result);
    rank.limit -= static_cast<int64_t>(offset);
  }
  SearchResponse response = MakeSearchResponse(*collection, projection, group_by, std::move(fused.result));
  response.top_k = rank.limit;
  RoundScores(rank.round_decimal, &response.scores);
  return response;
}

}  // namespace saker::proxy
