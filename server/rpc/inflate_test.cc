#include "server/rpc/inflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

namespace saker::rpc {
namespace {

std::string Pack(const std::string& text, bool gzip) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, gzip ? 31 : 15, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

// In slices of `step` bytes, as the network may hand them over.
grpc::ByteBuffer Buffer(const std::string& bytes, size_t step) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += step) slices.emplace_back(bytes.substr(at, step));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string Text(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string text;
  for (const grpc::Slice& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

TEST(Inflate, GivesBackWhatWasPacked) {
  std::mt19937 random(7);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65535}, size_t{65536}, size_t{65537}, size_t{300000}}) {
    std::string text(size, 'x');
    for (size_t i = 0; i < size; i += 3) text[i] = static_cast<char>(random());
    for (const bool gzip : {true, false}) {
      for (const size_t step : {size_t{1000}, size_t{1} << 20}) {
        const auto unpacked = Inflate(Buffer(Pack(text, gzip), step), gzip ? GRPC_COMPRESS_GZIP : GRPC_COMPRESS_DEFLATE, size);
        ASSERT_TRUE(unpacked.ok()) << size << ": " << unpacked.status().message();
        EXPECT_EQ(Text(*unpacked), text);
      }
    }
  }
}

TEST(Inflate, StopsAtTheLimit) {
  const std::string bomb = Pack(std::string(size_t{64} << 20, '\0'), true);
  ASSERT_LT(bomb.size(), 100'000u);
  const auto refused = Inflate(Buffer(bomb, 4096), GRPC_COMPRESS_GZIP, 1 << 20);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(refused.status().message().find("larger than max"), std::string::npos) << refused.status().message();
  EXPECT_EQ(Inflate(Buffer(Pack("four", true), 100), GRPC_COMPRESS_GZIP, 3).status().code(), StatusCode::kResourceExhausted);
}

TEST(Inflate, RefusesWhatIsCutDamagedOrOfAnotherKind) {
  const std::string packed = Pack(std::string(1000, 'a'), true);
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_EQ(Inflate(Buffer(packed.substr(0, size), 7), GRPC_COMPRESS_GZIP, 1 << 20).status().code(), StatusCode::kInvalidArgument)
        << size;
  }
  EXPECT_EQ(Inflate(Buffer(packed + "x", 1000), GRPC_COMPRESS_GZIP, 1 << 20).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Inflate(Buffer(packed, 1000), GRPC_COMPRESS_DEFLATE, 1 << 20).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Inflate(Buffer(packed, 1000), GRPC_COMPRESS_NONE, 1 << 20).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace saker::rpc
