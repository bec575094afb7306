#include "embed/weights/model_config.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "common/file.h"
#include "embed/weights/json_file.h"

namespace saker::embed {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

// More than any encoder has; small enough that no product of two of them overflows.
struct Bound {
  const char* key;
  int64_t ModelConfig::*member;
  int64_t most;
};
constexpr Bound kBounds[] = {
    {"vocab_size", &ModelConfig::vocab_size, 1 << 22},
    {"hidden_size", &ModelConfig::hidden_size, 1 << 14},
    {"num_hidden_layers", &ModelConfig::layer_count, 256},
    {"num_attention_heads", &ModelConfig::head_count, 1024},
    {"intermediate_size", &ModelConfig::intermediate_size, 1 << 17},
    {"max_position_embeddings", &ModelConfig::max_positions, 1 << 17},
    {"type_vocab_size", &ModelConfig::type_count, 256},
};

Result<object> RootObject(const JsonDocument& document) {
  object root;
  if (document.root().get(root) != simdjson::SUCCESS) return InvalidArgument(document.name(), " is not a JSON object");
  return root;
}

Status ReadArchitecture(object root, const std::string& name) {
  const std::string type = TRY(JsonString(root, "model_type", name)).value_or("");
  std::string architecture;
  array architectures;
  std::string_view first;
  if (root.at_key("architectures").get(architectures) == simdjson::SUCCESS && architectures.at(0).get(first) == simdjson::SUCCESS)
    architecture = first;
  if (type != "bert") {
    return Unimplemented(name, ": the architecture \"", architecture.empty() ? type : architecture, "\" (model_type \"", type,
                         "\") is not supported; bert is");
  }
  if (architecture.ends_with("Classification")) return Unimplemented(name, ": ", architecture, " is a classifier, not an embedding model");
  const auto positions = TRY(JsonString(root, "position_embedding_type", name));
  if (positions.value_or("absolute") != "absolute")
    return Unimplemented(name, ": position_embedding_type \"", *positions, "\"; only absolute is supported");
  return OkStatus();
}

Status ReadEncoder(const std::string& path, ModelConfig* config) {
  const JsonDocument document = TRY(JsonDocument::Load(path));
  const object root = TRY(RootObject(document));
  TRY(ReadArchitecture(root, path));
  for (const Bound& bound : kBounds) {
    const auto value = TRY(JsonInteger(root, bound.key, path));
    if (!value) return InvalidArgument(path, ": \"", bound.key, "\" is missing");
    if (*value < 1 || *value > bound.most) return InvalidArgument(path, ": \"", bound.key, "\" is ", *value, ", not 1 to ", bound.most);
    config->*bound.member = *value;
  }
  if (config->hidden_size % config->head_count != 0) {
    return InvalidArgument(path, ": hidden_size ", config->hidden_size, " is no multiple of num_attention_heads ", config->head_count);
  }
  const double epsilon = TRY(JsonNumber(root, "layer_norm_eps", path)).value_or(1e-12);
  if (!(epsilon > 0 && epsilon < 1)) return InvalidArgument(path, ": layer_norm_eps is ", epsilon, ", not between 0 and 1");
  config->layer_norm_epsilon = static_cast<float>(epsilon);
  const std::string activation = TRY(JsonString(root, "hidden_act", path)).value_or("gelu");
  if (activation == "gelu") {
    config->activation = Activation::kGeluErf;
  } else if (activation == "gelu_new" || activation == "gelu_pytorch_tanh") {
    config->activation = Activation::kGeluTanh;
  } else if (activation == "relu") {
    config->activation = Activation::kRelu;
  } else {
    return Unimplemented(path, ": hidden_act \"", activation, "\"; gelu, gelu_new, gelu_pytorch_tanh and relu are supported");
  }
  return OkStatus();
}

Status ReadPooling(const std::string& path, ModelConfig* config) {
  const JsonDocument document = TRY(JsonDocument::Load(path));
  const object root = TRY(RootObject(document));
  const bool cls = TRY(JsonBool(root, "pooling_mode_cls_token", path)).value_or(false);
  const bool mean = TRY(JsonBool(root, "pooling_mode_mean_tokens", path)).value_or(false);
  for (const char* mode : {"max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"}) {
    if (TRY(JsonBool(root, std::string("pooling_mode_") + mode, path)).value_or(false)) {
      return Unimplemented(path, ": pooling_mode_", mode, " is not supported; cls_token and mean_tokens are");
    }
  }
  if (cls == mean) return Unimplemented(path, ": exactly one of pooling_mode_cls_token and pooling_mode_mean_tokens must be true");
  const auto dim = TRY(JsonInteger(root, "word_embedding_dimension", path));
  if (dim && *dim != config->hidden_size) {
    return InvalidArgument(path, ": word_embedding_dimension is ", *dim, ", config.json's hidden_size ", config->hidden_size);
  }
  config->pooling = cls ? Pooling::kCls : Pooling::kMean;
  config->pooling_given = true;
  return OkStatus();
}

Status ReadModules(const std::filesystem::path& directory, const std::string& path, ModelConfig* config) {
  const JsonDocument document = TRY(JsonDocument::Load(path));
  array modules;
  if (document.root().get(modules) != simdjson::SUCCESS) return InvalidArgument(path, " is not a JSON array");
  for (const element module : modules) {
    object fields;
    if (module.get(fields) != simdjson::SUCCESS) return InvalidArgument(path, ": a module is not an object");
    const std::string type = TRY(JsonString(fields, "type", path)).value_or("");
    const std::string last = type.substr(type.rfind('.') + 1);
    const std::string folder = TRY(JsonString(fields, "path", path)).value_or("");
    if (folder.find("..") != std::string::npos || folder.starts_with('/'))
      return InvalidArgument(path, ": the module path \"", folder, "\" leaves the model");
    if (last == "Pooling") {
      TRY(ReadPooling((directory / folder / "config.json").string(), config));
    } else if (last == "Normalize") {
      config->normalize = true;
    } else if (last != "Transformer") {
      return Unimplemented(path, ": the module \"", type, "\" is not supported; Transformer, Pooling and Normalize are");
    }
  }
  return OkStatus();
}

// A limit of one file: absent, null and "very large" (1e30 stands for none) leave `limit` as it is.
Status LowerLimit(const std::string& path, const char* key, int64_t* limit) {
  if (!FileSystem::Posix().Exists(path)) return OkStatus();
  const JsonDocument document = TRY(JsonDocument::Load(path));
  const object root = TRY(RootObject(document));
  const auto value = TRY(JsonNumber(root, key, path));
  if (!value || *value > 1e6) return OkStatus();
  if (*value < 3) return InvalidArgument(path, ": ", key, " is ", *value, "; at least 3 tokens are needed");
  *limit = std::min(*limit, static_cast<int64_t>(*value));
  return OkStatus();
}

}  // namespace

Result<ModelConfig> ReadModelConfig(const std::string& directory) {
  const std::filesystem::path root(directory);
  std::error_code error;
  if (!std::filesystem::is_directory(root, error)) return NotFound("the model directory ", directory, " does not exist");
  ModelConfig config;
  TRY(ReadEncoder((root / "config.json").string(), &config));
  const std::string modules = (root / "modules.json").string();
  const std::string pooling = (root / "1_Pooling" / "config.json").string();
  if (FileSystem::Posix().Exists(modules)) {
    TRY(ReadModules(root, modules, &config));
  } else if (FileSystem::Posix().Exists(pooling)) {
    TRY(ReadPooling(pooling, &config));
  }
  config.max_tokens = config.max_positions;
  if (config.max_tokens < 3) return InvalidArgument(directory, ": ", config.max_positions, " positions; at least 3 are needed");
  TRY(LowerLimit((root / "sentence_bert_config.json").string(), "max_seq_length", &config.max_tokens));
  TRY(LowerLimit((root / "tokenizer_config.json").string(), "model_max_length", &config.max_tokens));
  return config;
}

}  // namespace saker::embed
