#include "server/models/model_registry.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

#include "common/mutex.h"

namespace saker::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Gives every text its length as the first number.
class FakeEmbedder : public embed::Embedder {
 public:
  explicit FakeEmbedder(const embed::ModelOptions& options) {
    info_.name = options.name;
    info_.fingerprint = "print of " + options.path;
    info_.dim = 2;
    info_.memory_bytes = 1000;
  }
  const embed::ModelInfo& info() const override { return info_; }
  Result<embed::Embeddings> Embed(std::span<const std::string> texts, embed::Priority, const Context&) override {
    embed::Embeddings result;
    for (const std::string& text : texts) {
      result.values.push_back(static_cast<float>(text.size()));
      result.values.push_back(1);
      result.token_counts.push_back(static_cast<uint32_t>(text.size()));
      result.full_token_counts.push_back(static_cast<uint32_t>(text.size()));
    }
    return result;
  }

 private:
  embed::ModelInfo info_;
};

class ModelRegistryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "saker_registry_" + std::to_string(::getpid());
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  void TearDown() override {
    go_ = true;
    std::filesystem::remove_all(root_);
  }
  std::string MakeModel(const std::string& name, size_t weight_bytes = 0) {
    const std::string path = root_ + "/" + name;
    std::filesystem::create_directories(path);
    std::ofstream(path + "/config.json") << "{}";
    if (weight_bytes > 0) std::ofstream(path + "/model.safetensors") << std::string(weight_bytes, 'x');
    return std::filesystem::canonical(path).string();
  }
  ModelRegistry::Options Options() {
    ModelRegistry::Options options;
    options.file = ModelFilePath(root_ + "/data");
    options.poll_ms = 10;
    options.loader = [this](const embed::ModelOptions& model) -> Result<std::unique_ptr<embed::Embedder>> {
      ++loads_;
      while (!go_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (model.path.ends_with("broken")) return InvalidArgument(model.path, "/model.safetensors is cut short");
      return std::unique_ptr<embed::Embedder>(new FakeEmbedder(model));
    };
    return options;
  }
  bool Eventually(const std::function<bool()>& test) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!test()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  std::string root_;
  std::atomic<bool> go_{true};
  std::atomic<int> loads_{0};
};

