// One gRPC connection to a server that speaks Milvus, used by one thread.
//
// A call blocks until its answer or a minute. An answer that carries an error is an error here too, worded as the server did.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/result.h"
#include "milvus/milvus.pb.h"

namespace saker::bench {

namespace pb = ::milvus::proto;
namespace mp = ::milvus::proto::milvus;

// A request as it goes over the wire. Copying it copies references.
grpc::ByteBuffer Pack(const google::protobuf::MessageLite& request);

class Connection {
 public:
  Connection(const std::string& address, const std::string& token);

  template <typename Response>
  Status Call(const char* method, const grpc::ByteBuffer& request, Response* response) {
    grpc::ClientContext context;
    Prepare(&context);
    const grpc::internal::RpcMethod rpc(method, grpc::internal::RpcMethod::NORMAL_RPC, channel_);
    const grpc::Status done =
        grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, Response, grpc::ByteBuffer, google::protobuf::MessageLite>(
            channel_.get(), rpc, &context, request, response);
    if (!done.ok()) return TransportError(done);
    if constexpr (std::is_same_v<Response, pb::common::Status>) {
      return AnswerError(*response);
    } else {
      return AnswerError(response->status());
    }
  }
  template <typename Response, typename Request>
  Result<Response> Ask(const char* method, const Request& request) {
    Response response;
    const Status done = Call(method, Pack(request), &response);
    if (!done.ok()) return done;
    return response;
  }

 private:
  void Prepare(grpc::ClientContext* context) const;
  static Status TransportError(const grpc::Status& status);
  static Status AnswerError(const pb::common::Status& status);

  std::shared_ptr<grpc::Channel> channel_;
  std::string authorization_;
};

}  // namespace saker::bench
