#include "server/rpc/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

namespace saker::rpc {
namespace {

constexpr size_t kPieceBytes = 64 << 10;

class Stream {
 public:
  explicit Stream(int window_bits) : ready_(inflateInit2(&z_, window_bits) == Z_OK) {}
  ~Stream() {
    if (ready_) inflateEnd(&z_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  bool ready() const { return ready_; }
  z_stream* operator->() { return &z_; }
  int Step() { return inflate(&z_, Z_NO_FLUSH); }

 private:
  z_stream z_{};
  const bool ready_;
};

}  // namespace

Result<grpc::ByteBuffer> Inflate(const grpc::ByteBuffer& packed, grpc_compression_algorithm algorithm, size_t max_bytes) {
  if (algorithm != GRPC_COMPRESS_GZIP && algorithm != GRPC_COMPRESS_DEFLATE) {
    return InvalidArgument("the message is compressed in a way that is not known here: ", static_cast<int>(algorithm));
  }
  constexpr int kWindowBits = 15, kGzip = 16;
  Stream stream(algorithm == GRPC_COMPRESS_GZIP ? kWindowBits + kGzip : kWindowBits);
  std::vector<grpc::Slice> input;
  if (!stream.ready() || !packed.Dump(&input).ok()) return ResourceExhausted("no memory to unpack the message");
  std::vector<grpc::Slice> pieces;
  std::vector<uint8_t> piece(kPieceBytes);
  size_t total = 0;
  int state = Z_OK;
  const auto keep = [&] {
    const size_t size = piece.size() - stream->avail_out;
    if (size > 0) pieces.emplace_back(piece.data(), size);
    total += size;
    stream->next_out = piece.data();
    stream->avail_out = static_cast<uInt>(piece.size());
  };
  stream->next_out = piece.data();
  stream->avail_out = static_cast<uInt>(piece.size());
  for (const grpc::Slice& slice : input) {
    stream->next_in = const_cast<Bytef*>(slice.begin());
    stream->avail_in = static_cast<uInt>(slice.size());
    while (stream->avail_in > 0 && state == Z_OK) {
      state = stream.Step();
      if (stream->avail_out == 0) keep();
      if (total > max_bytes) return ResourceExhausted("Received message larger than max (", total, " vs. ", max_bytes, ")");
    }
    if (state != Z_OK) break;
  }
  // What the window still holds when all input is read.
  while (state == Z_OK) {
    state = stream.Step();
    if (stream->avail_out > 0 && state == Z_OK) break;
    if (stream->avail_out == 0) keep();
    if (total > max_bytes) return ResourceExhausted("Received message larger than max (", total, " vs. ", max_bytes, ")");
  }
  keep();
  if (total > max_bytes) return ResourceExhausted("Received message larger than max (", total, " vs. ", max_bytes, ")");
  if (state != Z_STREAM_END || stream->avail_in > 0) {
    return InvalidArgument("the compressed message is damaged or cut off after ", total, " unpacked bytes");
  }
  return grpc::ByteBuffer(pieces.data(), pieces.size());
}

}  // namespace saker::rpc
