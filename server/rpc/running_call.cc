#include "server/rpc/running_call.h"

#include <chrono>
#include <limits>
#include <utility>

#include <grpcpp/impl/codegen/proto_buffer_reader.h>
#include <grpcpp/impl/codegen/proto_utils.h>

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

grpc::Status Transport(const Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), ReadableUtf8(status.message())};
}

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

class RunningCall final : public Runnable, public HealthWatcher {
 public:
  RunningCall(CallHost& host, grpc::ServerCompletionQueue& queue) : host_(host), queue_(queue), stream_(&grpc_context_) {
    host_.Begun();
    grpc_context_.AsyncNotifyWhenDone(&done_);
    host_.generic.RequestCall(&grpc_context_, &stream_, &queue_, &queue_, &arrived_);
  }
  ~RunningCall() { host_.Ended(); }

  // Of Runnable. A short read is not worth two thread switches. It must not overtake calls that wait, and takes no slow
  // authentication.
  bool MayRunHere() const override {
    return caller_ && !IsPacked() && route_->method->reads && route_->recent_time.IsShort() && host_.pool.queue_depth() == 0;
  }
  void Submit() override {
    if (host_.pool.TrySubmit([this] { Run(); })) return;
    if (route_->method == nullptr) return FinishUnimplemented();
    Refuse(MilvusError(MilvusErrorCode::kTooManyRequests, "too many concurrent requests, queue is full"));
  }
  void Run() override;

  // Of HealthWatcher.
  void Tell(Health health) override {
    MutexLock lock(watch_mutex_);
    wanted_ = health;
    WriteHealth();
  }
  void End() override {
    MutexLock lock(watch_mutex_);
    ending_ = true;
    WriteHealth();
  }

 private:
  struct Step final : Event {
    Step(RunningCall* owner, Runnable* (RunningCall::*what)(bool)) : call(owner), action(what) {}
    Runnable* Happened(bool ok) override { return (call->*action)(ok); }
    RunningCall* const call;
    Runnable* (RunningCall::*const action)(bool);
  };

