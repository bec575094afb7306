#include "embed/model/bert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <random>

#include "embed/testing/tiny_model.h"

namespace saker::embed {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Encoder> Make(const std::string& directory, std::unique_ptr<LinearBackend> backend, size_t lanes) {
  const ModelConfig config = ReadModelConfig(directory).value();
  const Checkpoint checkpoint = Checkpoint::Open(directory).value();
  auto encoder = MakeBertEncoder(config, checkpoint, std::move(backend), {.lanes = lanes, .max_batch_tokens = 512, .name = "test"});
  EXPECT_TRUE(encoder.ok()) << encoder.status().ToString();
  return std::move(encoder).value();
}

PackedBatch RandomBatch(std::mt19937& random, size_t sequences, size_t longest) {
  PackedBatch batch;
  for (size_t s = 0; s < sequences; ++s) {
    std::vector<int32_t> ids(1 + random() % longest);
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % TinyVocabulary().size());
    batch.Add(ids);
  }
  return batch;
}

std::vector<float> Vectors(Encoder& encoder, const PackedBatch& batch) {
  std::vector<float> vectors(batch.sequence_count() * encoder.dim());
  const Status status = encoder.EncodeTogether(batch, vectors.data());
  EXPECT_TRUE(status.ok()) << status.ToString();
  for (size_t lane = 0; lane < encoder.lanes(); ++lane) {
    std::vector<float> alone(vectors.size());
    EXPECT_TRUE(encoder.Encode(batch, lane, alone.data()).ok());
    for (size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(alone[i], vectors[i], 1e-6) << "lane " << lane;
  }
  return vectors;
}

float MostDifferent(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

double LeastCosine(const std::vector<float>& a, const std::vector<float>& b, size_t dim) {
  double least = 1;
  for (size_t at = 0; at < a.size(); at += dim) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = at; i < at + dim; ++i) ab += double{a[i]} * b[i], aa += double{a[i]} * a[i], bb += double{b[i]} * b[i];
    least = std::min(least, ab / std::sqrt(aa * bb));
  }
  return least;
}

TEST(Bert, FasterEnginesAgreeWithThePlainOne) {
  const uint32_t seed = TestSeed();
  SCOPED_TRACE("SAKER_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  for (const TinyBert& shape : {TinyBert(), TinyBert{.hidden = 96, .layers = 3, .heads = 3, .intermediate = 384, .pooling = "cls"},
                                TinyBert{.hidden = 192, .heads = 6, .intermediate = 768, .normalize = false}}) {
    TestDirectory directory;
    WriteTinyBert(directory.path(), shape);
    const auto plain = Make(directory.path(), MakePlainBackend(1), 1);
    for (const size_t threads : {1, 2, 3}) {
      for (const bool bf16 : {false, true}) {
        auto backend = MakeOneDnnBackend(threads, bf16);
        if (!backend.ok()) {
          std::cout << "not run: " << backend.status().message() << '\n';
          continue;
        }
        const auto fast = Make(directory.path(), std::move(backend).value(), threads);
        for (const size_t sequences : {1, 2, 7, 30}) {
          const PackedBatch batch = RandomBatch(random, sequences, sequences == 30 ? 16 : 64);
          const std::vector<float> expected = Vectors(*plain, batch);
          const std::vector<float> got = Vectors(*fast, batch);
          if (bf16) {
            EXPECT_GE(LeastCosine(expected, got, fast->dim()), 0.998);
          } else {
            EXPECT_LE(MostDifferent(expected, got), 1e-4) << threads << " threads, " << sequences << " sequences";
          }
        }
      }
    }
  }
}

TEST(Bert, CompanyInTheBatchNeverChangesAnAnswer) {
  std::mt19937 random(TestSeed());
  TestDirectory directory;
  WriteTinyBert(directory.path(), {.hidden = 64, .heads = 2, .intermediate = 256});
  for (const bool plain : {true, false}) {
    auto backend = plain ? Result<std::unique_ptr<LinearBackend>>(MakePlainBackend(2)) : MakeOneDnnBackend(2, false);
    if (!backend.ok()) continue;
    const auto encoder = Make(directory.path(), std::move(backend).value(), 2);
    const PackedBatch batch = RandomBatch(random, 20, 24);
    const std::vector<float> together = Vectors(*encoder, batch);
    for (size_t s = 0; s < batch.sequence_count(); ++s) {
      PackedBatch one;
      one.Add({batch.ids.begin() + batch.offsets[s], batch.ids.begin() + batch.offsets[s + 1]});
      const std::vector<float> alone = Vectors(*encoder, one);
      const std::vector<float> in_company(together.begin() + s * encoder->dim(), together.begin() + (s + 1) * encoder->dim());
      EXPECT_LE(MostDifferent(alone, in_company), 1e-6);
    }
  }
}

TEST(Bert, StoredTypePrefixAndShardsDoNotChangeTheModel) {
  TestDirectory directory;
  std::mt19937 random(TestSeed());
  const PackedBatch batch = RandomBatch(random, 5, 30);
  const auto run = [&](const std::string& name, const TinyBert& model) {
    const std::string path = WriteTinyBert(directory.path() + "/" + name, model);
    return Vectors(*Make(path, MakePlainBackend(1), 1), batch);
  };
  const std::vector<float> expected = run("plain", {});
  EXPECT_EQ(run("prefix", {.prefix = "bert."}), expected);
  EXPECT_EQ(run("shards", {.shards = true}), expected);
  EXPECT_LE(MostDifferent(run("fp16", {.dtype = DType::kFloat16}), expected), 5e-3);
  EXPECT_LE(MostDifferent(run("bf16", {.dtype = DType::kBFloat16}), expected), 5e-2);
}

TEST(Bert, RefusesBatchesItCannotHold) {
  TestDirectory directory;
  WriteTinyBert(directory.path(), {});
  const auto encoder = Make(directory.path(), MakePlainBackend(1), 1);
  std::vector<float> vectors(4 * encoder->dim());
  const auto refusal = [&](std::vector<int32_t> ids) {
    PackedBatch batch;
    batch.Add(ids);
    return encoder->Encode(batch, 0, vectors.data()).message();
  };
  EXPECT_THAT(refusal({}), HasSubstr("0 tokens"));
  EXPECT_THAT(refusal(std::vector<int32_t>(65, 1)), HasSubstr("65 tokens, not 1 to 64"));
  EXPECT_THAT(refusal({static_cast<int32_t>(TinyVocabulary().size())}), HasSubstr("token id"));
  EXPECT_THAT(refusal({-1}), HasSubstr("token id -1"));
  PackedBatch types;
  types.Add({1, 2});
  types.type_ids = {0, 2};
  EXPECT_THAT(encoder->Encode(types, 0, vectors.data()).message(), HasSubstr("token type 2"));
}

}  // namespace
}  // namespace saker::embed
