#include "tools/bench/serve/workload.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "index/scorer.h"

namespace saker::bench {
namespace {

constexpr int64_t kFirstInsertedKey = int64_t{1} << 40;  // far from the base's
constexpr size_t kMaxPackedBytes = size_t{1} << 30;

void AddPair(const std::string& key, const std::string& value, google::protobuf::RepeatedPtrField<pb::common::KeyValuePair>* out) {
  auto* pair = out->Add();
  pair->set_key(key);
  pair->set_value(value);
}

}  // namespace

Result<index::Metric> DenseMetric(std::string name) {
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name == "COS") name = "COSINE";
  for (const auto metric : {index::Metric::kL2, index::Metric::kIp, index::Metric::kCosine}) {
    if (index::MetricName(metric) == name) return metric;
  }
  return InvalidArgument("--metric ", name, " is unknown; it is l2, ip or cosine");
}

Result<std::string> ParamsJson(const std::vector<std::string>& texts) {
  std::string out = "{";
  for (const std::string& text : texts) {
    const size_t equal = text.find('=');
    if (equal == 0 || equal == std::string::npos) return InvalidArgument("'", text, "' is not KEY=VALUE");
    const std::string value = text.substr(equal + 1);
    const bool plain = !value.empty() && value.find_first_not_of("0123456789.-") == std::string::npos;
    out += (out.size() > 1 ? ", \"" : "\"") + text.substr(0, equal) +
           "\": " + (plain || value == "true" || value == "false" ? value : "\"" + value + "\"");
  }
  return out + "}";
}

const char* KindName(Kind kind) {
  return kind == Kind::kSearch ? "search" : kind == Kind::kFiltered ? "filtered" : "insert";
}

mp::InsertRequest MakeInsert(const ServeOptions& options, const VectorRows& rows, size_t first, size_t count, int64_t first_key) {
  mp::InsertRequest insert;
  insert.set_collection_name(options.collection);
  insert.set_num_rows(static_cast<uint32_t>(count));
  auto* id = insert.add_fields_data();
  id->set_field_name("id");
  id->set_type(pb::schema::Int64);
  auto* group = insert.add_fields_data();
  group->set_field_name("grp");
  group->set_type(pb::schema::Int64);
  auto* vectors = insert.add_fields_data();
  vectors->set_field_name("vec");
  vectors->set_type(pb::schema::FloatVector);
  vectors->mutable_vectors()->set_dim(static_cast<int64_t>(rows.dim()));
  auto* values = vectors->mutable_vectors()->mutable_float_vector()->mutable_data();
  values->Reserve(static_cast<int>(count * rows.dim()));
  for (size_t i = 0; i < count; ++i) {
    const int64_t key = first_key + static_cast<int64_t>(i);
    id->mutable_scalars()->mutable_long_data()->add_data(key);
    group->mutable_scalars()->mutable_long_data()->add_data(key % 100);
    const auto* row = static_cast<const float*>(rows.Row((first + i) % rows.row_count()));
    values->Add(row, row + rows.dim());
  }
  return insert;
}

Result<Workload> Workload::Make(const ServeOptions& options) {
  Workload load;
  load.options_ = &options;
  load.metric_ = TRY(DenseMetric(options.metric));
  load.queries_ = std::make_shared<VectorRows>(TRY(VectorRows::Read(options.query, false)));
  if (!options.base.empty()) {
    load.base_ = std::make_shared<VectorRows>(TRY(VectorRows::Read(options.base, false)));
    if (load.base_->dim() != load.queries_->dim()) {
      return InvalidArgument("queries have dimension ", load.queries_->dim(), ", the base ", load.base_->dim());
    }
  }
  TRY(load.ReadMix());
  if (!options.truth.empty()) TRY(load.ReadTruthFile());
  // Every query has its turn: as many calls as it takes to come round, within a bound of memory.
  const size_t call_bytes = options.nq * load.queries_->dim() * 4;
  const size_t calls =
      std::clamp<size_t>(load.queries_->row_count(), 1, std::max<size_t>(1, kMaxPackedBytes / std::max<size_t>(1, call_bytes)));
  const std::string params = TRY(ParamsJson(options.search_params));
  for (size_t call = 0; call < calls; ++call) {
    if (load.Has(Kind::kSearch)) load.searches_.push_back(load.PackSearch(call, "", params));
    if (load.Has(Kind::kFiltered)) load.filtered_.push_back(load.PackSearch(call, options.filter, params));
  }
  return load;
}

bool Workload::Has(Kind kind) const {
  return std::find(cycle_.begin(), cycle_.end(), kind) != cycle_.end();
}

