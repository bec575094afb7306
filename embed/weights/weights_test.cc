#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "embed/testing/tiny_model.h"
#include "embed/weights/checkpoint.h"
#include "embed/weights/json_file.h"
#include "embed/weights/model_config.h"
#include "embed/weights/safetensors.h"

namespace saker::embed {
namespace {

using ::testing::HasSubstr;

Status ParseStatus(const std::string& bytes) {
  return SafetensorsFile::Parse(std::as_bytes(std::span(bytes)), "file").status();
}

std::string WithHeader(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + std::string(data_bytes, '\0');
}

TEST(Safetensors, ReadsEveryFloatType) {
  const TestTensors tensors = {{"a", {{2, 3}, {1, -2, 3, 0.5F, 0, 100}}}, {"b", {{}, {7}}}, {"empty", {{0, 4}, {}}}};
  for (const DType dtype : {DType::kFloat32, DType::kFloat16, DType::kBFloat16}) {
    const std::string bytes = SafetensorsBytes(tensors, dtype);
    const auto file = SafetensorsFile::Parse(std::as_bytes(std::span(bytes)), "file");
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    for (const auto& [name, tensor] : tensors) {
      const Tensor& read = file->tensors().at(name);
      EXPECT_EQ(read.shape, tensor.shape);
      std::vector<float> values(read.element_count());
      ReadAsFloat(read, 0, values.size(), values.data());
      EXPECT_EQ(values, tensor.values);
    }
  }
}

TEST(Safetensors, RefusesWhatDoesNotAddUp) {
  const auto entry = [](const char* shape, const char* offsets, const char* dtype = "F32") {
    return std::string("{\"dtype\":\"") + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
  };
  const std::pair<std::string, const char*> cases[] = {
      {"", "begins with 8"},
      {WithHeader("{}", 4), "end at 0 of 4"},
      {std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), "claims"},
      {WithHeader("[]", 0), "not a JSON object"},
      {WithHeader("{\"a\":" + entry("[2]", "[0,4]") + "}", 4), "needs 8 bytes"},
      {WithHeader("{\"a\":" + entry("[1]", "[0,8]") + "}", 4), "not inside"},
      {WithHeader("{\"a\":" + entry("[1]", "[4,0]") + "}", 4), "not inside"},
      {WithHeader("{\"a\":" + entry("[1]", "[-4,0]") + "}", 4), "offsets"},
      {WithHeader("{\"a\":" + entry("[4294967296,4294967296]", "[0,4]") + "}", 4), "64 bits"},
      {WithHeader("{\"a\":" + entry("[1]", "[0,4]") + ",\"b\":" + entry("[1]", "[0,4]") + "}", 4), "inside another"},
      {WithHeader("{\"a\":" + entry("[1]", "[4,8]") + "}", 8), "hole"},
      {WithHeader("{\"a\":" + entry("[1]", "[0,4]") + ",\"a\":" + entry("[1]", "[4,8]") + "}", 8), "twice"},
      {WithHeader("{\"a\":" + entry("[1]", "[0,4]", "Q4") + "}", 4), "dtype"},
      {WithHeader("{\"a\":3}", 0), "lacks"},
      {WithHeader("{\"a\":" + entry("[99999999999999999999]", "[0,4]") + "}", 4), ""},
      {"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"},
  };
  for (const auto& [bytes, message] : cases) {
    const Status status = ParseStatus(bytes);
    EXPECT_FALSE(status.ok()) << bytes;
    EXPECT_THAT(status.message(), HasSubstr(message));
  }
}

TEST(Safetensors, SurvivesRandomDamage) {
  const uint32_t seed = TestSeed();
  SCOPED_TRACE("SAKER_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string good =
      SafetensorsBytes(RandomBertTensors({.hidden = 8, .layers = 1, .intermediate = 8, .positions = 4}), DType::kFloat16);
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips)
      bad[random() % (random() % 2 ? 400 : bad.size())] ^= static_cast<char>(1 << random() % 8);
    if (random() % 4 == 0) bad.resize(random() % bad.size());
    const auto file = SafetensorsFile::Parse(std::as_bytes(std::span(bad)), "file");
    if (!file.ok()) continue;
    for (const auto& [name, tensor] : file->tensors()) {
      if (tensor.dtype == DType::kOther) continue;
      std::vector<float> values(tensor.element_count());
      ReadAsFloat(tensor, 0, values.size(), values.data());  // inside the bytes, or the sanitizer speaks
    }
  }
}

