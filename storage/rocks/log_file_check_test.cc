#include "storage/rocks/log_file_check.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "common/file.h"
#include "storage/rocks/torn_write.h"
#include "storage/test_directory.h"

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
// Its end looks like sectors that are missing.
const std::vector<std::string> kEndsInZeros = {"first", std::string(500, 'y') + std::string(2000, '\0')};

std::string RandomBytes(std::mt19937& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(1 + random() % 255);
  return bytes;
}

// What a power cut leaves of the bytes from `synced` on: some of their sectors, zeros for the others. False when it left all
// but one byte, which cannot be told from rot.
bool LoseSectors(std::mt19937& random, size_t synced, std::string* log) {
  size_t lost = 0;
  for (size_t begin = synced; begin < log->size();) {
    const size_t end = std::min(log->size(), begin / 512 * 512 + 512);
    if (random() % 3 == 0) {
      std::fill(log->begin() + static_cast<ptrdiff_t>(begin), log->begin() + static_cast<ptrdiff_t>(end), '\0');
      lost += end - begin;
    }
    begin = end;
  }
  return lost > 1;
}

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
  for (const std::string& log : {Log(kRecords), Log(kEndsInZeros)}) {
    for (size_t at = 0; at<log.size(); at += at + 600> log.size() || at < 400 ? 1 : 61) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = log;
        flipped[at] = static_cast<char>(flipped[at] ^ 1 << bit);
        EXPECT_EQ(CheckLogFile("log", flipped).status().code(), StatusCode::kDataLoss) << "byte " << at << " bit " << bit;
      }
    }
  }
}

TEST(LogFileCheck, TakesALastWriteThatLacksSectors) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> records;
    for (int i = 0; i < 20; ++i) records.push_back(RandomBytes(random, random() % 9000));
    const size_t synced = Log(records).size();
    records.push_back(RandomBytes(random, 600 + random() % (round % 3 == 0 ? 100000 : 9000)));
    std::string log = Log(records);
    if (!LoseSectors(random, synced, &log)) continue;
    const auto check = CheckLogFile("log", log);
    ASSERT_TRUE(check.ok()) << "round " << round << ": " << check.status().ToString();
    EXPECT_EQ(check->sound_bytes, synced) << "round " << round;
    EXPECT_EQ(check->torn_bytes, log.size() - synced) << "round " << round;
  }
}

TEST(LogFileCheck, NoticesMissingSectorsOfAnEarlierWrite) {
  std::mt19937 random(8);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::string> records{RandomBytes(random, random() % 9000)};
    const size_t synced = Log(records).size();
    records.push_back(RandomBytes(random, 600 + random() % 50000));
    std::string log = Log(records);
    if (!LoseSectors(random, synced, &log)) continue;
    records.push_back(RandomBytes(random, random() % 9000));
    const std::string whole = Log(records);
    log += whole.substr(log.size());
    EXPECT_EQ(CheckLogFile("log", log).status().code(), StatusCode::kDataLoss) << "round " << round;
  }
}

TEST(LogFileCheck, CutsATornWriteOffTheNewestLogOnly) {
  const TestDirectory directory;
  FileSystem& files = FileSystem::Posix();
  ASSERT_TRUE(files.MakeDirectories(directory.path()).ok());
  std::mt19937 random(9);
  const auto write = [&](const std::string& name, const std::string& contents) {
    ASSERT_TRUE(WriteFileAtomically(files, directory.path() + "/" + name, contents).ok());
  };
  const std::string sound = Log({"first", RandomBytes(random, 3000)});
  std::string torn = Log({"first", RandomBytes(random, 3000), RandomBytes(random, 9000)});
  std::fill(torn.begin() + 4096, torn.end(), '\0');
  write("CURRENT", "MANIFEST-000005\n");
  write("MANIFEST-000005", sound);
  write("000998.log", sound);
  write("001000.log", torn);
  ASSERT_TRUE(CheckLogFiles(directory.path()).ok());
  EXPECT_EQ(files.ReadAll(directory.path() + "/001000.log", 1 << 20)->size(), sound.size());
  EXPECT_EQ(*files.ReadAll(directory.path() + "/000998.log", 1 << 20), sound);
  write("1000000.log", sound);  // a longer number
  write("001000.log", torn);
  EXPECT_EQ(CheckLogFiles(directory.path()).code(), StatusCode::kDataLoss);
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
