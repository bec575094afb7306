#include "server/models/model_file.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace saker::models {
namespace {

using ::testing::HasSubstr;

class ModelFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "saker_models_" + std::to_string(::getpid());
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    data_ = root_ + "/data";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string MakeModel(const std::string& name) {
    const std::string path = root_ + "/" + name;
    std::filesystem::create_directories(path);
    std::ofstream(path + "/config.json") << "{}";
    return std::filesystem::canonical(path).string();
  }

  std::string root_;
  std::string data_;
};

TEST_F(ModelFileTest, ReadsNameAndPathOrPathAlone) {
  const std::string path = MakeModel("mini");
  EXPECT_EQ(ParseModelArgument("BAAI/bge-m3=" + path).value(), (ModelEntry{"BAAI/bge-m3", path, {}}));
  EXPECT_EQ(ParseModelArgument(path + "/").value(), (ModelEntry{"mini", path, {}}));
  const std::string odd = MakeModel("a=b");
  EXPECT_EQ(ParseModelArgument("x=" + odd).value().path, odd);
  EXPECT_THAT(ParseModelArgument("x=/no/such/place").status().message(), HasSubstr("/no/such/place"));
  EXPECT_THAT(ParseModelArgument("x=" + root_).status().message(), HasSubstr("config.json"));
}

TEST_F(ModelFileTest, ChecksNames) {
  for (const char* good : {"a", "BAAI/bge-m3", "x/y/z_1.5", "..."}) EXPECT_TRUE(CheckModelName(good).ok()) << good;
  for (const char* bad : {"", "/a", "a/", "a//b", "a b", "a\nb", "é", "a\"b", ".", "..", "../x", "a/../b"})
    EXPECT_FALSE(CheckModelName(bad).ok()) << bad;
  EXPECT_FALSE(CheckModelName(std::string(256, 'a')).ok());
}

TEST_F(ModelFileTest, AddCreatesTheDirectoryAndKeepsOthers) {
  const std::string one = MakeModel("one");
  const std::string two = MakeModel("two");
  ASSERT_TRUE(AddModel(data_, {"m/one", one, {"first"}}).ok());
  ASSERT_TRUE(AddModel(data_, {"m/two", two, {}}).ok());
  ASSERT_TRUE(AddModel(data_, {"m/one", two, {"uno"}}).ok());
  EXPECT_THAT(ReadModelFile(ModelFilePath(data_)).value(),
              ::testing::ElementsAre(ModelEntry{"m/one", two, {"uno"}}, ModelEntry{"m/two", two, {}}));
  EXPECT_THAT(AddModel(data_, {"uno", one, {}}).message(), HasSubstr("'uno' is used twice"));
  EXPECT_THAT(RemoveModel(data_, "three").message(), HasSubstr("m/one, m/two"));
  ASSERT_TRUE(RemoveModel(data_, "m/one").ok());
  EXPECT_EQ(ReadModelFile(ModelFilePath(data_)).value().size(), 1u);
}

TEST_F(ModelFileTest, RemoveDoesNotCreateAnything) {
  EXPECT_EQ(RemoveModel(data_, "x").code(), StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(data_));
}

TEST_F(ModelFileTest, ManyAddsAtOnceAreAllKept) {
  const std::string path = MakeModel("one");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i, &path] {
      for (int j = 0; j < 4; ++j) { EXPECT_TRUE(AddModel(data_, {"m" + std::to_string(i) + "/" + std::to_string(j), path, {}}).ok()); }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ReadModelFile(ModelFilePath(data_)).value().size(), 32u);
}

TEST_F(ModelFileTest, EveryFlippedByteIsRefusedOrHarmless) {
  const std::vector<ModelEntry> entries = {{"BAAI/bge-m3", "/models/bge-m3", {"bge", "m3"}}, {"mini", "/models/mini", {}}};
  const std::string text = EncodeModelFile(entries);
  int refused = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string broken = text;
      broken[i] = static_cast<char>(broken[i] ^ (1 << bit));
      const auto decoded = DecodeModelFile(broken, "models.json");
      EXPECT_TRUE(!decoded.ok() || *decoded == entries) << "byte " << i << " bit " << bit;
      refused += !decoded.ok();
    }
    EXPECT_FALSE(DecodeModelFile(text.substr(0, i), "models.json").ok() && i + 2 < text.size()) << i;
  }
  EXPECT_GT(refused, 1000);
}

TEST_F(ModelFileTest, SaysWhichVersionItReads) {
  EXPECT_THAT(DecodeModelFile(R"({"version":2,"models":[],"checksum":"x"})", "models.json").status().message(),
              HasSubstr("version 2, this server reads version 1"));
  for (const char* bad :
       {"", "[]", "{}", R"({"version":1})", R"({"version":1,"models":{}})", R"({"version":1,"models":[1],"checksum":"x"})"}) {
    EXPECT_FALSE(DecodeModelFile(bad, "models.json").ok()) << bad;
  }
}

TEST_F(ModelFileTest, TheFileOfVersionOneStillOpens) {
  std::ifstream file("server/models/testdata/models-v1.json");
  std::stringstream text;
  text << file.rdbuf();
  const std::vector<ModelEntry> entries = {{"BAAI/bge-m3", "/models/bge-m3", {"bge", "m3"}}, {"mini", "/models/mini", {}}};
  EXPECT_EQ(DecodeModelFile(text.str(), "models-v1.json").value(), entries);
  EXPECT_EQ(EncodeModelFile(entries), text.str());
}

}  // namespace
}  // namespace saker::models
