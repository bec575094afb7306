#include "server/proxy/rescore.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "server/proxy/params.h"
#include "server/proxy/refusal.h"
#include "server/proxy/routing.h"

namespace saker::proxy {
namespace {

std::string RerankerOf(const FunctionSchema& function) {
  const std::string* name = FindValue(function.params, "reranker");
  return name == nullptr ? std::string() : LowerCase(*name);
}

Result<double> NumberOr(const Params& params, std::string_view key, double otherwise) {
  const std::optional<double> value = TRY(params.Number(key));
  return value.value_or(otherwise);
}

void AddField(const FieldSchema* field, std::vector<int64_t>* field_ids) {
  if (field == nullptr || field->is_primary_key) return;
  if (std::find(field_ids->begin(), field_ids->end(), field->id) == field_ids->end()) field_ids->push_back(field->id);
}

int CompareValues(const Column& column, size_t a, size_t b) {
  const bool valid_a = column.IsValid(a);
  const bool valid_b = column.IsValid(b);
  if (!valid_a || !valid_b) return static_cast<int>(valid_b) - static_cast<int>(valid_a);  // nulls last
  if (IsString(column.type())) return column.Text(a).compare(column.Text(b));
  if (IsFloating(column.type())) {
    const double x = column.GetNumber(a);
    const double y = column.GetNumber(b);
    return x < y ? -1 : x > y ? 1 : 0;
  }
  const int64_t x = column.GetInteger(a);
  const int64_t y = column.GetInteger(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

}  // namespace

const FunctionSchema* FindReranker(const FunctionScore& score, std::string_view reranker) {
  for (const FunctionSchema& function : score.functions) {
    if (RerankerOf(function) == reranker) return &function;
  }
  return nullptr;
}

double NormalizeScore(index::Metric metric, double score) {
  switch (metric) {
    case index::Metric::kCosine: return (1 + score) * 0.5;
    case index::Metric::kIp: return 0.5 + std::atan(score) * std::numbers::inv_pi;
    case index::Metric::kBm25: return 2 * std::atan(score) * std::numbers::inv_pi;
    default: return 1.0 - 2 * std::atan(score) * std::numbers::inv_pi;
  }
}

Status Rescorer::Prepare(const CollectionSchema& schema, const FunctionScore& score, RescoreUse use) {
  for (const FunctionSchema& function : score.functions) {
    const std::string reranker = RerankerOf(function);
    if (use == RescoreUse::kHybrid && (reranker == "rrf" || reranker == "weighted")) continue;
    if (reranker == "rrf" || reranker == "weighted") {
      return Invalid("function ", function.name, ": reranker ", reranker, " needs a hybrid search");
    }
    if (reranker != "decay") {
      return NotSupported("function ", function.name, ": reranker '", reranker, "' is not supported by this version of the server");
    }
    if (field_ != nullptr) return Invalid("function_score: only one decay function is supported, got another: ", function.name);
    if (function.inputs.size() != 1) {
      return Invalid("function ", function.name, ": decay needs exactly one input field, got ", function.inputs.size());
    }
    const FieldSchema* field = schema.Find(function.inputs[0]);
    if (field == nullptr || !IsNumber(field->type)) {
      return Invalid("function ", function.name, ": decay needs a numeric input field, got ", function.inputs[0]);
    }
    const Params params = TRY(Params::Parse(function.params));
    const std::string curve = LowerCase(params.Text("function"));
    if (curve == "gauss")
      curve_ = Curve::kGauss;
    else if (curve == "exp")
      curve_ = Curve::kExponential;
    else if (curve == "linear")
      curve_ = Curve::kLinear;
    else
      return Invalid("function ", function.name, ": decay function '", curve, "' is none of gauss, exp, linear");
    if (!params.Has("origin") || !params.Has("scale")) return Invalid("function ", function.name, ": decay needs origin and scale");
    origin_ = TRY(NumberOr(params, "origin", 0));
    scale_ = TRY(NumberOr(params, "scale", 1));
    offset_ = TRY(NumberOr(params, "offset", 0));
    decay_ = TRY(NumberOr(params, "decay", 0.5));
    normalize_ = TRY(params.Boolean("norm_score")).value_or(false);
    if (!(scale_ > 0)) return Invalid("function ", function.name, ": scale must be greater than 0, got ", scale_);
    if (offset_ < 0) return Invalid("function ", function.name, ": offset must not be negative, got ", offset_);
    if (!(decay_ > 0 && decay_ < 1)) return Invalid("function ", function.name, ": decay must be in (0, 1), got ", decay_);
    field_ = field;
  }
  return OkStatus();
}

void Rescorer::AddFields(std::vector<int64_t>* field_ids) const {
  AddField(field_, field_ids);
}

double Rescorer::Decay(double value) const {
  const double distance = std::max(0.0, std::abs(value - origin_) - offset_);
  switch (curve_) {
    case Curve::kGauss: return std::exp(distance * distance * std::log(decay_) / (scale_ * scale_));
    case Curve::kExponential: return std::exp(distance * std::log(decay_) / scale_);
    case Curve::kLinear: {
      const double slope = scale_ / (1 - decay_);
      return std::max(0.0, (slope - distance) / slope);
    }
  }
  return 1;
}

Status Rescorer::Apply(index::Metric metric, shard::SearchResult* result) const {
  const Column* values = result->rows.Find(field_->id);
  if (values == nullptr) return OkStatus();  // no hits
  for (size_t i = 0; i < result->scores.size(); ++i) {
    double score = static_cast<double>(result->scores[i]);
    if (normalize_ || index::SmallerIsBetter(metric)) score = NormalizeScore(metric, score);
    const double value = IsInteger(field_->type) ? static_cast<double>(values->GetInteger(i)) : values->GetNumber(i);
    result->scores[i] = static_cast<float>(values->IsValid(i) ? score * Decay(value) : 0.0);
  }
  std::vector<uint32_t> order(result->scores.size());
  std::iota(order.begin(), order.end(), 0);
  auto first = order.begin();
  for (const size_t hits : result->hits_per_query) {
    std::stable_sort(first, first + static_cast<std::ptrdiff_t>(hits),
                     [&](uint32_t a, uint32_t b) { return result->scores[a] > result->scores[b]; });
    first += static_cast<std::ptrdiff_t>(hits);
  }
  Reorder(order, result->hits_per_query, result);
  return OkStatus();
}

Result<Ordering> Ordering::Read(const CollectionSchema& schema, const std::string& text) {
  Ordering ordering;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    std::erase(part, ' ');
    if (part.empty()) continue;
    const size_t colon = part.find(':');
    const std::string direction = colon == std::string::npos ? "asc" : LowerCase(part.substr(colon + 1));
    const FieldSchema* field = schema.Find(part.substr(0, colon));
    if (field == nullptr) return Invalid("order_by field ", part.substr(0, colon), " not exist");
    const bool orderable = IsNumber(field->type) || IsString(field->type) || field->type == DataType::kBool;
    if (!orderable) return Invalid("order_by field ", field->name, " of type ", DataTypeName(field->type), " has no order");
    if (direction != "asc" && direction != "desc") return Invalid("order_by direction '", direction, "' is neither asc nor desc");
    ordering.keys_.push_back({field, direction == "desc"});
  }
  return ordering;
}

void Ordering::AddFields(std::vector<int64_t>* field_ids) const {
  for (const Key& key : keys_) AddField(key.field, field_ids);
}

void Ordering::Apply(shard::SearchResult* result) const {
  std::vector<const Column*> columns;
  for (const Key& key : keys_) columns.push_back(result->rows.Find(key.field->id));
  if (std::find(columns.begin(), columns.end(), nullptr) != columns.end()) return;  // no hits
  std::vector<uint32_t> order(result->scores.size());
  std::iota(order.begin(), order.end(), 0);
  auto first = order.begin();
  for (const size_t hits : result->hits_per_query) {
    std::stable_sort(first, first + static_cast<std::ptrdiff_t>(hits), [&](uint32_t a, uint32_t b) {
      for (size_t k = 0; k < keys_.size(); ++k) {
        const int compared = CompareValues(*columns[k], a, b);
        if (compared != 0) return keys_[k].descending ? compared > 0 : compared < 0;
      }
      return false;
    });
    first += static_cast<std::ptrdiff_t>(hits);
  }
  Reorder(order, result->hits_per_query, result);
}

void Reorder(const std::vector<uint32_t>& order, std::vector<size_t> hits_per_query, shard::SearchResult* result) {
  std::vector<float> scores;
  scores.reserve(order.size());
  for (const uint32_t row : order) scores.push_back(result->scores[row]);
  result->scores = std::move(scores);
  result->rows = PickRows(result->rows, order);
  result->hits_per_query = std::move(hits_per_query);
}

void KeepFirst(size_t count, shard::SearchResult* result) {
  if (result->scores.size() <= count) return;
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  Reorder(order, {count}, result);
}

void DropFirst(size_t count, shard::SearchResult* result) {
  std::vector<uint32_t> order;
  std::vector<size_t> kept;
  uint32_t first = 0;
  for (const size_t hits : result->hits_per_query) {
    for (size_t i = std::min(count, hits); i < hits; ++i) order.push_back(first + static_cast<uint32_t>(i));
    kept.push_back(hits - std::min(count, hits));
    first += static_cast<uint32_t>(hits);
  }
  Reorder(order, std::move(kept), result);
}

}  // namespace saker::proxy
