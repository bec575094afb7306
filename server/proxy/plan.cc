// From a nearest-neighbour request to what the shards are asked.
#include <algorithm>
#include <cstring>

#include "index/params.h"
#include "server/proxy/index_rules.h"
#include "server/proxy/local_proxy.h"
#include "server/proxy/refusal.h"
#include "server/proxy/term_rows.h"
#include "server/proxy/texts.h"
#include "server/proxy/vectors.h"

namespace saker::proxy {
namespace {

Status DimensionMismatch(size_t expected, size_t actual) {
  return MilvusError(MilvusErrorCode::kUnexpected, "vector dimension mismatch, expected vector size(byte) ", expected, ", actual ", actual);
}

// One query vector in the field's own bytes.
Result<std::string> ConvertQuery(const FieldSchema& field, DataType given, const std::string& value) {
  if (field.type == DataType::kSparseFloatVector || given == DataType::kSparseFloatVector) {
    if (field.type != given)
      return Refused("vector type must be the same, field ", field.name, " - type ", DataTypeName(field.type), ", search info type ",
                     DataTypeName(given));
    return NormalizeSparse(value, field.name);
  }
  const size_t expected = VectorBytes(field);
  const bool half = field.type == DataType::kFloat16Vector || field.type == DataType::kBFloat16Vector;
  const bool converts = given == DataType::kFloatVector && (half || field.type == DataType::kInt8Vector);
  // Clients before 2.5 send fp16 and bf16 as plain bytes, marked as a binary vector.
  const bool raw = given == DataType::kBinaryVector && half;
  if (given != field.type && !converts && !raw) {
    return Refused("vector type must be the same, field ", field.name, " - type ", DataTypeName(field.type), ", search info type ",
                   DataTypeName(given));
  }
  const size_t wanted = converts ? FixedWidth(DataType::kFloatVector, field.dim) : expected;
  if (value.size() != wanted) return DimensionMismatch(wanted, value.size());
  const DataType checked = raw ? field.type : given;
  if (const std::optional<size_t> bad = FindNotFinite(checked, value)) {
    return Invalid("value '", NotFiniteText(checked, value, *bad), "' is not a number or infinity: query vector for field ", field.name);
  }
  return converts ? ConvertFloats(value, field.type, field.name) : value;
}

}  // namespace

Status LocalProxy::ResolveField(const coord::Collection& collection, SearchPlan* plan) const {
  const CollectionSchema& schema = *collection.schema;
  if (!plan->params.anns_field.empty()) {
    plan->field = schema.Find(plan->params.anns_field);
    if (plan->field == nullptr) {
      return Refused("failed to get field schema by name: fieldName(", plan->params.anns_field, ") not found");
    }
    if (!IsVector(plan->field->type)) { return Invalid("field (", plan->field->name, ") to search is not of vector data type"); }
  } else {
    for (const FieldSchema& field : schema.fields) {
      if (!IsVector(field.type)) continue;
      if (plan->field != nullptr) return Refused("multiple anns_fields exist, please specify a anns_field in search_params");
      plan->field = &field;
    }
  }
  plan->request.field_id = plan->field->id;
  if (plan->params.group_by_field.empty()) return OkStatus();
  plan->group_by = schema.Find(plan->params.group_by_field);
  if (plan->group_by == nullptr || plan->group_by->is_dynamic) {
    return Refused("groupBy field not found in schema: ", plan->params.group_by_field);
  }
  const DataType type = plan->group_by->type;
  if (!IsInteger(type) && !IsString(type) && type != DataType::kBool) {
    return Refused("unsupported data type ", DataTypeName(type), " for group by operator: field ", plan->group_by->name);
  }
  plan->request.group_by_field_id = plan->group_by->id;
  plan->request.group_size = static_cast<size_t>(plan->params.group_size);
  plan->request.strict_group_size = plan->params.strict_group_size;
  return OkStatus();
}

Status LocalProxy::ResolveMetric(const coord::Collection& collection, SearchPlan* plan) const {
  const coord::IndexDefinition* index = collection.IndexOn(plan->field->id);
  const std::string& given = plan->params.metric;
  if (index == nullptr) {
    plan->request.metric = DefaultMetric(*collection.schema, *plan->field);
    if (!given.empty() && !ParseMetric(given, &plan->request.metric)) return Invalid("metric type ", given, " is unknown");
    TRY(CheckBm25Metric(*collection.schema, *plan->field, plan->request.metric));
  } else {
    plan->request.metric = index->spec.metric;
    const std::string_view expected = index::MetricName(index->spec.metric);
    if (!given.empty() && given != expected) {
      return MilvusError(MilvusErrorCode::kInvalidParameter, "metric type not match: invalid parameter[expected=", expected,
                         "][actual=", given, "]");
    }
    const Status checked = index::ValidateSearchParams(index->spec, plan->params.index_params, plan->request.k);
    if (!checked.ok()) return Status(checked.code(), checked.message(), static_cast<int32_t>(MilvusErrorCode::kInvalidParameter));
  }
  const bool smaller = index::SmallerIsBetter(plan->request.metric);
  const std::optional<float>& radius = plan->params.radius;
  const std::optional<float>& inner = plan->params.range_filter;
  if (radius && inner && (smaller ? *inner >= *radius : *inner <= *radius)) {
    return MilvusError(MilvusErrorCode::kInvalidParameter, "range_filter(", *inner, ") must be ", smaller ? "less" : "greater",
                       " than radius(", *radius, ") for ", index::MetricName(plan->request.metric));
  }
  return OkStatus();
}

Status LocalProxy::ResolveQueries(const CollectionPtr& collection, const Queries& queries, const Context& context, SearchPlan* plan) {
  const FieldSchema& field = *plan->field;
  shard::SearchRequest& request = plan->request;
  request.query_count = queries.count();
  const bool bm25 = collection->schema->IsBm25Output(field);
  if (bm25 && queries.kind == Queries::Kind::kVectors) {
    return Invalid("please provide varchar/text for BM25 Function based search, got ", DataTypeName(queries.vector_type));
  }
  if (bm25 && queries.kind == Queries::Kind::kTexts) {
    request.sparse_queries = TRY(MakeTermQueries(*collection->schema, *collection->schema->FunctionFor(field.name), queries.values,
                                                 plan->params.analyzer_name, &analyzers_));
    return OkStatus();
  }
  if (queries.kind == Queries::Kind::kTexts) {
    request.queries = TRY(EmbedQueries(*collection->schema, field, queries.values, embedder_, context));
    return OkStatus();
  }
  if (queries.kind == Queries::Kind::kPrimaryKeys) return ResolveKeys(collection, queries.ids, context, plan);
  if (queries.kind != Queries::Kind::kVectors) return Invalid("search data is missing: there are neither vectors nor texts nor ids");
  if (field.type != DataType::kSparseFloatVector) request.queries.reserve(queries.count() * VectorBytes(field));
  for (const std::string& value : queries.values) {
    std::string converted = TRY(ConvertQuery(field, queries.vector_type, value));
    if (field.type == DataType::kSparseFloatVector) {
      request.sparse_queries.push_back(std::move(converted));
    } else {
      request.queries += converted;
    }
  }
  return OkStatus();
}

// Search by ids: the rows' own vectors are the queries.
Status LocalProxy::ResolveKeys(const CollectionPtr& collection, const PrimaryKeys& keys, const Context& context, SearchPlan* plan) {
  const FieldSchema& field = *plan->field;
  const FieldSchema& primary = collection->schema->PrimaryKey();
  if (IsString(keys.type) != IsString(primary.type)) {
    return Invalid("search ids are ", DataTypeName(keys.type), ", but primary key ", primary.name, " is ", DataTypeName(primary.type));
  }
  const RowBatch rows = TRY(ReadByKeys(collection, keys, {field.id}, context));
  const Column* found = rows.Find(primary.id);
  const Column* vectors = rows.Find(field.id);
  std::map<PrimaryKey, size_t> places;
  for (size_t row = 0; found != nullptr && row < rows.row_count; ++row) places[PrimaryKeyAt(*found, row)] = row;
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto place = places.find(keys.At(i));
    if (place == places.end() || vectors == nullptr || !vectors->IsValid(place->second)) {
      const std::string name = keys.type == DataType::kInt64 ? std::to_string(keys.ints[i]) : keys.strings[i];
      return Invalid("search by ids: there is no row with id ", name, " and a vector in field ", field.name);
    }
    if (field.type == DataType::kSparseFloatVector) {
      plan->request.sparse_queries.emplace_back(vectors->Text(place->second));
    } else {
      plan->request.queries.append(static_cast<const char*>(vectors->Row(place->second)), vectors->width_bytes());
    }
  }
  return OkStatus();
}

