// What a handler of one method sees: the server's parts, the caller, the database; and the table of handlers.
//
// A handler takes the decoded request and fills the response, or returns the error; whoever called it (service.cc) puts
// the Status on the wire. A handler runs on the request pool, a short read on gRPC's own thread; it may block. It sets the response's
// status itself only where a method words an error in its own way.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/arena.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include "common/context.h"
#include "common/result.h"
#include "milvus/milvus.pb.h"
#include "server/auth/authenticator.h"
#include "server/proxy/proxy.h"
#include "server/rpc/rpc_server.h"

namespace saker::rpc {

namespace pb = ::milvus::proto;
namespace mp = ::milvus::proto::milvus;

// What all calls share. Outlives them.
struct Services {
  const RpcOptions& options;
  proxy::Proxy& backend;
  auth::Authenticator& authenticator;
};

struct Call {
  const Services& services;
  const Context& context;
  const auth::Caller& caller;
  std::string_view metadata_database;

  proxy::Proxy& backend() const { return services.backend; }
  // The request's own, else the connection's, else "default".
  std::string Database(const std::string& in_request) const {
    if (!in_request.empty()) return in_request;
    return metadata_database.empty() ? "default" : std::string(metadata_database);
  }
  template <typename Request>
  proxy::CollectionRef Target(const Request& request) const {
    return {Database(request.db_name()), request.collection_name()};
  }
};

// Fills code, error_code, reason, detail and retriable.
void EncodeStatus(const Status& status, pb::common::Status* out);

// Where a response is written to the wire.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  virtual void Emit(const google::protobuf::MessageLite& response) = 0;
};

struct PackedRequest {
  google::protobuf::io::ZeroCopyInputStream* bytes;
  size_t size;
};

// One method of MilvusService, its messages still packed.
struct Method {
  std::string_view name;
  // False when `request` is not a message of the method's type; nothing was emitted then.
  bool (*run)(const Call& call, PackedRequest packed, ResponseSink* sink);
  // Emits a response of the method's type that carries only the error.
  void (*refuse)(const Status& error, ResponseSink* sink);
  bool reads = false;  // changes nothing and is usually short
};

// nullptr for a method that Saker does not have.
const Method* FindMethod(std::string_view name);

// Parts of the table, one per area.
std::vector<Method> SystemMethods();
std::vector<Method> DatabaseMethods();
std::vector<Method> CollectionMethods();
std::vector<Method> FunctionMethods();
std::vector<Method> PartitionMethods();
std::vector<Method> IndexMethods();
std::vector<Method> LoadMethods();
std::vector<Method> MaintenanceMethods();
std::vector<Method> WriteMethods();
std::vector<Method> ReadMethods();
std::vector<Method> CredentialMethods();

template <typename Response>
pb::common::Status* StatusOf(Response* response) {
  if constexpr (std::is_same_v<Response, pb::common::Status>) {
    return response;
  } else if constexpr (requires { response->mutable_alter_status(); }) {
    return response->mutable_alter_status();
  } else {
    return response->mutable_status();
  }
}

template <auto kHandler, typename Request, typename Response>
bool RunMethod(const Call& call, PackedRequest packed, ResponseSink* sink) {
  alignas(16) char block[4096];
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = sizeof(block);
  google::protobuf::Arena arena(options);
  // A big array grows in steps; an arena would keep every outgrown one.
  constexpr size_t kArenaLimit = size_t{1} << 20;
  const bool on_heap = packed.size > kArenaLimit;
  auto* request = google::protobuf::Arena::CreateMessage<Request>(on_heap ? nullptr : &arena);
  const std::unique_ptr<Request> owner(on_heap ? request : nullptr);
  auto* response = google::protobuf::Arena::CreateMessage<Response>(&arena);
  if (!request->ParseFromZeroCopyStream(packed.bytes)) return false;
  const Status status = kHandler(call, *request, response);
  if (!status.ok()) {
    response->Clear();
    EncodeStatus(status, StatusOf(response));
  } else {
    StatusOf(response);  // always on the wire: a client decodes an absent one as null
  }
  sink->Emit(*response);
  return true;
}

template <typename Response>
void RefuseMethod(const Status& error, ResponseSink* sink) {
  Response response;
  EncodeStatus(error, StatusOf(&response));
  sink->Emit(response);
}

namespace internal {
template <auto kHandler, typename Request, typename Response>
Method MakeMethod(std::string_view name, Status (*)(const Call&, const Request&, Response*)) {
  return {name, &RunMethod<kHandler, Request, Response>, &RefuseMethod<Response>, false};
}
}  // namespace internal

// An entry of the table: the types are those of the handler.
template <auto kHandler>
Method Entry(std::string_view name) {
  return internal::MakeMethod<kHandler>(name, kHandler);
}
template <auto kHandler>
Method ReadEntry(std::string_view name) {
  Method method = internal::MakeMethod<kHandler>(name, kHandler);
  method.reads = true;
  return method;
}

}  // namespace saker::rpc
