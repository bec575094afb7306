#include "server/rpc/call.h"
#include "server/rpc/field_data.h"
#include "server/rpc/schema_codec.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

template <typename... Parts>
Status NotSupported(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kUnimplemented, parts..., " is not supported");
}

template <typename Request>
Result<proxy::Consistency> DecodeConsistency(const Request& request) {
  proxy::Consistency consistency;
  consistency.guarantee_timestamp = request.guarantee_timestamp();
  if (request.use_default_consistency()) return consistency;
  if (request.consistency_level() < 0 || request.consistency_level() > pb::common::Customized) {
    return MilvusError(MilvusErrorCode::kInvalidParameter, "invalid consistency level: ", request.consistency_level());
  }
  consistency.level = static_cast<ConsistencyLevel>(request.consistency_level());
  return consistency;
}

template <typename Names>
std::vector<std::string> Strings(const Names& names) {
  return {names.begin(), names.end()};
}

Result<proxy::AnnRequest> DecodeAnn(const mp::SearchRequest& request) {
  if (request.has_search_aggregation()) return NotSupported("search_aggregation");
  if (!request.function_chains().empty()) return NotSupported("function_chains");
  if (request.has_highlighter()) return NotSupported("highlighter");
  if (!request.sub_reqs().empty()) return NotSupported("sub_reqs");
  if (!request.namespace_().empty()) return NotSupported("namespace");
  proxy::AnnRequest ann;
  ann.filter = request.dsl();
  ann.templates = TRY(DecodeTemplates(request.expr_template_values()));
  ann.params = DecodeKeyValues(request.search_params());
  if (request.has_ids()) {
    ann.queries.kind = proxy::Queries::Kind::kPrimaryKeys;
    ann.queries.ids = TRY(DecodeIds(request.ids()));
    return ann;
  }
  ann.queries = TRY(DecodePlaceholders(request.placeholder_group()));
  if (request.nq() > 0 && static_cast<size_t>(request.nq()) != ann.queries.count()) {
    return MilvusError(MilvusErrorCode::kInvalidParameter, "nq (", request.nq(), ") is not equal to the number of queries (",
                       ann.queries.count(), ")");
  }
  return ann;
}

template <typename Request>
std::optional<proxy::FunctionScore> DecodeFunctionScore(const Request& request) {
  if (!request.has_function_score()) return std::nullopt;
  proxy::FunctionScore score;
  for (const auto& function : request.function_score().functions()) score.functions.push_back(DecodeFunction(function));
  score.params = DecodeKeyValues(request.function_score().params());
  return score;
}

void EncodeSearch(const proxy::SearchResponse& response, mp::SearchResults* out) {
  out->set_collection_name(response.collection_name);
  out->set_session_ts(response.session_timestamp);
  auto* results = out->mutable_results();
  results->set_num_queries(static_cast<int64_t>(response.hits_per_query.size()));
  results->set_top_k(response.top_k);
  // Always one count per query: with an empty list clients would answer no list at all.
  results->mutable_topks()->Add(response.hits_per_query.begin(), response.hits_per_query.end());
  results->mutable_scores()->Add(response.scores.begin(), response.scores.end());
  EncodeIds(response.ids, results->mutable_ids());
  for (const auto& field : response.fields) EncodeField(field, results->add_fields_data());
  for (const std::string& name : response.output_fields) results->add_output_fields(name);
  results->set_primary_field_name(response.primary_field_name);
  if (response.group_by) {
    EncodeField(*response.group_by, results->mutable_group_by_field_value());
    EncodeField(*response.group_by, results->add_group_by_field_values());
  }
  if (response.iterator) {
    auto* iterator = results->mutable_search_iterator_v2_results();
    iterator->set_token(response.iterator->token);
    iterator->set_last_bound(response.iterator->last_bound);
  }
}

Status Search(const Call& call, const mp::SearchRequest& request, mp::SearchResults* out) {
  proxy::SearchRequest search;
  search.target = call.Target(request);
  search.partitions = Strings(request.partition_names());
  search.ann = TRY(DecodeAnn(request));
  search.output_fields = Strings(request.output_fields());
  search.consistency = TRY(DecodeConsistency(request));
  search.function_score = DecodeFunctionScore(request);
  EncodeSearch(TRY(call.backend().Search(search, call.context)), out);
  return OkStatus();
}

Status HybridSearch(const Call& call, const mp::HybridSearchRequest& request, mp::SearchResults* out) {
  if (!request.function_chains().empty()) return NotSupported("function_chains");
  if (!request.namespace_().empty()) return NotSupported("namespace");
  proxy::HybridSearchRequest hybrid;
  hybrid.target = call.Target(request);
  hybrid.partitions = Strings(request.partition_names());
  hybrid.requests.reserve(static_cast<size_t>(request.requests_size()));
  for (const auto& leg : request.requests()) hybrid.requests.push_back(TRY(DecodeAnn(leg)));
  hybrid.rank_params = DecodeKeyValues(request.rank_params());
  hybrid.output_fields = Strings(request.output_fields());
  hybrid.consistency = TRY(DecodeConsistency(request));
  hybrid.function_score = DecodeFunctionScore(request);
  EncodeSearch(TRY(call.backend().HybridSearch(hybrid, call.context)), out);
  return OkStatus();
}

Status Query(const Call& call, const mp::QueryRequest& request, mp::QueryResults* out) {
  if (!request.namespace_().empty()) return NotSupported("namespace");
  proxy::QueryRequest query;
  query.target = call.Target(request);
  query.partitions = Strings(request.partition_names());
  query.filter = request.expr();
  query.templates = TRY(DecodeTemplates(request.expr_template_values()));
  query.output_fields = Strings(request.output_fields());
  query.params = DecodeKeyValues(request.query_params());
  query.consistency = TRY(DecodeConsistency(request));
  const auto response = TRY(call.backend().Query(query, call.context));
  out->set_collection_name(response.collection_name);
  out->set_session_ts(response.session_timestamp);
  for (const auto& field : response.fields) EncodeField(field, out->add_fields_data());
  for (const std::string& name : response.output_fields) out->add_output_fields(name);
  out->set_primary_field_name(response.primary_field_name);
  return OkStatus();
}

}  // namespace

std::vector<Method> ReadMethods() {
  return {ReadEntry<Search>("Search"), ReadEntry<HybridSearch>("HybridSearch"), ReadEntry<Query>("Query")};
}

}  // namespace saker::rpc
