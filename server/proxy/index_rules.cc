#include "server/proxy/index_rules.h"

#include "server/proxy/names.h"
#include "server/proxy/params.h"
#include "server/proxy/refusal.h"
#include "server/proxy/vectors.h"
#include "server/scalar_index/spec.h"

namespace saker::proxy {
namespace {

constexpr std::string_view kAuto = "AUTOINDEX";

bool IsPropertyKey(std::string_view key) {
  return key == "mmap.enabled" || key == "indexoffsetcache.enabled" || key == "warmup";
}

constexpr size_t kMostParamBytes = 102400;  // Milvus' proxy.maxIndexParamsSize

Status CheckParamBytes(const KeyValues& params) {
  size_t bytes = 0;
  for (const auto& [key, value] : params) bytes += key.size() + value.size();
  if (bytes <= kMostParamBytes) return OkStatus();
  return Invalid("index params size exceeds limit: ", bytes, " > ", kMostParamBytes);
}

Status FromIndex(const Status& status) {
  return Status(status.code(), status.message(), static_cast<int32_t>(MilvusErrorCode::kInvalidParameter));
}

Status CompleteVectorIndex(const CollectionSchema& schema, const FieldSchema& field, const Params& params, const std::string& type,
                           coord::IndexDefinition* index) {
  index->is_vector = true;
  index->spec.type = type;
  const std::string given = params.Text("metric_type");
  const bool bm25 = schema.IsBm25Output(field);
  index->spec.metric = DefaultMetric(schema, field);
  if (given.empty() && type != kAuto && !bm25) return Invalid("metric type not set for vector index");
  if (!given.empty() && !ParseMetric(UpperCase(given), &index->spec.metric)) {
    if (field.type == DataType::kSparseFloatVector)
      return Invalid("only IP&BM25 is the supported metric type for sparse index, got ", given);
    return Invalid(field.type == DataType::kBinaryVector ? "binary" : "float", " vector index does not support metric type: ", given);
  }
  TRY(CheckBm25Metric(schema, field, index->spec.metric));
  for (const auto& [key, value] : params.values()) {
    if (key != "index_type" && key != "metric_type" && !IsPropertyKey(key)) index->spec.params.emplace(key, value);
  }
  Result<index::IndexSpec> valid = index::ValidateSpec(index->spec, *VectorTypeOf(field.type), static_cast<size_t>(field.dim));
  if (!valid.ok()) return FromIndex(valid.status());
  index->spec = std::move(valid).value();
  std::erase_if(index->params, [](const auto& param) { return param.first == "metric_type"; });
  index->params.emplace_back("metric_type", std::string(index::MetricName(index->spec.metric)));
  return OkStatus();
}

}  // namespace

bool ParseMetric(std::string_view name, index::Metric* metric) {
  for (int i = static_cast<int>(index::Metric::kL2); i <= static_cast<int>(index::kLastMetric); ++i) {
    *metric = static_cast<index::Metric>(i);
    if (index::MetricName(*metric) == name) return true;
  }
  return false;
}

index::Metric DefaultMetric(const CollectionSchema& schema, const FieldSchema& field) {
  if (schema.IsBm25Output(field)) return index::Metric::kBm25;
  if (field.type == DataType::kSparseFloatVector) return index::Metric::kIp;
  return field.type == DataType::kBinaryVector ? index::Metric::kHamming : index::Metric::kCosine;
}

Status CheckBm25Metric(const CollectionSchema& schema, const FieldSchema& field, index::Metric metric) {
  const bool output = schema.IsBm25Output(field);
  if (output == (metric == index::Metric::kBm25)) return OkStatus();
  if (!output) return Invalid("only BM25 Function output field support BM25 metric type, field ", field.name, " is none");
  return Invalid("index metric type of BM25 function output field must be BM25, got ", index::MetricName(metric), ", field ", field.name);
}

Result<coord::IndexDefinition> MakeIndexDefinition(const CollectionSchema& schema, const CreateIndexRequest& request) {
  const FieldSchema* field = schema.Find(request.field);
  if (field == nullptr || (field->is_dynamic && request.field != kDynamicFieldName)) {
    // A key of the dynamic field is indexed as a path of $meta.
    if (field == nullptr && schema.DynamicField() != nullptr && FindValue(request.params, "json_path") != nullptr) {
      field = schema.DynamicField();
    } else {
      return Invalid("cannot create index on non-exist field: ", request.field);
    }
  }
  TRY(CheckParamBytes(request.params));
  const Params params = TRY(Params::Parse(request.params, Duplicates::kRefused));
  coord::IndexDefinition index;
  index.field = field->name;
  index.field_id = field->id;
  const std::string path = params.Text("json_path");
  index.name = request.name.empty() ? request.field + path : request.name;
  if (!request.name.empty()) TRY(CheckIndexName(request.name));
  std::string type = UpperCase(params.Text("index_type"));
  if (type.empty()) type = kAuto;
  for (const auto& [key, value] : params.values()) {
    bool flag = false;
    if (key == "mmap.enabled" && !ParseBoolean(value, &flag))
      return Invalid("invalid mmap.enabled value: ", value, ", expected: true, false");
    if (key != "index_type") index.params.emplace_back(key, value);
  }
  index.params.insert(index.params.begin(), {"index_type", type == "MARISA-TRIE" ? "Trie" : type});
  if (IsVector(field->type)) {
    TRY(CompleteVectorIndex(schema, *field, params, type, &index));
  } else {
    TRY(scalar_index::MakeSpec(*field, type, params.values()));
  }
  return index;
}

Status CheckIndexProperties(const KeyValues& set, const std::vector<std::string>& remove) {
  for (const auto& [key, value] : set) {
    bool flag = false;
    if (!IsPropertyKey(key)) return Invalid(key, " is not a configable index property");
    if (key != "warmup" && !ParseBoolean(value, &flag)) return Invalid("invalid ", key, " value: ", value, ", expected: true, false");
  }
  for (const std::string& key : remove) {
    if (!IsPropertyKey(key)) return Invalid(key, " is not a configable index property");
  }
  return OkStatus();
}

}  // namespace saker::proxy