TEST_F(ModelRegistryTest, LoadsInTheBackgroundAndSaysSoMeanwhile) {
  go_ = false;
  auto options = Options();
  options.configured = {{"BAAI/bge-m3", MakeModel("m3"), {"bge"}}};
  auto registry = std::move(ModelRegistry::Start(options)).value();
  EXPECT_EQ(registry->Describe("bge").status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(registry->Describe("BAAI/bge-m3").status().message(), HasSubstr("still loading"));
  EXPECT_THAT(registry->Missing(), ElementsAre(HasSubstr("model BAAI/bge-m3 is loading")));
  go_ = true;
  ASSERT_TRUE(Eventually([&] { return registry->Missing().empty(); }));
  EXPECT_EQ(registry->Describe("bge").value().name, "BAAI/bge-m3");
  EXPECT_EQ(registry->Describe("bge").value().dim, 2);
  const std::vector<std::string> texts = {"ab", "cde"};
  const auto vectors = registry->Embed("bge", texts, proxy::TextEmbedder::Use::kQuery, Context());
  EXPECT_THAT(vectors.value(), ElementsAre(2.0F, 1.0F, 3.0F, 1.0F));
  EXPECT_EQ(registry->List()[0].bytes, 1000u);
}

TEST_F(ModelRegistryTest, NeverLoadsANameFromARequest) {
  auto options = Options();
  options.configured = {{"mini", MakeModel("mini"), {}}};
  auto registry = std::move(ModelRegistry::Start(options)).value();
  const std::string other = MakeModel("other");
  for (const std::string& name : {other, std::string("other"), std::string("../other"), std::string("")}) {
    const Status status = registry->Describe(name).status();
    EXPECT_EQ(status.code(), StatusCode::kNotFound);
    EXPECT_THAT(status.message(), HasSubstr("configured are: mini"));
  }
  ASSERT_TRUE(Eventually([&] { return registry->Missing().empty(); }));
  EXPECT_EQ(loads_, 1);
}

TEST_F(ModelRegistryTest, KeepsTheReasonOfAFailure) {
  auto options = Options();
  options.configured = {{"bad", MakeModel("broken"), {}}, {"good", MakeModel("good"), {}}};
  auto registry = std::move(ModelRegistry::Start(options)).value();
  ASSERT_TRUE(Eventually([&] { return registry->Describe("good").ok(); }));
  EXPECT_THAT(registry->Describe("bad").status().message(), HasSubstr("cut short"));
  EXPECT_THAT(registry->Missing(), ElementsAre(HasSubstr("cut short")));
  EXPECT_EQ(registry->List()[0].state, ModelState::kFailed);
}

TEST_F(ModelRegistryTest, NoticesWhatTheCommandAddsAndRemoves) {
  auto registry = std::move(ModelRegistry::Start(Options())).value();
  EXPECT_THAT(registry->List(), IsEmpty());
  EXPECT_THAT(registry->Describe("x").status().message(), HasSubstr("saker model add"));
  ASSERT_TRUE(AddModel(root_ + "/data", {"m/one", MakeModel("one"), {"uno"}}).ok());
  ASSERT_TRUE(Eventually([&] { return registry->Describe("uno").ok(); }));
  // What came later does not take readiness away, even when it fails.
  ASSERT_TRUE(AddModel(root_ + "/data", {"m/bad", MakeModel("broken"), {}}).ok());
  ASSERT_TRUE(Eventually([&] { return registry->List().size() == 2 && registry->List()[0].state == ModelState::kFailed; }));
  EXPECT_THAT(registry->Missing(), IsEmpty());
  // A new path is a new model, the failed one gets another chance, the other stays as it is.
  const int before = loads_;
  ASSERT_TRUE(AddModel(root_ + "/data", {"m/bad", MakeModel("mended"), {}}).ok());
  ASSERT_TRUE(Eventually([&] { return registry->Describe("m/bad").ok(); }));
  EXPECT_EQ(loads_, before + 1);
  ASSERT_TRUE(RemoveModel(root_ + "/data", "m/one").ok());
  ASSERT_TRUE(Eventually([&] { return registry->Describe("uno").status().code() == StatusCode::kNotFound; }));
}

TEST_F(ModelRegistryTest, KeepsItsModelsWhenTheFileIsDamaged) {
  ASSERT_TRUE(AddModel(root_ + "/data", {"one", MakeModel("one"), {}}).ok());
  auto registry = std::move(ModelRegistry::Start(Options())).value();
  ASSERT_TRUE(Eventually([&] { return registry->Describe("one").ok(); }));
  std::ofstream(ModelFilePath(root_ + "/data")) << "{broken";
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(registry->Describe("one").ok());
  EXPECT_EQ(ModelRegistry::Start(Options()).status().code(), StatusCode::kDataLoss);
}

TEST_F(ModelRegistryTest, TheConfigurationWinsOverTheFile) {
  ASSERT_TRUE(AddModel(root_ + "/data", {"one", MakeModel("from-file"), {}}).ok());
  auto options = Options();
  options.configured = {{"one", MakeModel("configured"), {}}};
  auto registry = std::move(ModelRegistry::Start(options)).value();
  ASSERT_TRUE(Eventually([&] { return registry->Describe("one").ok(); }));
  EXPECT_THAT(registry->Describe("one").value().fingerprint, HasSubstr("configured"));
  options.configured = {{"one", MakeModel("configured"), {}}, {"one", MakeModel("other"), {}}};
  EXPECT_THAT(ModelRegistry::Start(options).status().message(), HasSubstr("'one' is used twice"));
}

TEST_F(ModelRegistryTest, AsksTheBudgetBeforeItLoads) {
  MemoryBudget budget(5000);
  auto options = Options();
  options.budget = &budget;
  options.configured = {{"large", MakeModel("large", 6000), {}}, {"small", MakeModel("small", 3000), {}}};
  auto registry = std::move(ModelRegistry::Start(options)).value();
  ASSERT_TRUE(Eventually([&] { return registry->Describe("small").ok(); }));
  EXPECT_THAT(registry->Describe("large").status().message(), HasSubstr("6000"));
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(budget.used_bytes(), 3000u);
  registry.reset();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

}  // namespace
}  // namespace saker::models