Result<LocalProxy::SearchPlan> LocalProxy::PlanSearch(const CollectionPtr& collection, const AnnRequest& ann, const ReadOptions& options,
                                                      const Context& context) {
  SearchPlan plan;
  plan.params = TRY(ReadSearchParams(ann.params));
  if (options.hybrid_leg) plan.params.offset = 0;
  const SearchParams& params = plan.params;
  TRY(CheckTopK(params.topk, params.offset));
  TRY(CheckQueryCount(ann.queries.count()));
  if (params.collection_id && *params.collection_id != 0 && *params.collection_id != collection->id.value) {
    return Refused("alter collection: the iterator was made for collection ", *params.collection_id, ", but ", collection->name,
                   " is collection ", collection->id, " now");
  }
  if (params.iterator_v2 && ann.queries.count() > 1) {
    return Refused("search iterator does not support processing multiple vectors simultaneously, got ", ann.queries.count());
  }
  shard::SearchRequest& request = plan.request;
  request.k = static_cast<size_t>(params.topk + params.offset);
  TRY(ResolveField(*collection, &plan));
  TRY(ResolveMetric(*collection, &plan));
  const auto filter = TRY(CompileFilter(*collection, ann.filter, ann.templates, "failed to create query plan: "));
  request.scope = TRY(MakeScope(*collection, filter, {options.partitions, options.consistency, params.iterator}, context));
  request.scope.ignore_growing = params.ignore_growing;
  request.params = params.index_params;
  request.radius = params.radius;
  request.range_filter = params.range_filter;
  request.after_score = params.last_bound;
  // What an approximate page missed before its last score, no later page would bring.
  request.exact = params.iterator;
  TRY(ResolveQueries(collection, ann.queries, context, &plan));
  if (request.metric == index::Metric::kBm25) request.bm25 = TRY(CountForBm25(*collection, plan, context));
  return plan;
}

