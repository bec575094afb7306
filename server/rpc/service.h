// MilvusService as gRPC sees it: every call arrives as bytes, is authenticated and admitted on gRPC's thread, and runs on the
// request pool, or at once when it is a short read. Registers itself from the descriptor, so a method of the contract cannot be forgotten.
#pragma once

#include <memory>

// Before gRPC's: abseil defines our thread-safety macros once more.
#include "common/worker_pool.h"
#include "server/rpc/call.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/service_type.h>

namespace saker::rpc {

// `services` and `pool` must outlive the service, and the service the gRPC server.
std::unique_ptr<grpc::Service> MakeMilvusService(const Services& services, WorkerPool& pool);

// Answers every other method of any service: UNIMPLEMENTED with a sentence.
std::unique_ptr<grpc::CallbackGenericService> MakeFallbackService();

}  // namespace saker::rpc