  Runnable* Arrived(bool ok) {
    if (!ok) {  // the server stops; gRPC has no further event for it
      delete this;
      return nullptr;
    }
    AwaitCall(host_, queue_);
    SetDeadline();
    stream_.Read(&request_, &read_);
    return nullptr;
  }
  Runnable* Read(bool ok);
  Runnable* Admit();
  Runnable* Done(bool) {
    if (grpc_context_.IsCancelled()) context_.Cancel();
    if (watches_) {
      host_.health.Remove(this);
      End();
    }
    Release();
    return nullptr;
  }
  Runnable* Finished(bool) {
    Release();
    return nullptr;
  }
  // gRPC says when the call is over and when our answer is sent, in either order.
  void Release() {
    if (events_left_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  void CheckHealth();
  void WatchHealth();
  void WriteHealth() REQUIRES(watch_mutex_);
  Runnable* Written(bool ok) {
    MutexLock lock(watch_mutex_);
    writing_ = false;
    ending_ = ending_ || !ok;
    WriteHealth();
    return nullptr;
  }

  std::optional<std::string_view> Metadata(const char* key) const {
    const auto found = grpc_context_.client_metadata().find(key);
    if (found == grpc_context_.client_metadata().end()) return std::nullopt;
    return View(found->second);
  }
  void SetDeadline() {
    const gpr_timespec deadline = grpc_context_.raw_deadline();
    if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return;
    context_ = Context(Clock::now() + (grpc_context_.deadline() - std::chrono::system_clock::now()));
  }
  grpc_call* c_call() const { return const_cast<grpc::GenericServerContext&>(grpc_context_).c_call(); }
  bool IsPacked() const {
    constexpr uint32_t kCompressed = 0x80000000u;  // GRPC_WRITE_INTERNAL_COMPRESS
    return (grpc_call_test_only_get_message_flags(c_call()) & kCompressed) != 0;
  }
  // Who compresses its requests gets compressed answers; nobody else pays for it.
  void AnswerInKind() {
    const auto algorithm = grpc_call_test_only_get_compression_algorithm(c_call());
    if (algorithm != GRPC_COMPRESS_NONE) grpc_context_.set_compression_algorithm(algorithm);
  }
  std::string peer() const { return host_.services.authenticator.enabled() ? grpc_context_.peer() : std::string(); }

  Status ReserveMemory(size_t message_bytes);
  Status TakeCaller(Result<auth::Caller> caller);
  void Finish(const grpc::Status& status) { stream_.Finish(status, &finished_); }
  void Answer() { stream_.WriteAndFinish(response_, grpc::WriteOptions(), grpc::Status::OK, &finished_); }
  void Refuse(const Status& error);
  void FinishUnimplemented() {
    Finish({grpc::StatusCode::UNIMPLEMENTED, "Saker does not implement MilvusService/" + route_->name + " yet"});
  }

  CallHost& host_;
  grpc::ServerCompletionQueue& queue_;
  grpc::GenericServerContext grpc_context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  grpc::ByteBuffer request_, response_;
  Step arrived_{this, &RunningCall::Arrived}, read_{this, &RunningCall::Read}, done_{this, &RunningCall::Done},
      finished_{this, &RunningCall::Finished}, written_{this, &RunningCall::Written};
  std::atomic<int> events_left_{2};
  const Route* route_ = nullptr;
  Context context_;
  std::optional<auth::Caller> caller_;
  std::optional<std::string_view> authorization_;
  std::string_view metadata_database_;
  MemoryBudget::Reservation memory_;
  // Of a health watch.
  bool watches_ = false;  // polling thread only
  Mutex watch_mutex_;
  std::optional<Health> wanted_ GUARDED_BY(watch_mutex_), told_ GUARDED_BY(watch_mutex_);
  bool writing_ GUARDED_BY(watch_mutex_) = false;
  bool ending_ GUARDED_BY(watch_mutex_) = false;
  bool ended_ GUARDED_BY(watch_mutex_) = false;
};

Runnable* RunningCall::Read(bool ok) {
  const std::string& path = grpc_context_.method();
  if (!ok) {  // no message, or one above the limit: then gRPC has answered already
    Finish({grpc::StatusCode::INTERNAL, "the call carries no request"});
    return nullptr;
  }
  route_ = host_.FindRoute(path);
  if (route_ != nullptr) return Admit();
  if (path == "/grpc.health.v1.Health/Check") {
    CheckHealth();
  } else if (path == "/grpc.health.v1.Health/Watch") {
    WatchHealth();
  } else {
    Finish({grpc::StatusCode::UNIMPLEMENTED, "Saker does not implement " + path});
  }
  return nullptr;
}

// Refuses, or says that the call is ready.
Runnable* RunningCall::Admit() {
  AnswerInKind();
  authorization_ = Metadata("authorization");
  metadata_database_ = Metadata("dbname").value_or("");
  if (auto caller = host_.services.authenticator.TryAuthenticateGrpc(authorization_, peer())) {
    const Status allowed = TakeCaller(*std::move(caller));
    if (!allowed.ok()) {
      Finish(Transport(allowed));
      return nullptr;
    }
    if (route_->method == nullptr) {
      FinishUnimplemented();
      return nullptr;
    }
  }
  if (route_->method != nullptr) {
    const Status room = ReserveMemory(request_.Length());
    if (!room.ok()) {
      Refuse(room);
      return nullptr;
    }
  }
  return this;
}

// A message becomes protobuf, that becomes columns: the ledger is asked before, for all of it.
Status RunningCall::ReserveMemory(size_t message_bytes) {
  constexpr uint64_t kBytesPerMessageByte = 3;
  constexpr size_t kSmall = 256 << 10;  // thousands of these fit beside everything else
  if (host_.services.options.memory == nullptr || message_bytes < kSmall) return OkStatus();
  memory_ = {};
  memory_ = TRY(host_.services.options.memory->Reserve("request", kBytesPerMessageByte * message_bytes,
                                                       "a request of " + std::to_string(message_bytes) + " bytes"));
  return OkStatus();
}

Status RunningCall::TakeCaller(Result<auth::Caller> caller) {
  caller_ = TRY(std::move(caller));
  context_.user = caller_->user;
  return host_.services.authenticator.Authorize(*caller_, route_->name, metadata_database_.empty() ? "default" : metadata_database_);
}

// After Finish or Answer the call may be gone at any moment.
void RunningCall::Run() {
  const auto begin = Clock::now();
  if (!caller_) {
    const Status allowed = TakeCaller(host_.services.authenticator.AuthenticateGrpc(authorization_, peer()));
    if (!allowed.ok()) return Finish(Transport(allowed));
    if (route_->method == nullptr) return FinishUnimplemented();
  }
  // Nobody waits for the answer: the work is not begun.
  const Status alive = context_.Check();
  if (!alive.ok()) return Refuse(alive);
  if (IsPacked()) {
    auto unpacked = Inflate(request_, grpc_call_test_only_get_compression_algorithm(c_call()), host_.services.options.max_receive_bytes);
    if (!unpacked.ok()) {
      route_->failed.Add();
      return Finish(Transport(unpacked.status()));
    }
    request_.Swap(&*unpacked);
    const Status room = ReserveMemory(request_.Length());
    if (!room.ok()) return Refuse(room);
  }
  const size_t size = request_.Length();
  grpc::ProtoBufferReader reader(&request_);
  Bytes sink(&response_);
  const Call call{host_.services, context_, *caller_, metadata_database_};
  if (!reader.status().ok() || !route_->method->run(call, {&reader, size}, &sink)) {
    route_->failed.Add();
    return Finish({grpc::StatusCode::INVALID_ARGUMENT, "the message is not a valid request of " + route_->name});
  }
  route_->ok.Add();
  const Clock::duration spent = Clock::now() - begin;
  route_->recent_time.Note(std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
  route_->seconds.Observe(std::chrono::duration<double>(spent).count());
  if (sink.serialized()) return Answer();
  Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "the answer is too large to be sent"});
}

void RunningCall::Refuse(const Status& error) {
  route_->failed.Add();
  Bytes sink(&response_);
  route_->method->refuse(error, &sink);
  Answer();
}

void RunningCall::CheckHealth() {
  std::string service;
  if (!ReadHealthRequest(request_, &service)) return Finish({grpc::StatusCode::INVALID_ARGUMENT, "the message is no HealthCheckRequest"});
  if (!HealthBook::Knows(service)) return Finish({grpc::StatusCode::NOT_FOUND, "service name unknown"});
  response_ = HealthResponse(host_.health.Get());
  Answer();
}

void RunningCall::WatchHealth() {
  std::string service;
  if (!ReadHealthRequest(request_, &service)) return Finish({grpc::StatusCode::INVALID_ARGUMENT, "the message is no HealthCheckRequest"});
  watches_ = true;
  host_.health.Add(this, HealthBook::Knows(service));
}

// Writes what changed, one message at a time; ends the call once, when that is due.
void RunningCall::WriteHealth() {
  if (writing_ || ended_) return;
  if (ending_) {
    ended_ = true;
    return Finish({grpc::StatusCode::UNAVAILABLE, "the server is shutting down"});
  }
  if (!wanted_ || wanted_ == told_) return;
  told_ = wanted_;
  writing_ = true;
  response_ = HealthResponse(*wanted_);
  stream_.Write(response_, &written_);
}

}  // namespace

void CallHost::Begun() {
  MutexLock lock(mutex_);
  ++calls_;
}

void CallHost::Ended() {
  MutexLock lock(mutex_);
  if (--calls_ == 0) none_.NotifyAll();
}

void CallHost::AwaitNone() {
  MutexLock lock(mutex_);
  while (calls_ > 0) none_.Wait(mutex_);
}

void AwaitCall(CallHost& host, grpc::ServerCompletionQueue& queue) {
  new RunningCall(host, queue);
}

}  // namespace saker::rpc
