#include "storage/rocks/log_file_check.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace saker::storage::rocks {
namespace {

// A log as RocksDB writes it: records cut at 32 KiB blocks.
std::string Log(const std::vector<std::string>& records) {
  std::string out;
  for (const std::string& record : records) {
    std::string_view rest = record;
    bool begin = true;
    do {
      size_t room = 32768 - out.size() % 32768;
      if (room < 7) {
        out.append(room, '\0');
        room = 32768;
      }
      const size_t take = std::min(rest.size(), room - 7);
      const bool end = take == rest.size();
      std::string body(1, static_cast<char>(begin ? (end ? 1 : 2) : (end ? 4 : 3)));
      body.append(rest.substr(0, take));
      const uint32_t crc = Crc32c(0, body);
      const uint32_t masked = (crc >> 15 | crc << 17) + 0xa282ead8U;
      for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(masked >> shift));
      out.push_back(static_cast<char>(take & 0xff));
      out.push_back(static_cast<char>(take >> 8));
      out.append(body);
      rest.remove_prefix(take);
      begin = false;
    } while (!rest.empty());
  }
  return out;
}

const std::vector<std::string> kRecords = {"first", std::string(300, 'b'), std::string(100000, 'c'), "", "fourth", std::string(77, 'z')};

TEST(LogFileCheck, KnowsTheChecksum) {
  EXPECT_EQ(Crc32c(0, "123456789"), 0xe3069283U);
}

TEST(LogFileCheck, TakesWholeLogsAndEveryTornTail) {
  const std::string log = Log(kRecords);
  const auto whole = CheckLogFile("log", log);
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  EXPECT_EQ(whole->torn_bytes, 0u);
  for (size_t size = 0; size<log.size(); size += size + 300> log.size() ? 1 : 37) {
    const auto torn = CheckLogFile("log", std::string_view(log).substr(0, size));
    EXPECT_TRUE(torn.ok()) << size << ": " << torn.status().ToString();
  }
  EXPECT_EQ(CheckLogFile("log", log + std::string(5000, '\0'))->torn_bytes, 5000u);
}

TEST(LogFileCheck, NoticesEveryFlippedBit) {
  const std::string log = Log(kRecords);
  for (size_t at = 0; at<log.size(); at += at + 600> log.size() || at < 400 ? 1 : 61) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = log;
      flipped[at] = static_cast<char>(flipped[at] ^ 1 << bit);
      EXPECT_EQ(CheckLogFile("log", flipped).status().code(), StatusCode::kDataLoss) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(LogFileCheck, NoticesAZeroedPageWithRecordsBehindIt) {
  std::string log = Log(kRecords);
  std::fill(log.begin() + 4096, log.begin() + 8192, '\0');
  EXPECT_EQ(CheckLogFile("log", log).status().code(), StatusCode::kDataLoss);
  log = Log(std::vector<std::string>(2000, std::string(93, 'x')));
  std::fill(log.begin() + 4000, log.begin() + 8000, '\0');  // begins at a record: RocksDB skips the rest of such a block
  EXPECT_EQ(CheckLogFile("log", log).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace saker::storage::rocks
