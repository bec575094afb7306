#include "storage/rocks/file_checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/rocks/codec.h"

namespace saker::storage::rocks {
namespace {

class Xxh3Generator final : public rocksdb::FileChecksumGenerator {
 public:
  Xxh3Generator() : state_(XXH3_createState()) { XXH3_64bits_reset(state_); }
  ~Xxh3Generator() override { XXH3_freeState(state_); }
  void Update(const char* data, size_t n) override { XXH3_64bits_update(state_, data, n); }
  void Finalize() override { PutBig64(&checksum_, XXH3_64bits_digest(state_)); }
  std::string GetChecksum() const override { return checksum_; }
  const char* Name() const override { return "saker.XXH3"; }

 private:
  XXH3_state_t* const state_;
  std::string checksum_;
};

class Xxh3Factory final : public rocksdb::FileChecksumGenFactory {
 public:
  std::unique_ptr<rocksdb::FileChecksumGenerator> CreateFileChecksumGenerator(const rocksdb::FileChecksumGenContext&) override {
    return std::make_unique<Xxh3Generator>();
  }
  const char* Name() const override { return "saker.XXH3Factory"; }
};

}  // namespace

std::shared_ptr<rocksdb::FileChecksumGenFactory> NewXxh3FileChecksums() {
  return std::make_shared<Xxh3Factory>();
}

}  // namespace saker::storage::rocks
