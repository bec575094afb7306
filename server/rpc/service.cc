#include "server/rpc/service.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <optional>
#include <thread>

#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/codegen/proto_buffer_reader.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/server_context.h>

#include "common/metrics.h"
#include "common/utf8.h"
#include "server/rpc/inflate.h"
#include "server/schema/error.h"

// gRPC's only way to see how a request was compressed; exported by libgrpc for its own tests.
grpc_compression_algorithm grpc_call_test_only_get_compression_algorithm(grpc_call* call);
// And its only way to see whether this message is.
uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);

namespace saker::rpc {
namespace {

using Clock = std::chrono::steady_clock;

std::string_view View(grpc::string_ref text) {
  return {text.data(), text.size()};
}

std::optional<std::string_view> Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return std::nullopt;
  return View(found->second);
}

Context MakeContext(const grpc::CallbackServerContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return Context();
  return Context(Clock::now() + (context.deadline() - std::chrono::system_clock::now()));
}

grpc::Status Transport(const Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), ReadableUtf8(status.message())};
}

// How many calls may run on gRPC's own polling threads at once: one of those must stay free to poll. gRPC 1.51 has half as
// many of them as cores, at least 2 and at most 16.
class DirectSlots {
 public:
  bool Take() {
    if (taken_.fetch_add(1, std::memory_order_acquire) < limit_) return true;
    GiveBack();
    return false;
  }
  void GiveBack() { taken_.fetch_sub(1, std::memory_order_release); }

 private:
  const int limit_ = std::clamp(static_cast<int>(std::thread::hardware_concurrency()) / 2, 2, 16) - 1;
  std::atomic<int> taken_{0};
};

// Whether calls of a method have been short lately, as a moving average over eight of them.
class RecentTime {
 public:
  bool IsShort() const { return us_.load(std::memory_order_relaxed) < kShortUs; }
  void Note(Clock::duration spent) {
    const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(spent).count();
    const int64_t before = us_.load(std::memory_order_relaxed);
    us_.store(before + (us - before) / 8, std::memory_order_relaxed);  // a lost update does no harm
  }

 private:
  static constexpr int64_t kShortUs = 2000;
  std::atomic<int64_t> us_{0};
};

struct MethodMetrics {
  Counter& ok;
  Counter& failed;
  Histogram& seconds;
};

// What belongs to a method from the registration on; the reactors point to it.
struct Route {
  const Services& services;
  WorkerPool& pool;
  const Method* method = nullptr;  // nullptr: in the contract, not in Saker
  std::string name;
  MethodMetrics metrics;
  DirectSlots& slots;
  mutable RecentTime recent_time = {};
};

class Bytes final : public ResponseSink {
 public:
  explicit Bytes(grpc::ByteBuffer* out) : out_(out) {}
  void Emit(const google::protobuf::MessageLite& response) override {
    // Protobuf and gRPC count in int.
    if (response.ByteSizeLong() > static_cast<size_t>(std::numeric_limits<int>::max())) return;
    bool own = false;
    serialized_ = grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::MessageLite>(response, out_, &own).ok();
  }
  bool serialized() const { return serialized_; }

 private:
  grpc::ByteBuffer* out_;
  bool serialized_ = false;
};

// One running call. gRPC owns the request and the response and keeps them until OnDone, where the call deletes itself.
class RunningCall final : public grpc::ServerUnaryReactor {
 public:
  RunningCall(const Route& route, grpc::CallbackServerContext* grpc_context, const grpc::ByteBuffer* request, grpc::ByteBuffer* response)
      : route_(route), grpc_context_(grpc_context), request_(request), response_(response), context_(MakeContext(*grpc_context)) {}

