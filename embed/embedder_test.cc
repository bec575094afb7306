#include "embed/embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <simdjson.h>

#include "embed/kernels/kernels.h"
#include "embed/testing/tiny_model.h"

namespace saker::embed {
namespace {

using ::testing::HasSubstr;

double Cosine(const float* a, const float* b, size_t dim) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < dim; ++i) ab += double{a[i]} * b[i], aa += double{a[i]} * a[i], bb += double{b[i]} * b[i];
  return ab / std::sqrt(aa * bb);
}

// Texts and the vectors that sentence-transformers gave for them; see tests/golden/embed.
struct Golden {
  std::vector<std::string> texts;
  std::vector<std::vector<float>> vectors;
};

Golden ReadGolden(const std::string& path) {
  Golden golden;
  std::ifstream file(path);
  simdjson::dom::parser parser;
  for (std::string line; std::getline(file, line);) {
    const simdjson::dom::element element = parser.parse(line);
    golden.texts.emplace_back(std::string_view(element["text"]));
    golden.vectors.emplace_back();
    for (const auto value : simdjson::dom::array(element["vector"])) golden.vectors.back().push_back(static_cast<float>(double(value)));
  }
  return golden;
}

void CheckGolden(const std::string& model, const std::string& golden_path, Precision precision, double least_cosine,
                 float most_difference) {
  const Golden golden = ReadGolden(golden_path);
  ASSERT_GE(golden.texts.size(), 5U) << golden_path;
  const auto embedder = LoadEmbedder({.name = "golden", .path = model, .precision = precision});
  if (embedder.status().code() == StatusCode::kUnimplemented) GTEST_SKIP() << embedder.status().message();
  ASSERT_TRUE(embedder.ok()) << embedder.status().ToString();
  const auto dim = static_cast<size_t>((*embedder)->info().dim);
  const Embeddings got = (*embedder)->Embed(golden.texts, Priority::kBulk, Context()).value();
  for (size_t i = 0; i < golden.texts.size(); ++i) {
    ASSERT_EQ(golden.vectors[i].size(), dim);
    EXPECT_GE(Cosine(&got.values[i * dim], golden.vectors[i].data(), dim), least_cosine) << golden.texts[i];
    for (size_t k = 0; k < dim; ++k) ASSERT_NEAR(got.values[i * dim + k], golden.vectors[i][k], most_difference) << golden.texts[i];
  }
}

TEST(LoadEmbedder, TinyModelGivesTheVectorsOfTransformers) {
  const std::string folder = "tests/golden/embed/";
  CheckGolden(folder + "tiny_bert", folder + "tiny_bert.jsonl", Precision::kFloat32, 0.99999, 1e-5F);
  CheckGolden(folder + "tiny_bert", folder + "tiny_bert.jsonl", Precision::kBFloat16, 0.998, 0.05F);
}

TEST(LoadEmbedder, RealModelGivesTheVectorsOfSentenceTransformers) {
  const char* model = std::getenv("SAKER_TEST_MODEL");
  if (model == nullptr) GTEST_SKIP() << "SAKER_TEST_MODEL does not name a directory with all-MiniLM-L6-v2";
  CheckGolden(model, "tests/golden/embed/all-MiniLM-L6-v2.jsonl", Precision::kFloat32, 0.9999, 1e-5F);
  CheckGolden(model, "tests/golden/embed/all-MiniLM-L6-v2.jsonl", Precision::kBFloat16, 0.998, 0.02F);
}

TEST(LoadEmbedder, TellsWhatItLoaded) {
  TestDirectory directory;
  const std::string path = WriteTinyBert(directory.path() + "/a", {});
  const auto embedder = LoadEmbedder({.name = "tiny", .path = path, .threads = 2});
  ASSERT_TRUE(embedder.ok()) << embedder.status().ToString();
  const ModelInfo& info = (*embedder)->info();
  EXPECT_EQ(info.name, "tiny");
  EXPECT_EQ(info.dim, 32);
  EXPECT_EQ(info.max_tokens, 64);
  EXPECT_TRUE(info.normalized);
  EXPECT_EQ(info.fingerprint.size(), 32U);
  EXPECT_GT(info.weight_bytes, 0U);
  EXPECT_GT(info.memory_bytes, info.weight_bytes);
  EXPECT_GT(info.load_seconds, 0);

  const auto fingerprint = [&](const std::string& name, const TinyBert& model) {
    const std::string other = WriteTinyBert(directory.path() + "/" + name, model);
    return LoadEmbedder({.name = name, .path = other, .precision = Precision::kFloat32, .threads = 1}).value()->info().fingerprint;
  };
  EXPECT_EQ(fingerprint("same", {}), info.fingerprint);
  EXPECT_NE(fingerprint("seed", {.seed = 3}), info.fingerprint);
  EXPECT_NE(fingerprint("pooling", {.pooling = "cls"}), info.fingerprint);
}

