// MilvusService, the standard health service and a sentence for every other method, as gRPC meets them.
//
// All calls come through gRPC's generic service as bytes (running_call.h) and are polled for by few threads (polling.h).
#pragma once

#include <memory>

// Before gRPC's: abseil defines our thread-safety macros once more.
#include "common/worker_pool.h"
#include "server/rpc/call.h"
#include "server/rpc/health_book.h"

#include <grpcpp/server_builder.h>

namespace saker::rpc {

class MilvusService {
 public:
  virtual ~MilvusService() = default;
  // Before the server is built.
  virtual void Register(grpc::ServerBuilder* builder) = 0;
  // Once it is: begins to take calls.
  virtual void Start() = 0;
  // After the server's shutdown: waits for the running calls and ends the threads. Only after Start.
  virtual void Stop() = 0;
};

// `services`, `pool` and `health` must outlive it, and it the gRPC server.
std::unique_ptr<MilvusService> MakeMilvusService(const Services& services, WorkerPool& pool, HealthBook& health);

}  // namespace saker::rpc
