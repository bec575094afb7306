#include "embed/testing/tiny_model.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace saker::embed {
namespace {

uint16_t FloatToHalf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t rounded = (bits & 0x7FFFFFFF) + 0xFFF + (bits >> 13 & 1);
  const uint32_t exponent = rounded >> 23;
  if (exponent > 112 + 30) return sign | 0x7C00;
  if (exponent <= 112) return sign | static_cast<uint16_t>(std::lround(std::fabs(value) * 0x1p24F));
  return sign | static_cast<uint16_t>((rounded >> 13) - (112U << 10));
}

}  // namespace

std::string SafetensorsBytes(const TestTensors& tensors, DType dtype) {
  std::string header = "{";
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const size_t begin = data.size();
    for (const float value : tensor.values) {
      if (dtype == DType::kFloat32) {
        data.append(reinterpret_cast<const char*>(&value), sizeof value);
      } else {
        const uint16_t bits = dtype == DType::kBFloat16 ? FloatToBFloat16(value) : FloatToHalf(value);
        data.append(reinterpret_cast<const char*>(&bits), sizeof bits);
      }
    }
    Tensor shape;
    shape.shape = tensor.shape;
    header += (header.size() > 1 ? ",\"" : "\"") + name + "\":{\"dtype\":\"" + DTypeName(dtype) + "\",\"shape\":" + shape.ShapeText() +
              ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  header += "}";
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data;
}

std::vector<std::string> TinyVocabulary() {
  std::vector<std::string> words = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "vector", "database", "seal", "##ing", ".", ","};
  for (char c = 'a'; c <= 'z'; ++c) {
    words.emplace_back(1, c);
    words.push_back(std::string("##") + c);
  }
  return words;
}

TestTensors RandomBertTensors(const TinyBert& model) {
  std::mt19937 random(model.seed);
  std::normal_distribution<float> normal(0.0F, 0.2F);
  TestTensors tensors;
  const auto add = [&](const std::string& name, std::vector<uint64_t> shape, float center = 0) {
    uint64_t count = 1;
    for (const uint64_t extent : shape) count *= extent;
    TestTensor& tensor = tensors[model.prefix + name];
    tensor.shape = std::move(shape);
    for (uint64_t i = 0; i < count; ++i) tensor.values.push_back(center + normal(random));
  };
  const auto norm = [&](const std::string& name, uint64_t dim) {
    add(name + ".weight", {dim}, 1);
    add(name + ".bias", {dim});
  };
  const auto linear = [&](const std::string& name, uint64_t out, uint64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  };
  const auto d = static_cast<uint64_t>(model.hidden);
  const auto f = static_cast<uint64_t>(model.intermediate);
  add("embeddings.word_embeddings.weight", {TinyVocabulary().size(), d});
  add("embeddings.position_embeddings.weight", {static_cast<uint64_t>(model.positions), d});
  add("embeddings.token_type_embeddings.weight", {static_cast<uint64_t>(model.types), d});
  norm("embeddings.LayerNorm", d);
  for (int l = 0; l < model.layers; ++l) {
    const std::string at = "encoder.layer." + std::to_string(l) + ".";
    for (const char* name : {"query", "key", "value"}) linear(at + "attention.self." + name, d, d);
    linear(at + "attention.output.dense", d, d);
    norm(at + "attention.output.LayerNorm", d);
    linear(at + "intermediate.dense", f, d);
    linear(at + "output.dense", d, f);
    norm(at + "output.LayerNorm", d);
  }
  return tensors;
}

std::string TinyConfigJson(const TinyBert& model) {
  const auto field = [](const char* key, int value) { return std::string(",\"") + key + "\":" + std::to_string(value); };
  return "{\"model_type\":\"bert\",\"architectures\":[\"BertModel\"],\"hidden_act\":\"gelu\",\"layer_norm_eps\":1e-12" +
         field("vocab_size", static_cast<int>(TinyVocabulary().size())) + field("hidden_size", model.hidden) +
         field("num_hidden_layers", model.layers) + field("num_attention_heads", model.heads) +
         field("intermediate_size", model.intermediate) + field("max_position_embeddings", model.positions) +
         field("type_vocab_size", model.types) + "}";
}

void WriteTestFile(const std::string& path, const std::string& contents) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << contents;
}

std::string WriteTinyBert(const std::string& directory, const TinyBert& model) {
  WriteTestFile(directory + "/config.json", TinyConfigJson(model));
  std::string vocabulary;
  for (const std::string& word : TinyVocabulary()) vocabulary += word + "\n";
  WriteTestFile(directory + "/vocab.txt", vocabulary);
  std::string modules = R"([{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},)"
                        R"({"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"})";
  if (model.normalize) modules += R"(,{"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.models.Normalize"})";
  WriteTestFile(directory + "/modules.json", modules + "]");
  const bool mean = model.pooling == "mean";
  WriteTestFile(directory + "/1_Pooling/config.json", "{\"word_embedding_dimension\":" + std::to_string(model.hidden) +
                                                          ",\"pooling_mode_cls_token\":" + (mean ? "false" : "true") +
                                                          ",\"pooling_mode_mean_tokens\":" + (mean ? "true" : "false") + "}");
  const TestTensors tensors = RandomBertTensors(model);
  if (!model.shards) {
    WriteTestFile(directory + "/model.safetensors", SafetensorsBytes(tensors, model.dtype));
    return directory;
  }
  TestTensors halves[2];
  std::string map;
  size_t i = 0;
  for (const auto& [name, tensor] : tensors) {
    const size_t half = i++ % 2;
    halves[half][name] = tensor;
    map += (map.empty() ? "\"" : ",\"") + name + "\":\"part-" + std::to_string(half) + ".safetensors\"";
  }
  for (const size_t half : {0, 1})
    WriteTestFile(directory + "/part-" + std::to_string(half) + ".safetensors", SafetensorsBytes(halves[half], model.dtype));
  WriteTestFile(directory + "/model.safetensors.index.json", "{\"metadata\":{},\"weight_map\":{" + map + "}}");
  return directory;
}

TestDirectory::TestDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "saker-embed-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = pattern;
}

TestDirectory::~TestDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string SharedDirectory() {
  const char* set = std::getenv("SAKER_SHARED");
  const std::string path = set != nullptr ? set : "../shared";  // tests run in the repository's root
  return std::filesystem::is_directory(path) ? path : "";
}

uint32_t TestSeed() {
  const char* set = std::getenv("SAKER_SEED");
  return set != nullptr ? static_cast<uint32_t>(std::strtoul(set, nullptr, 10)) : 20240607U;
}

}  // namespace saker::embed
