#include "server/proxy/schema_rules.h"

#include <algorithm>
#include <set>

#include "server/proxy/analyzer_rules.h"
#include "server/proxy/names.h"
#include "server/proxy/params.h"
#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

constexpr size_t kMaxFields = 64;
constexpr size_t kMaxVectorFields = 10;
constexpr int64_t kMaxShards = 16;
constexpr int64_t kMaxPartitions = 1024;

template <typename Flag>
std::string NamesWith(const CollectionSchema& schema, Flag flag, size_t* count) {
  std::string names;
  *count = 0;
  for (const FieldSchema& field : schema.fields) {
    if (!flag(field)) continue;
    ++*count;
    names += (names.empty() ? "" : ", ") + field.name;
  }
  return names;
}

Status CheckKeyCounts(const CollectionSchema& schema) {
  size_t count = 0;
  std::string names = NamesWith(
      schema, [](const FieldSchema& field) { return field.is_primary_key; }, &count);
  if (count == 0) return Invalid("primary key is not specified");
  if (count > 1) return Invalid("there are more than one primary key, field name = ", names);
  names = NamesWith(
      schema, [](const FieldSchema& field) { return field.is_partition_key; }, &count);
  if (count > 1) return Invalid("there are more than one partition key, field name = ", names);
  names = NamesWith(
      schema, [](const FieldSchema& field) { return field.is_clustering_key; }, &count);
  if (count > 1) return Invalid("there are more than one clustering key, field name = ", names);
  names = NamesWith(
      schema, [](const FieldSchema& field) { return IsVector(field.type); }, &count);
  if (count == 0) return Invalid("schema does not contain vector field");
  if (count > kMaxVectorFields) return Invalid("maximum vector field's number should be limited to ", kMaxVectorFields, ", got ", count);
  return OkStatus();
}

Status CompleteTextEmbedding(const CollectionSchema& schema, FunctionSchema* function, TextEmbedder* embedder) {
  if (function->inputs.size() != 1 || function->outputs.size() != 1) {
    return Invalid("TextEmbedding function ", function->name, " should have exactly one input and one output field, but has ",
                   function->inputs.size(), " and ", function->outputs.size());
  }
  const FieldSchema* input = schema.Find(function->inputs[0]);
  const FieldSchema* output = schema.Find(function->outputs[0]);
  if (input->type != DataType::kVarChar) {
    return Invalid("TextEmbedding function ", function->name, " needs a VarChar input, but field ", input->name, " is ",
                   DataTypeName(input->type));
  }
  if (output->type != DataType::kFloatVector) {
    return Invalid("TextEmbedding function ", function->name, " needs a FloatVector output, but field ", output->name, " is ",
                   DataTypeName(output->type));
  }
  const std::string* provider = FindValue(function->params, "provider");
  if (provider == nullptr || LowerCase(*provider) != "saker") {
    return Invalid("function ", function->name, ": provider ", provider == nullptr ? "(none)" : *provider,
                   " is not available on this server; its own provider is named saker");
  }
  const std::string* model = FindValue(function->params, "model_name");
  if (model == nullptr || model->empty()) return Invalid("function ", function->name, ": model_name is missing");
  if (embedder == nullptr) return Invalid("function ", function->name, ": no model is configured, so ", *model, " is unknown");
  const TextModel found = TRY(embedder->Describe(*model));
  if (found.dim != output->dim) {
    return Invalid("the required embedding dim for function ", function->name, " field ", output->name, " is [", output->dim,
                   "], but the embedding obtained from the model is [", found.dim, "]");
  }
  std::erase_if(function->params, [](const auto& param) { return param.first == kFingerprintParam; });
  function->params.emplace_back(std::string(kFingerprintParam), found.fingerprint);
  return OkStatus();
}

Status CheckBm25(const CollectionSchema& schema, const FunctionSchema& function) {
  const FieldSchema* input = function.inputs.empty() ? nullptr : schema.Find(function.inputs[0]);
  if (function.inputs.size() != 1 || input->type != DataType::kVarChar) {
    return Refused("BM25 function input field must be a VARCHAR/TEXT field, got ", function.inputs.size(), " field with type ",
                   input == nullptr ? "None" : DataTypeName(input->type), ", function: ", function.name);
  }
  if (!IsTrueParam(input->type_params, "enable_analyzer")) {
    return Refused("BM25 function input field must set enable_analyzer to true, field ", input->name, ", function: ", function.name);
  }
  if (function.outputs.size() != 1) {
    return Refused("BM25 function only need 1 output field, but got ", function.outputs.size(), ", function: ", function.name);
  }
  const FieldSchema* output = schema.Find(function.outputs[0]);
  if (output->type != DataType::kSparseFloatVector) {
    return Refused("BM25 function output field must be a SparseFloatVector field, but got ", DataTypeName(output->type), ", field ",
                   output->name, ", function: ", function.name);
  }
  if (!function.params.empty()) return Refused("BM25 function accepts no params, function: ", function.name);
  return OkStatus();
}