  // On gRPC's thread: refuses, or hands over to the pool.
  void Admit() {
    AnswerInKind();
    authorization_ = Metadata(*grpc_context_, "authorization");
    metadata_database_ = Metadata(*grpc_context_, "dbname").value_or("");
    if (auto caller = route_.services.authenticator.TryAuthenticateGrpc(authorization_, peer())) {
      const Status allowed = TakeCaller(*std::move(caller));
      if (!allowed.ok()) return Finish(Transport(allowed));
      if (route_.method == nullptr) return FinishUnimplemented();
    }
    if (route_.method != nullptr) {
      const Status room = ReserveMemory(request_->Length());
      if (!room.ok()) return Refuse(room);
    }
    if (RunsHere()) return RunHere();
    if (route_.pool.TrySubmit([this] { Run(); })) return;
    if (route_.method == nullptr) return FinishUnimplemented();
    Refuse(MilvusError(MilvusErrorCode::kTooManyRequests, "too many concurrent requests, queue is full"));
  }

  void OnCancel() override { context_.Cancel(); }
  void OnDone() override { delete this; }
  // Both reactions above are trivial: gRPC need not wake another thread for them.
  bool InternalInlineable() override { return true; }

 private:
  // A short read is not worth two thread switches. It must not overtake calls that wait, and takes no slow authentication.
  bool RunsHere() {
    return caller_ && !IsPacked() && route_.method->reads && route_.recent_time.IsShort() && route_.pool.queue_depth() == 0 &&
           route_.slots.Take();
  }
  void RunHere() {
    DirectSlots& slots = route_.slots;
    // gRPC delivers OnCancel only once this thread is back.
    context_.CancelWhen([this] { return grpc_context_->IsCancelled(); });
    Run();
    slots.GiveBack();
  }

  bool IsPacked() const {
    constexpr uint32_t kCompressed = 0x80000000u;  // GRPC_WRITE_INTERNAL_COMPRESS
    return (grpc_call_test_only_get_message_flags(grpc_context_->c_call()) & kCompressed) != 0;
  }

  // A message becomes protobuf, that becomes columns: the ledger is asked before, for all of it.
  Status ReserveMemory(size_t message_bytes) {
    constexpr uint64_t kBytesPerMessageByte = 3;
    constexpr size_t kSmall = 256 << 10;  // thousands of these fit beside everything else
    if (route_.services.options.memory == nullptr || message_bytes < kSmall) return OkStatus();
    memory_ = {};
    memory_ = TRY(route_.services.options.memory->Reserve("request", kBytesPerMessageByte * message_bytes,
                                                          "a request of " + std::to_string(message_bytes) + " bytes"));
    return OkStatus();
  }

  // Who compresses its requests gets compressed answers; nobody else pays for it.
  void AnswerInKind() {
    const auto algorithm = grpc_call_test_only_get_compression_algorithm(grpc_context_->c_call());
    if (algorithm != GRPC_COMPRESS_NONE) grpc_context_->set_compression_algorithm(algorithm);
  }

  std::string peer() const { return route_.services.authenticator.enabled() ? grpc_context_->peer() : std::string(); }

  Status TakeCaller(Result<auth::Caller> caller) {
    caller_ = TRY(std::move(caller));
    context_.user = caller_->user;
    return route_.services.authenticator.Authorize(*caller_, route_.name, metadata_database_.empty() ? "default" : metadata_database_);
  }