// A row's score must not depend on the segment or shard where it lies: all of them are counted first.
Result<index::Bm25Statistics> LocalProxy::CountForBm25(const coord::Collection& collection, const SearchPlan& plan,
                                                       const Context& context) {
  const shard::SearchRequest& search = plan.request;
  shard::CountTermsRequest request;
  request.field_id = search.field_id;
  std::vector<index::VectorSource::SparseRowView> queries;
  for (const std::string& query : search.sparse_queries) queries.push_back({query.data(), query.size() / 8});
  request.terms = index::TermsOf(queries);
  if (plan.params.bm25_of_partitions) {
    request.partitions = search.scope.partitions;
  } else if (!collection.EveryLoaded()) {
    request.partitions = LoadedPartitions(collection);
  }
  if (plan.params.iterator) {
    request.timestamp = search.scope.timestamp;
    request.rows = shard::CountTermsRequest::Rows::kVisible;
  }
  const coord::IndexDefinition* index = collection.IndexOn(plan.field->id);
  index::Bm25Statistics sum = index == nullptr ? index::Bm25Statistics() : index::Bm25DefaultsOf(index->spec);
  for (const index::Bm25Statistics& part : TRY(CountTermsInShards(collection, request, context))) sum.Add(part);
  return sum;
}

}  // namespace saker::proxy
