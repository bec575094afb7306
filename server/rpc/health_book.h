// What the standard health service (grpc.health.v1) answers: the state of the whole server and of MilvusService, and who
// wants to be told of changes. Thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

// Before gRPC's: abseil defines our thread-safety macros once more.
#include "common/mutex.h"

#include <grpcpp/support/byte_buffer.h>

namespace saker::rpc {

enum class Health { kServing = 1, kNotServing = 2, kServiceUnknown = 3 };  // numbers of the contract

// The service's name in a HealthCheckRequest; false when the bytes are none.
bool ReadHealthRequest(const grpc::ByteBuffer& request, std::string* service);
grpc::ByteBuffer HealthResponse(Health health);

class HealthWatcher {
 public:
  virtual void Tell(Health health) = 0;
  virtual void End() = 0;  // the server stops

 protected:
  ~HealthWatcher() = default;
};

class HealthBook {
 public:
  static bool Knows(std::string_view service) { return service.empty() || service == "milvus.proto.milvus.MilvusService"; }

  void Set(bool serving) EXCLUDES(mutex_);
  Health Get() const EXCLUDES(mutex_);
  // Tells it the state now, and each change until Remove. At the end it is told to End instead.
  void Add(HealthWatcher* watcher, bool known) EXCLUDES(mutex_);
  void Remove(HealthWatcher* watcher) EXCLUDES(mutex_);
  // From now on NOT_SERVING, and nobody watches.
  void Close() EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  bool serving_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::map<HealthWatcher*, bool> watchers_ GUARDED_BY(mutex_);  // and whether their service is known
};

}  // namespace saker::rpc
