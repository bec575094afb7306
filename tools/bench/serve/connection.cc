#include "tools/bench/serve/connection.h"

#include <chrono>

#include <absl/strings/escaping.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

namespace saker::bench {

grpc::ByteBuffer Pack(const google::protobuf::MessageLite& request) {
  const grpc::Slice slice(request.SerializeAsString());
  return {&slice, 1};
}

Connection::Connection(const std::string& address, const std::string& token) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // or all threads would share one socket
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  channel_ = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  if (!token.empty()) authorization_ = absl::Base64Escape(token);
}

void Connection::Prepare(grpc::ClientContext* context) const {
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  if (!authorization_.empty()) context->AddMetadata("authorization", authorization_);
}

Status Connection::TransportError(const grpc::Status& status) {
  return {static_cast<StatusCode>(status.error_code()), status.error_message()};
}

Status Connection::AnswerError(const pb::common::Status& status) {
  if (status.code() == 0 && status.error_code() == pb::common::Success) return OkStatus();
  return Internal("code ", status.code(), ": ", status.reason());
}

}  // namespace saker::bench
