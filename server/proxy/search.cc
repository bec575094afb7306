#include <algorithm>
#include <cfloat>
#include <random>

#include "server/proxy/local_proxy.h"
#include "server/proxy/merge.h"
#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

constexpr size_t kMaxEqualScores = 1 << 20;  // what an iterator gives as one page, however small the client wants it

std::string NewToken() {
  std::random_device random;
  char text[37];
  const auto r = [&] { return static_cast<unsigned>(random()); };
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%04x%08x", r(), r() & 0xffff, r() & 0xfff, (r() & 0x3fff) | 0x8000, r() & 0xffff,
                r());
  return text;
}

// A page asks for a little more than the client did: widths that were enough for its size must not be refused now.
void WidenSearch(size_t k, std::map<std::string, std::string>* params) {
  for (const char* name : {"ef", "search_list", "search_list_size", "reorder_k"}) {
    const auto found = params->find(name);
    int64_t width = 0;
    if (found != params->end() && ParseInteger(found->second, &width) && width < static_cast<int64_t>(k)) {
      found->second = std::to_string(k);
    }
  }
}

}  // namespace

Result<SearchResponse> LocalProxy::Search(const SearchRequest& request, const Context& context) {
  Metrics::Timer timer(metrics_, Operation::kSearch);
  Result<SearchResponse> response = SearchCollection(request, context);
  timer.Done(response.status(), request.ann.queries.count());
  return response;
}

Result<SearchResponse> LocalProxy::SearchCollection(const SearchRequest& request, const Context& context) {
  const CollectionPtr collection = TRY(Find(request.target));
  SearchPlan plan = TRY(PlanSearch(collection, request.ann, {request.partitions, request.consistency}, context));
  const Projection projection = TRY(Project(*collection->schema, request.output_fields, PrimaryKeyColumn::kWhenAsked));
  plan.request.output_field_ids = projection.field_ids;
  const SearchParams& params = plan.params;
  Rescorer rescorer;
  if (request.function_score) TRY(rescorer.Prepare(*collection->schema, *request.function_score, RescoreUse::kSearch));
  rescorer.AddFields(&plan.request.output_field_ids);
  Ordering ordering = TRY(Ordering::Read(*collection->schema, params.order_by_fields));
  ordering.AddFields(&plan.request.output_field_ids);

  shard::SearchResult result;
  if (params.iterator_v2) {
    result = TRY(RunIteratorPage(collection, &plan, context));
  } else {
    const bool reorders = rescorer.active() || ordering.active();
    const size_t offset = static_cast<size_t>(params.offset);
    const size_t limit = static_cast<size_t>(params.topk);
    result = TRY(RunSearch(collection, plan, reorders ? limit + offset : limit, reorders ? 0 : offset, context));
    if (rescorer.active()) TRY(rescorer.Apply(plan.request.metric, &result));
    if (ordering.active()) ordering.Apply(&result);
    if (reorders && offset > 0) DropFirst(offset, &result);
  }
  SearchResponse response = MakeSearchResponse(*collection, projection, plan.group_by, std::move(result));
  response.top_k = params.topk;
  if (params.iterator) response.session_timestamp = plan.request.scope.timestamp;
  if (params.iterator_v2) {
    const float start = index::SmallerIsBetter(plan.request.metric) ? -FLT_MAX : FLT_MAX;
    response.iterator = SearchResponse::Iterator{params.iterator_token.empty() ? NewToken() : params.iterator_token,
                                                 response.scores.empty() ? params.last_bound.value_or(start) : response.scores.back()};
  }
  RoundScores(params.round_decimal, &response.scores);
  return response;
}

Result<shard::SearchResult> LocalProxy::RunSearch(const CollectionPtr& collection, const SearchPlan& plan, size_t limit, size_t offset,
                                                  const Context& context) {
  std::vector<shard::SearchResult> parts = TRY(SearchShards(*collection, plan.request, context));
  MergeOptions options;
  options.smaller_is_better = index::SmallerIsBetter(plan.request.metric);
  options.offset = offset;
  options.limit = limit;
  options.primary_key_id = collection->schema->PrimaryKey().id;
  options.group_by_field_id = plan.request.group_by_field_id;
  options.group_size = plan.request.group_size;
  return MergeSearches(std::move(parts), options);
}

// A page ends between two scores, never inside a run of equal ones: the next page begins strictly behind the bound.
Result<shard::SearchResult> LocalProxy::RunIteratorPage(const CollectionPtr& collection, SearchPlan* plan, const Context& context) {
  const size_t batch = static_cast<size_t>(plan->params.topk);
  for (size_t k = batch + 1;; k = std::min(2 * k, kMaxEqualScores)) {
    plan->request.k = k;
    WidenSearch(k, &plan->request.params);
    shard::SearchResult result = TRY(RunSearch(collection, *plan, k, 0, context));
    if (result.scores.size() <= batch) return result;
    size_t keep = batch;
    while (keep > 0 && result.scores[keep - 1] == result.scores[batch]) --keep;
    if (keep == 0) {
      // All of the page has one score: the whole run belongs to it.
      for (keep = batch; keep < result.scores.size() && result.scores[keep] == result.scores[0];) ++keep;
      if (keep == k) {
        if (k < kMaxEqualScores) continue;
        return Refused("search iterator: more than ", kMaxEqualScores, " rows have the score ", result.scores[0]);
      }
    }
    KeepFirst(keep, &result);
    return result;
  }
}

SearchResponse LocalProxy::MakeSearchResponse(const coord::Collection& collection, const Projection& projection,
                                              const FieldSchema* group_by, shard::SearchResult result) const {
  SearchResponse response;
  response.collection_name = collection.name;
  const FieldSchema& primary = collection.schema->PrimaryKey();
  response.primary_field_name = primary.name;
  response.hits_per_query.assign(result.hits_per_query.begin(), result.hits_per_query.end());
  response.scores = std::move(result.scores);
  response.output_fields = projection.names;
  response.ids.type = primary.type;
  if (const Column* keys = result.rows.Find(primary.id)) response.ids = KeysOf(*keys);
  if (group_by != nullptr) {
    const Column* groups = result.rows.Find(group_by->id);
    response.group_by = NameColumn(*group_by, groups == nullptr ? Column(*group_by) : *groups);
  }
  response.fields = TakeColumns(projection, std::move(result.rows));
  return response;
}

}  // namespace saker::proxy