TEST(Checkpoint, NamesBothShapes) {
  TestDirectory directory;
  WriteTinyBert(directory.path(), {.prefix = "bert."});
  const Checkpoint checkpoint = Checkpoint::Open(directory.path()).value();
  EXPECT_TRUE(checkpoint.Find("encoder.layer.0.output.dense.weight", {32, 64}).ok());
  EXPECT_THAT(checkpoint.Find("encoder.layer.0.output.dense.weight", {32, 65}).status().message(),
              HasSubstr("[32, 64], config.json asks for [32, 65]"));
  EXPECT_THAT(checkpoint.Find("encoder.layer.9.output.dense.weight", {1}).status().message(),
              HasSubstr("bert.encoder.layer.9.output.dense.weight"));
}

TEST(Checkpoint, FingerprintFollowsTheWeightsAndNotTheFiles) {
  TestDirectory directory;
  const auto fingerprint = [&](const std::string& name, const TinyBert& model) {
    const std::string path = WriteTinyBert(directory.path() + "/" + name, model);
    return Checkpoint::Open(path).value().Fingerprint(0);
  };
  const uint64_t expected = fingerprint("a", {});
  EXPECT_EQ(fingerprint("b", {.shards = true}), expected);
  EXPECT_NE(fingerprint("c", {.seed = 2}), expected);
}

TEST(Checkpoint, RefusesShardsOutsideTheDirectory) {
  TestDirectory directory;
  for (const char* shard : {"../x.safetensors", "/etc/passwd", "", ".."}) {
    WriteTestFile(directory.path() + "/model.safetensors.index.json", std::string("{\"weight_map\":{\"a\":\"") + shard + "\"}}");
    EXPECT_THAT(Checkpoint::Open(directory.path()).status().message(), HasSubstr("not the name of a file"));
  }
  WriteTestFile(directory.path() + "/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"gone.safetensors\"}}");
  EXPECT_EQ(Checkpoint::Open(directory.path()).status().code(), StatusCode::kNotFound);
}

TEST(ModelConfig, ReadsTheSentenceTransformersFiles) {
  TestDirectory directory;
  WriteTinyBert(directory.path(), {});
  WriteTestFile(directory.path() + "/sentence_bert_config.json", "{\"max_seq_length\":40,\"do_lower_case\":false}");
  // What transformers writes for "no limit": an integer beyond 64 bits.
  WriteTestFile(directory.path() + "/tokenizer_config.json",
                "{\"model_max_length\":1000000000000000019884624838656,\"x\":\"12345678901234567890123\"}");
  const auto config = ReadModelConfig(directory.path());
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->max_tokens, 40);
  EXPECT_EQ(config->pooling, Pooling::kMean);
  EXPECT_TRUE(config->normalize);
  EXPECT_EQ(config->hidden_size, 32);
}

TEST(ModelConfig, SaysWhatItCannotRun) {
  TestDirectory directory;
  EXPECT_EQ(ReadModelConfig(directory.path() + "/none").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(ReadModelConfig(directory.path()).status().message(), HasSubstr("config.json"));
  const auto message = [&](const std::string& config) {
    WriteTestFile(directory.path() + "/config.json", config);
    return ReadModelConfig(directory.path()).status().message();
  };
  EXPECT_THAT(message(R"({"model_type":"llama","architectures":["LlamaForCausalLM"]})"), HasSubstr("LlamaForCausalLM"));
  EXPECT_THAT(message(R"({"model_type":"bert","architectures":["BertForSequenceClassification"]})"), HasSubstr("classifier"));
  EXPECT_THAT(message(R"({"model_type":"bert"})"), HasSubstr("\"vocab_size\" is missing"));
  EXPECT_THAT(message(R"({"model_type":"bert","vocab_size":-3})"), HasSubstr("is -3"));
  EXPECT_THAT(message(R"({"model_type":"bert","vocab_size":"many"})"), HasSubstr("not an integer"));
  EXPECT_THAT(message("nonsense"), HasSubstr("not JSON"));
  std::string odd = TinyConfigJson({.hidden = 30, .heads = 4});
  EXPECT_THAT(message(odd), HasSubstr("30 is no multiple of num_attention_heads 4"));
  odd = TinyConfigJson({});
  odd.replace(odd.find("\"gelu\""), 6, "\"silu\"");
  EXPECT_THAT(message(odd), HasSubstr("silu"));
  WriteTinyBert(directory.path(), {});
  WriteTestFile(directory.path() + "/modules.json", R"([{"type":"sentence_transformers.models.Dense","path":"2_Dense"}])");
  EXPECT_THAT(ReadModelConfig(directory.path()).status().message(), HasSubstr("Dense"));
  WriteTinyBert(directory.path(), {});
  WriteTestFile(directory.path() + "/1_Pooling/config.json", "{\"pooling_mode_mean_tokens\":true,\"word_embedding_dimension\":48}");
  EXPECT_THAT(ReadModelConfig(directory.path()).status().message(), HasSubstr("48"));
}

}  // namespace
}  // namespace saker::embed