TEST(LoadEmbedder, CountsTokensAndNormalizes) {
  TestDirectory directory;
  const auto embedder = LoadEmbedder({.name = "tiny", .path = WriteTinyBert(directory.path(), {.positions = 8}), .threads = 1});
  const std::vector<std::string> texts = {"", "the vector database", "a b c d e f g h i j"};
  const auto got = (*embedder)->Embed(texts, Priority::kInteractive, Context());
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  EXPECT_EQ(got->token_counts, (std::vector<uint32_t>{2, 5, 8}));
  EXPECT_EQ(got->full_token_counts, (std::vector<uint32_t>{2, 5, 12}));
  for (size_t i = 0; i < 3; ++i) {
    double squares = 0;
    for (size_t k = 0; k < 32; ++k) squares += double{got->values[i * 32 + k]} * got->values[i * 32 + k];
    EXPECT_NEAR(squares, 1, 1e-5);
  }
  EXPECT_TRUE((*embedder)->Embed({}, Priority::kBulk, Context())->values.empty());
  const std::vector<std::string> bad = {"fine", "not \xff fine"};
  const auto refused = (*embedder)->Embed(bad, Priority::kBulk, Context());
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.status().message(), HasSubstr("text 1: the text is not UTF-8"));
}

TEST(LoadEmbedder, ARequestLargerThanTheQueueGoesThroughInSlices) {
  TestDirectory directory;
  const auto embedder =
      LoadEmbedder({.name = "slices", .path = WriteTinyBert(directory.path(), {}), .threads = 2, .queue_limit_tokens = 1000});
  ASSERT_TRUE(embedder.ok()) << embedder.status().ToString();
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i) texts.push_back("seal " + std::string(1 + static_cast<size_t>(i % 40), static_cast<char>('a' + i % 26)));
  const Embeddings all = (*embedder)->Embed(texts, Priority::kBulk, Context()).value();
  ASSERT_EQ(all.values.size(), 500U * 32);
  for (const size_t i : {size_t{0}, size_t{77}, size_t{499}}) {
    const Embeddings one = (*embedder)->Embed(std::span(&texts[i], 1), Priority::kInteractive, Context()).value();
    EXPECT_GE(Cosine(one.values.data(), &all.values[i * 32], 32), 0.9999);
  }
}

TEST(LoadEmbedder, ConcurrentCallersGetTheirOwn) {
  TestDirectory directory;
  const auto embedder =
      LoadEmbedder({.name = "threads", .path = WriteTinyBert(directory.path(), {}), .precision = Precision::kFloat32, .threads = 2});
  std::vector<std::thread> callers;
  for (int c = 0; c < 6; ++c) {
    callers.emplace_back([&, c] {
      const std::vector<std::string> texts = {"seal " + std::string(1 + static_cast<size_t>(c), 'x'), "vector"};
      const Embeddings first = (*embedder)->Embed(texts, c % 2 ? Priority::kBulk : Priority::kInteractive, Context()).value();
      for (int round = 0; round < 20; ++round) {
        const Embeddings again = (*embedder)->Embed(texts, Priority::kInteractive, Context()).value();
        for (size_t i = 0; i < first.values.size(); ++i) ASSERT_NEAR(again.values[i], first.values[i], 1e-6);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(LoadEmbedder, NamesWhatIsWrongWithADirectory) {
  TestDirectory directory;
  const auto message = [&] { return LoadEmbedder({.name = "bad", .path = directory.path(), .threads = 1}).status().message(); };
  WriteTinyBert(directory.path(), {});
  const std::string weights = directory.path() + "/model.safetensors";
  TestTensors tensors = RandomBertTensors({});
  tensors["encoder.layer.1.output.dense.weight"].shape = {64, 32};
  WriteTestFile(weights, SafetensorsBytes(tensors, DType::kFloat32));
  EXPECT_THAT(message(), HasSubstr("\"encoder.layer.1.output.dense.weight\" has shape [64, 32], config.json asks for [32, 64]"));
  tensors = RandomBertTensors({});
  tensors.erase("embeddings.LayerNorm.bias");
  WriteTestFile(weights, SafetensorsBytes(tensors, DType::kFloat32));
  EXPECT_THAT(message(), HasSubstr("embeddings.LayerNorm.bias"));
  tensors = RandomBertTensors({});
  tensors["encoder.layer.0.attention.self.query.weight"].values[5] = NAN;
  WriteTestFile(weights, SafetensorsBytes(tensors, DType::kFloat32));
  EXPECT_THAT(message(), HasSubstr("\"encoder.layer.0.attention.self.query.weight\" is broken: element 5"));
  WriteTestFile(weights, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
  EXPECT_THAT(message(), HasSubstr("Git LFS pointer"));
  std::remove(weights.c_str());
  EXPECT_THAT(message(), HasSubstr("neither model.safetensors nor"));
  WriteTinyBert(directory.path(), {});
  std::string vocabulary;
  for (const std::string& word : TinyVocabulary()) vocabulary += word + "\n";
  WriteTestFile(directory.path() + "/vocab.txt", vocabulary + "extra\n");
  EXPECT_THAT(message(), HasSubstr("ids up to"));
  std::remove((directory.path() + "/vocab.txt").c_str());
  EXPECT_THAT(message(), HasSubstr("neither tokenizer.json nor vocab.txt"));
}

}  // namespace
}  // namespace saker::embed
