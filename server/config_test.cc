#include "server/config.h"

#include <fstream>

#include <gtest/gtest.h>

namespace saker::server {
namespace {

std::string WriteFile(const std::string& text) {
  const std::string path = testing::TempDir() + "saker_config_test.yaml";
  std::ofstream(path) << text;
  return path;
}

TEST(ReadConfigFile, TakesTheFlagsNames) {
  Config config;
  ASSERT_TRUE(ReadConfigFile(WriteFile("port: 1234\nops_port: 99\nauth: true\nmodel: [a=/x, /y]\nlog-format: json\n"), &config).ok());
  EXPECT_EQ(config.port, 1234);
  EXPECT_EQ(config.ops_port, 99);
  EXPECT_TRUE(config.auth);
  EXPECT_EQ(config.model, (std::vector<std::string>{"a=/x", "/y"}));
  EXPECT_EQ(config.log_format, "json");
}

TEST(ReadConfigFile, AnUnknownKeyNamesTheNearestOne) {
  Config config;
  const Status status = ReadConfigFile(WriteFile("port: 1\nadress: 0.0.0.0\n"), &config);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find(":2: unknown setting 'adress'; did you mean 'address'?"), std::string::npos) << status.message();
  const Status far = ReadConfigFile(WriteFile("nothing-like-it: 1\n"), &config);
  EXPECT_NE(far.message().find("'nothing-like-it'; saker serve --help lists"), std::string::npos) << far.message();
}

TEST(ReadConfigFile, AWrongTypeOrABrokenFileIsAnErrorWithItsLine) {
  Config config;
  EXPECT_FALSE(ReadConfigFile(WriteFile("port: many\n"), &config).ok());
  EXPECT_FALSE(ReadConfigFile(WriteFile("port: [1\n"), &config).ok());
  EXPECT_FALSE(ReadConfigFile(WriteFile("just text"), &config).ok());
  EXPECT_EQ(ReadConfigFile("/no/such/file", &config).code(), StatusCode::kNotFound);
  EXPECT_TRUE(ReadConfigFile(WriteFile(""), &config).ok());
}

TEST(ReadConfigFile, AWrongValueNamesItsSettingAndWhatItShouldBe) {
  Config config;
  EXPECT_NE(ReadConfigFile(WriteFile("auth: true\nseal-bytes: 128MiB\n"), &config)
                .message()
                .find(":2: seal-bytes should be a whole number, not below 0, it is '128MiB'"),
            std::string::npos);
  EXPECT_NE(ReadConfigFile(WriteFile("port: 1\nport: 2\n"), &config).message().find(":2: port is set twice"), std::string::npos);
  EXPECT_NE(ReadConfigFile(testing::TempDir(), &config).message().find("is a directory"), std::string::npos);
}

TEST(CheckConfig, NumbersHaveBounds) {
  for (int Config::*setting : {&Config::embed_threads, &Config::search_threads, &Config::background_threads, &Config::request_threads,
                               &Config::drain_seconds, &Config::request_queue}) {
    for (const int value : {-1, 100'000'000}) {
      Config config;
      config.*setting = value;
      EXPECT_NE(CheckConfig(config).message().find("is not between"), std::string::npos) << value;
    }
  }
}

TEST(CheckConfig, ClientsCertificatesWantTls) {
  Config config;
  config.tls_client_ca = "ca.pem";
  EXPECT_NE(CheckConfig(config).message().find("nothing is encrypted"), std::string::npos);
}

TEST(CheckConfig, ANameThatLooksLikeLoopbackIsNotTaken) {
  Config config;
  for (const char* address : {"127.0.0.1", "127.9.9.9", "localhost", "::1"}) {
    config.address = address;
    EXPECT_TRUE(CheckConfig(config).ok()) << address;
  }
  for (const char* address : {"127.example.com", "::", "10.0.0.1", ""}) {
    config.address = address;
    EXPECT_FALSE(CheckConfig(config).ok()) << address;
  }
}

TEST(CheckConfig, AnOpenAddressWantsAuthenticationOrAWordFor) {
  Config config;
  EXPECT_TRUE(CheckConfig(config).ok());
  config.address = "0.0.0.0";
  EXPECT_NE(CheckConfig(config).message().find("--insecure-open"), std::string::npos);
  config.insecure_open = true;
  EXPECT_TRUE(CheckConfig(config).ok());
  config.insecure_open = false;
  config.auth = true;
  EXPECT_TRUE(CheckConfig(config).ok());
}

TEST(ParseBytes, KnowsUnitsAndShares) {
  EXPECT_EQ(*ParseBytes("8GiB", 0), 8ull << 30);
  EXPECT_EQ(*ParseBytes("50%", 1000), 500u);
  EXPECT_EQ(*ParseBytes("123", 0), 123u);
  for (const char* bad : {"", "x", "-1", "5 apples", "0", "1e400", "101%"}) EXPECT_FALSE(ParseBytes(bad, 1000).ok()) << bad;
}

}  // namespace
}  // namespace saker::server
