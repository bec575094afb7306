// Unpacks a compressed request, never to more than a limit.
//
// gRPC's own filter unpacks a whole message before it looks at the size: two megabytes become two gigabytes of memory.
// So that filter is off (rpc_server.cc), and calls unpack what they are handed here, on the pool.
#pragma once

#include <grpc/compression.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/result.h"

namespace saker::rpc {

// ResourceExhausted, with gRPC's words, above `max_bytes`; InvalidArgument when the bytes are not of that algorithm.
Result<grpc::ByteBuffer> Inflate(const grpc::ByteBuffer& packed, grpc_compression_algorithm algorithm, size_t max_bytes);

}  // namespace saker::rpc