Status CheckFunctionFields(const CollectionSchema& schema, const FunctionSchema& function, std::set<std::string>* filled) {
  for (const std::string& name : function.inputs) {
    if (schema.Find(name) == nullptr) return Invalid("function input field not found: ", name, ", function: ", function.name);
  }
  for (const std::string& name : function.outputs) {
    const FieldSchema* field = schema.Find(name);
    if (field == nullptr) return Invalid("function output field not found: ", name, ", function: ", function.name);
    if (field->is_primary_key || field->is_partition_key || field->is_clustering_key) {
      return Invalid("function output field can be no key: field ", name, ", function: ", function.name);
    }
    if (field->nullable) return Invalid("function output field cannot be nullable: field ", name, ", function: ", function.name);
    if (!filled->insert(name).second) return Invalid("function output field ", name, " is filled by two functions");
  }
  return OkStatus();
}

}  // namespace

Status CompleteFunctions(CollectionSchema* schema, TextEmbedder* embedder) {
  std::set<std::string> names;
  std::set<std::string> filled;
  int64_t id = kFirstFieldId;
  for (FunctionSchema& function : schema->functions) {
    if (function.name.empty()) return Invalid("function name cannot be empty");
    if (!names.insert(function.name).second) return Invalid("duplicate function name ", function.name);
    TRY(CheckFunctionFields(*schema, function, &filled));
    switch (function.type) {
      case FunctionType::kTextEmbedding: TRY(CompleteTextEmbedding(*schema, &function, embedder)); break;
      case FunctionType::kBm25: TRY(CheckBm25(*schema, function)); break;
      case FunctionType::kRerank: return Invalid("function ", function.name, ": a rerank function belongs to a search, not to a schema");
      default:
        return NotSupported("function ", function.name, ": type ", static_cast<int>(function.type),
                            " is not supported by this version of the server");
    }
    function.id = id++;
    for (const std::string& output : function.outputs) {
      schema->fields[static_cast<size_t>(schema->FieldIndex(output))].is_function_output = true;
    }
  }
  return OkStatus();
}

Status CompleteSchema(CollectionSchema* schema, TextEmbedder* embedder) {
  std::erase_if(schema->fields, [](const FieldSchema& field) { return field.is_dynamic || field.name == kDynamicFieldName; });
  if (schema->fields.size() > kMaxFields) {
    return Invalid("maximum field's number should be limited to ", kMaxFields, ", got ", schema->fields.size());
  }
  std::set<std::string> names;
  int64_t id = kFirstFieldId;
  for (FieldSchema& field : schema->fields) {
    TRY(CompleteField(&field, schema->name));
    if (!names.insert(field.name).second) return Invalid("duplicated field name: ", field.name);
    field.id = id++;
    field.is_function_output = false;
  }
  TRY(CheckKeyCounts(*schema));
  for (const FieldSchema& field : schema->fields) TRY(CheckAnalyzers(*schema, field));
  TRY(CompleteFunctions(schema, embedder));
  if (schema->enable_dynamic_field) {
    FieldSchema meta;
    meta.id = id;
    meta.name = kDynamicFieldName;
    meta.description = "dynamic schema";
    meta.type = DataType::kJson;
    meta.is_dynamic = true;
    schema->fields.push_back(std::move(meta));
  }
  return CheckProperties(schema->properties);
}

Status CheckCreateLimits(const CreateCollectionRequest& request) {
  if (request.shards > kMaxShards) {
    return Invalid("maximum shards's number should be limited to ", kMaxShards, ", but got ", request.shards);
  }
  const bool keyed = request.schema.PartitionKey() != nullptr;
  if (request.partitions != 0 && !keyed) return Invalid("num_partitions should only be specified with partition key field enabled");
  if (request.partitions < 0) return Invalid("the specified partitions should be greater than 0 if partition key is used");
  if (request.partitions > kMaxPartitions) {
    return Invalid("partition number (", request.partitions, ") exceeds max configuration (", kMaxPartitions,
                   "), collection: ", request.target.collection);
  }
  return CheckProperties(request.properties);
}

Status CheckProperties(const KeyValues& properties) {
  for (const auto& [key, value] : properties) {
    if (key == "collection.ttl.seconds") {
      int64_t seconds = 0;
      if (!ParseInteger(value, &seconds) || seconds < -1) {
        return Invalid("collection TTL is out of range, expect [-1, 3155760000], got ", value);
      }
    }
    bool flag = false;
    const bool boolean = key == "mmap.enabled" || key == "partitionkey.isolation" || key == "allow_insert_auto_id";
    if (boolean && !ParseBoolean(value, &flag)) return Invalid("invalid value of property ", key, ": ", value, ", expected true or false");
  }
  return OkStatus();
}

}  // namespace saker::proxy
