#include "tools/bench/serve/load_run.h"

#include <ctime>

#include <atomic>
#include <chrono>
#include <thread>

#include <google/protobuf/arena.h>

namespace saker::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxErrorKinds = 16;

double Seconds(Clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

// The CPU time of all threads of a process, in nanoseconds' resolution; /proc counts hundredths.
Result<double> CpuSecondsOf(int pid) {
  clockid_t clock{};
  timespec now{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &now) != 0) {
    return NotFound("--server-pid ", pid, ": no such process on this machine");
  }
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void NoteError(KindOutcome* outcome, const Status& status) {
  const bool known = outcome->errors.contains(status.message());
  ++outcome->errors[known || outcome->errors.size() < kMaxErrorKinds ? status.message() : "others"];
}

// The stages all threads go through together.
struct Phase {
  std::atomic<bool> measuring{false};
  std::atomic<bool> over{false};
  std::atomic<uint64_t> next_insert{0};
};

class Client {
 public:
  Client(const ServeOptions& options, const Workload& workload, Phase& phase, size_t first, size_t stride)
      : options_(options), workload_(workload), phase_(phase), connection_(options.address, options.token), call_(first), stride_(stride) {}

  void Run() {
    while (!phase_.over.load(std::memory_order_relaxed)) {
      One();
      call_ += stride_;
      ++turn_;
    }
  }
  // Inserts at options.insert_rate; a server that is slower is not hurried.
  void RunInserts() {
    const auto pause = std::chrono::duration<double>(static_cast<double>(options_.insert_rows) / options_.insert_rate);
    Clock::time_point due = Clock::now();
    while (!phase_.over.load(std::memory_order_relaxed)) {
      Insert();
      due = std::max(due + std::chrono::duration_cast<Clock::duration>(pause), Clock::now() - std::chrono::seconds(1));
      while (Clock::now() < due && !phase_.over.load(std::memory_order_relaxed)) {
        std::this_thread::sleep_for(std::min<Clock::duration>(due - Clock::now(), std::chrono::milliseconds(20)));
      }
    }
  }
  KindOutcome& outcome(Kind kind) { return outcomes_[static_cast<int>(kind)]; }

 private:
  void One() {
    const Kind kind = workload_.KindOf(turn_ + call_ % stride_ * 7);  // threads are at different places of the cycle
    if (kind == Kind::kInsert) return Insert();
    arena_.Reset();
    auto* response = google::protobuf::Arena::CreateMessage<mp::SearchResults>(&arena_);
    const grpc::ByteBuffer& request = kind == Kind::kSearch ? workload_.Search(call_) : workload_.Filtered(call_);
    if (!Timed(kind, request, "/milvus.proto.milvus.MilvusService/Search", response, options_.nq)) return;
    if (kind != Kind::kSearch || !workload_.knows_truth()) return;
    KindOutcome& outcome = outcomes_[static_cast<int>(kind)];
    const Result<size_t> found = workload_.Found(call_, response->results());
    if (!found.ok()) return NoteError(&outcome, found.status());
    outcome.found += *found;
    outcome.expected += workload_.expected_a_call();
  }

  void Insert() {
    const grpc::ByteBuffer request = Pack(workload_.Insert(phase_.next_insert.fetch_add(1)));
    mp::MutationResult response;
    Timed(Kind::kInsert, request, "/milvus.proto.milvus.MilvusService/Insert", &response, options_.insert_rows);
  }

  // False when the call failed or did not count.
  template <typename Response>
  bool Timed(Kind kind, const grpc::ByteBuffer& request, const char* method, Response* response, size_t queries) {
    const bool counts = phase_.measuring.load(std::memory_order_relaxed);
    const Clock::time_point start = Clock::now();
    const Status status = connection_.Call(method, request, response);
    const Clock::time_point end = Clock::now();
    KindOutcome& outcome = outcomes_[static_cast<int>(kind)];
    if (!status.ok()) {
      NoteError(&outcome, status);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // a server that refuses is not to be flooded
      return false;
    }
    if (!counts || phase_.over.load(std::memory_order_relaxed)) return false;
    outcome.latencies_us.push_back(static_cast<float>(Seconds(end - start) * 1e6));
    outcome.queries += queries;
    return true;
  }

  const ServeOptions& options_;
  const Workload& workload_;
  Phase& phase_;
  Connection connection_;
  google::protobuf::Arena arena_;
  size_t call_;
  const size_t stride_;
  size_t turn_ = 0;
  KindOutcome outcomes_[kKinds];
};

}  // namespace

void KindOutcome::Merge(KindOutcome&& other) {
  latencies_us.insert(latencies_us.end(), other.latencies_us.begin(), other.latencies_us.end());
  for (const auto& [text, count] : other.errors) errors[text] += count;
  queries += other.queries;
  found += other.found;
  expected += other.expected;
}

Result<LoadOutcome> RunLoad(const ServeOptions& options, const Workload& workload, int threads, uint64_t* next_insert) {
  Phase phase;
  phase.next_insert = *next_insert;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> running;
  const auto count = static_cast<size_t>(threads);
  for (size_t t = 0; t < count; ++t) clients.push_back(std::make_unique<Client>(options, workload, phase, t, count));
  if (options.insert_rate > 0) clients.push_back(std::make_unique<Client>(options, workload, phase, 0, 1));
  for (size_t t = 0; t < count; ++t) running.emplace_back([client = clients[t].get()] { client->Run(); });
  if (options.insert_rate > 0) running.emplace_back([client = clients.back().get()] { client->RunInserts(); });

  std::this_thread::sleep_for(std::chrono::duration<double>(options.warm_up_seconds));
  LoadOutcome outcome;
  Result<double> before = 0.0, after = 0.0;
  if (options.server_pid != 0) before = CpuSecondsOf(options.server_pid);
  const Clock::time_point start = Clock::now();
  phase.measuring = true;
  std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
  phase.over = true;
  outcome.seconds = Seconds(Clock::now() - start);
  if (options.server_pid != 0) after = CpuSecondsOf(options.server_pid);
  for (std::thread& thread : running) thread.join();
  *next_insert = phase.next_insert;

  TRY(before.status());
  TRY(after.status());
  if (options.server_pid != 0) outcome.server_cpu_seconds = *after - *before;
  for (const std::unique_ptr<Client>& client : clients) {
    for (int kind = 0; kind < kKinds; ++kind) outcome.kinds[kind].Merge(std::move(client->outcome(static_cast<Kind>(kind))));
  }
  return outcome;
}

}  // namespace saker::bench
