// One HTTP/1.1 connection: reads a request, has it answered, writes the answer, and again.
//
// Lives on one network thread and is touched by no other; a handler's answer is posted back to that thread. It waits for
// the socket to be readable and only then reads, into the thread's own buffer: a connection without a request in work
// holds no buffer and no parser.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/metrics.h"
#include "common/worker_pool.h"
#include "server/http/http_server.h"
#include "server/http/transport.h"

namespace saker::http {

class Connection;

// What the connections of one server have in common.
struct Shared {
  Shared(const ServerOptions& server_options, const Router& server_router);
  const ServerOptions options;
  const Router& router;
  WorkerPool pool;
  std::shared_ptr<TlsContext> tls;
  std::atomic<size_t> connections{0};
  std::atomic<size_t> body_bytes{0};
  std::atomic<bool> draining{false};
  Counter& accepted;
  Counter& refused;
  Counter& malformed;
  Counter& timed_out;
  Counter& answered;
  Histogram& seconds;
};

// One network thread's own.
struct IoThread {
  boost::asio::io_context context{1};
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::vector<char> buffer = std::vector<char>(64 * 1024);
};

// How long a transfer of so many bytes may take: `base`, and more for each byte at the slowest speed that is waited for.
std::chrono::milliseconds TransferTime(std::chrono::milliseconds base, size_t bytes);

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;

  Connection(Shared& shared, IoThread& thread, int fd, bool tls, std::string already_read);
  ~Connection();

  void Start();
  // Called about twice a second.
  void CheckDeadline(Clock::time_point now);
  // Ends it now if it waits for a request, else after the answer.
  void Drain();
  void Close();

 private:
  enum class State { kHandshake, kIdle, kReading, kHandling, kWriting, kLingering, kClosed };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void WaitRead();
  void WaitWrite();
  void OnReadable();
  void OnWritable();
  void Handshake();
  void Read();
  bool Feed();  // true: give me more bytes
  bool CheckHeaders();
  bool CountBody();
  void ReleaseBody();
  Status ReserveMemory();
  void Dispatch();
  void Answer(Response response);
  void Refuse(int http_status, const Status& error);  // and close afterwards
  void Write();
  void Written();
  void Linger();
  void NoticeClientLeaving();

  Shared& shared_;
  IoThread& thread_;
  boost::asio::posix::stream_descriptor socket_;
  std::unique_ptr<Transport> transport_;
  State state_ = State::kHandshake;
  bool read_wait_ = false;
  bool write_wait_ = false;
  bool keep_alive_ = true;
  bool head_ = false;
  bool headers_checked_ = false;
  Clock::time_point deadline_;
  Clock::time_point started_;
  std::string pending_;  // read, not parsed yet
  std::unique_ptr<Parser> parser_;
  size_t counted_body_ = 0;
  MemoryBudget::Reservation memory_;  // for reading the body
  std::string path_;                  // of the request in work, for the shape of errors
  std::optional<Context> context_;
  std::string out_header_;
  std::string out_body_;
  size_t written_ = 0;
};

}  // namespace saker::http