  // On the pool, or on gRPC's thread. After Finish the call may be gone at any moment.
  void Run() {
    const auto begin = Clock::now();
    if (!caller_) {
      const Status allowed = TakeCaller(route_.services.authenticator.AuthenticateGrpc(authorization_, peer()));
      if (!allowed.ok()) return Finish(Transport(allowed));
      if (route_.method == nullptr) return FinishUnimplemented();
    }
    // Nobody waits for the answer: the work is not begun.
    const Status alive = context_.Check();
    if (!alive.ok()) return Refuse(alive);
    grpc::ByteBuffer request(*request_);  // shares the slices; the reader wants to own one
    if (IsPacked()) {
      auto unpacked = Inflate(*request_, grpc_call_test_only_get_compression_algorithm(grpc_context_->c_call()),
                              route_.services.options.max_receive_bytes);
      if (!unpacked.ok()) {
        route_.metrics.failed.Add();
        return Finish(Transport(unpacked.status()));
      }
      request.Swap(&*unpacked);
      const Status room = ReserveMemory(request.Length());
      if (!room.ok()) return Refuse(room);
    }
    const size_t size = request.Length();
    grpc::ProtoBufferReader reader(&request);
    Bytes sink(response_);
    const Call call{route_.services, context_, *caller_, metadata_database_};
    if (!reader.status().ok() || !route_.method->run(call, {&reader, size}, &sink)) {
      route_.metrics.failed.Add();
      return Finish({grpc::StatusCode::INVALID_ARGUMENT, "the message is not a valid request of " + route_.name});
    }
    route_.metrics.ok.Add();
    const Clock::duration spent = Clock::now() - begin;
    route_.recent_time.Note(spent);
    route_.metrics.seconds.Observe(std::chrono::duration<double>(spent).count());
    Finish(sink.serialized() ? grpc::Status::OK : grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "the answer is too large to be sent"));
  }

  void FinishUnimplemented() {
    Finish({grpc::StatusCode::UNIMPLEMENTED, "Saker does not implement MilvusService/" + route_.name + " yet"});
  }

  void Refuse(const Status& error) {
    route_.metrics.failed.Add();
    Bytes sink(response_);
    route_.method->refuse(error, &sink);
    Finish(grpc::Status::OK);
  }

  const Route& route_;
  grpc::CallbackServerContext* const grpc_context_;
  const grpc::ByteBuffer* const request_;
  grpc::ByteBuffer* const response_;
  Context context_;
  std::optional<auth::Caller> caller_;
  std::optional<std::string_view> authorization_;
  std::string_view metadata_database_;
  MemoryBudget::Reservation memory_;
};

class MilvusService final : public grpc::Service {
 public:
  MilvusService(const Services& services, WorkerPool& pool) {
    const auto* descriptor = mp::ConnectRequest::descriptor()->file()->FindServiceByName("MilvusService");
    CHECK(descriptor != nullptr);
    for (int i = 0; i < descriptor->method_count(); ++i) {
      const std::string name(descriptor->method(i)->name());
      Counter& ok = GetCounter("saker_rpc_requests_total", "gRPC calls", {{"method", name}, {"outcome", "answered"}});
      Counter& failed = GetCounter("saker_rpc_requests_total", "gRPC calls", {{"method", name}, {"outcome", "refused"}});
      Histogram& seconds = GetHistogram("saker_rpc_request_seconds", "time in the method, without waiting for a thread",
                                        LatencySecondsBuckets(), {{"method", name}});
      routes_.emplace_back(new Route{services, pool, FindMethod(name), name, {ok, failed, seconds}, slots_});
      paths_.push_back("/" + std::string(descriptor->full_name()) + "/" + name);
    }
    for (size_t i = 0; i < routes_.size(); ++i) {
      AddMethod(new grpc::internal::RpcServiceMethod(paths_[i].c_str(), grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
      const Route* route = routes_[i].get();
      MarkMethodRawCallback(static_cast<int>(i), new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                                                     [route](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) -> grpc::ServerUnaryReactor* {
                                                       auto* call = new RunningCall(*route, context, request, response);
                                                       call->Admit();
                                                       return call;
                                                     }));
    }
  }

 private:
  DirectSlots slots_;
  std::vector<std::unique_ptr<Route>> routes_;
  std::vector<std::string> paths_;  // gRPC keeps pointers into it
};

class Fallback final : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    class Unknown final : public grpc::ServerGenericBidiReactor {
     public:
      explicit Unknown(const std::string& method) { Finish({grpc::StatusCode::UNIMPLEMENTED, "Saker does not implement " + method}); }
      void OnDone() override { delete this; }
    };
    return new Unknown(context->method());
  }
};

}  // namespace

std::unique_ptr<grpc::Service> MakeMilvusService(const Services& services, WorkerPool& pool) {
  return std::make_unique<MilvusService>(services, pool);
}

std::unique_ptr<grpc::CallbackGenericService> MakeFallbackService() {
  return std::make_unique<Fallback>();
}

}  // namespace saker::rpc