Status Workload::ReadMix() {
  if (options_->mix.empty()) {
    cycle_ = {options_->filter.empty() ? Kind::kSearch : Kind::kFiltered};
    return OkStatus();
  }
  double shares[kKinds] = {};
  double total = 0;
  for (size_t begin = 0; begin <= options_->mix.size();) {
    const size_t end = std::min(options_->mix.find(',', begin), options_->mix.size());
    const std::string part = options_->mix.substr(begin, end - begin);
    const size_t equal = part.find('=');
    int kind = 0;
    while (kind < kKinds && part.substr(0, equal) != KindName(static_cast<Kind>(kind))) ++kind;
    const double share = equal == std::string::npos ? 0 : std::atof(part.c_str() + equal + 1);
    if (kind == kKinds || !(share > 0) || share > 1e6)
      return InvalidArgument("--mix: '", part, "' is not search=N, filtered=N or insert=N");
    shares[kind] += share;
    total += share;
    begin = end + 1;
  }
  if (shares[static_cast<int>(Kind::kFiltered)] > 0 && options_->filter.empty())
    return InvalidArgument("--mix with filtered= wants --filter");
  // A cycle of a hundred calls, each kind spread evenly over it.
  double owed[kKinds] = {};
  for (int i = 0; i < 100; ++i) {
    int next = 0;
    for (int kind = 0; kind < kKinds; ++kind) {
      owed[kind] += shares[kind] / total;
      if (owed[kind] > owed[next]) next = kind;
    }
    owed[next] -= 1;
    cycle_.push_back(static_cast<Kind>(next));
  }
  return OkStatus();
}

Status Workload::ReadTruthFile() {
  truth_ = TRY(ReadTruth(options_->truth));
  const size_t count = queries_->row_count();
  if (truth_.row_count() != count)
    return InvalidArgument(options_->truth, ": ", truth_.row_count(), " rows, there are ", count, " queries");
  if (truth_.width < options_->k) return InvalidArgument(options_->truth, ": ", truth_.width, " neighbours a query, k is ", options_->k);
  if (base_ == nullptr) return OkStatus();
  index::Scorer scorer(*base_, metric_, nullptr);
  for (size_t q = 0; q < count; ++q) {
    scorer.SetQuery(queries_->Row(q));
    float worst = -std::numeric_limits<float>::infinity();
    for (size_t i = 0; i < options_->k; ++i) {
      const uint32_t row = truth_.Row(q)[i];
      if (row >= base_->row_count()) return InvalidArgument(options_->truth, ": id ", row, " of ", base_->row_count(), " rows");
      worst = std::max(worst, scorer.Key(row));
    }
    thresholds_.push_back(worst);
  }
  return OkStatus();
}

grpc::ByteBuffer Workload::PackSearch(size_t call, const std::string& filter, const std::string& params) const {
  mp::SearchRequest request;
  request.set_collection_name(options_->collection);
  request.set_dsl(filter);
  request.set_dsl_type(pb::common::BoolExprV1);
  request.set_nq(static_cast<int64_t>(options_->nq));
  request.set_use_default_consistency(false);
  request.set_consistency_level(pb::common::Bounded);
  request.set_guarantee_timestamp(2);  // Milvus' mark of bounded staleness
  pb::common::PlaceholderGroup group;
  auto* placeholder = group.add_placeholders();
  placeholder->set_tag("$0");
  placeholder->set_type(pb::common::FloatVector);
  for (size_t i = 0; i < options_->nq; ++i) { placeholder->add_values(queries_->Row(QueryOf(call, i)), queries_->dim() * 4); }
  request.set_placeholder_group(group.SerializeAsString());
  AddPair("anns_field", options_->field, request.mutable_search_params());
  AddPair("topk", std::to_string(options_->k), request.mutable_search_params());
  AddPair("metric_type", std::string(index::MetricName(metric_)), request.mutable_search_params());
  AddPair("params", params, request.mutable_search_params());
  AddPair("round_decimal", "-1", request.mutable_search_params());
  return Pack(request);
}

mp::InsertRequest Workload::Insert(size_t number) const {
  const VectorRows& rows = base_ != nullptr ? *base_ : *queries_;
  const size_t first = number * options_->insert_rows;
  return MakeInsert(*options_, rows, first, options_->insert_rows, kFirstInsertedKey + static_cast<int64_t>(first));
}

Result<size_t> Workload::Found(size_t call, const pb::schema::SearchResultData& results) const {
  if (static_cast<size_t>(results.topks_size()) != options_->nq) {
    return Corruption("the answer has ", results.topks_size(), " lists for ", options_->nq, " queries");
  }
  size_t found = 0;
  int at = 0;
  for (size_t i = 0; i < options_->nq; ++i) {
    const size_t query = QueryOf(call % query_calls(), i);
    const uint32_t* truth = truth_.Row(query);
    size_t hits = 0;
    for (int64_t n = 0; n < results.topks(static_cast<int>(i)); ++n, ++at) {
      if (at >= results.scores_size() || at >= results.ids().int_id().data_size())
        return Corruption("the answer has fewer rows than it says");
      if (thresholds_.empty()) {
        const int64_t id = results.ids().int_id().data(at);
        hits += std::find(truth, truth + options_->k, static_cast<uint32_t>(id)) != truth + options_->k && id >= 0 ? 1 : 0;
        continue;
      }
      const float score = results.scores(at);
      const float key = index::SmallerIsBetter(metric_) ? score : -score;
      if (key <= thresholds_[query] + 1e-6f * (1 + std::fabs(thresholds_[query]))) ++hits;
    }
    found += std::min(hits, options_->k);
  }
  return found;
}

}  // namespace saker::bench
