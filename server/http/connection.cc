#include "server/http/connection.h"

#include <sys/socket.h>

#include <boost/asio/post.hpp>

#include <utility>

namespace saker::http {

namespace asio = boost::asio;

namespace {
using Outcome = IoStep::Outcome;
}  // namespace

std::chrono::milliseconds TransferTime(std::chrono::milliseconds base, size_t bytes) {
  constexpr size_t kSlowestBytesPerSecond = 16 * 1024;
  return base + std::chrono::milliseconds(bytes * 1000 / kSlowestBytesPerSecond);
}

Shared::Shared(const ServerOptions& server_options, const Router& server_router)
    : options(server_options),
      router(server_router),
      pool({.name = server_options.name, .threads = server_options.worker_threads, .queue_limit = server_options.worker_queue_limit}),
      accepted(GetCounter("saker_http_connections_total", "Connections taken.", {{"server", server_options.name}})),
      refused(GetCounter("saker_http_refused_total", "Connections and requests refused because a limit was reached.",
                         {{"server", server_options.name}})),
      malformed(GetCounter("saker_http_malformed_total", "Requests that were not HTTP or broke a limit of their own.",
                           {{"server", server_options.name}})),
      timed_out(GetCounter("saker_http_timeouts_total", "Connections closed because the client was too slow.",
                           {{"server", server_options.name}})),
      answered(GetCounter("saker_http_requests_total", "Requests answered.", {{"server", server_options.name}})),
      seconds(GetHistogram("saker_http_request_seconds", "From the whole request read to the answer ready, queue included.",
                           LatencySecondsBuckets(), {{"server", server_options.name}})) {}

Connection::Connection(Shared& shared, IoThread& thread, int fd, bool tls, std::string already_read)
    : shared_(shared), thread_(thread), socket_(thread.context, fd), pending_(std::move(already_read)) {
  transport_ = tls ? shared.tls->MakeTransport(fd) : MakePlainTransport(fd);
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
  shared_.accepted.Add();
}

Connection::~Connection() {
  ReleaseBody();
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::Start() {
  deadline_ = Clock::now() + shared_.options.header_timeout;
  if (transport_ == nullptr) return Close();
  Handshake();
}

void Connection::WaitRead() {
  if (read_wait_ || state_ == State::kClosed) return;
  read_wait_ = true;
  socket_.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    self->read_wait_ = false;
    if (error) return self->Close();
    self->OnReadable();
  });
}

void Connection::WaitWrite() {
  if (write_wait_ || state_ == State::kClosed) return;
  write_wait_ = true;
  socket_.async_wait(asio::posix::stream_descriptor::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
    self->write_wait_ = false;
    if (error) return self->Close();
    self->OnWritable();
  });
}

void Connection::OnReadable() {
  switch (state_) {
    case State::kHandshake: return Handshake();
    case State::kIdle:
    case State::kReading: return Read();
    case State::kHandling: return NoticeClientLeaving();
    case State::kWriting: return Write();
    case State::kLingering: return Linger();
    case State::kClosed: return;
  }
}

void Connection::OnWritable() {
  switch (state_) {
    case State::kHandshake: return Handshake();
    case State::kIdle:
    case State::kReading: return Read();
    case State::kWriting: return Write();
    default: return;
  }
}

void Connection::Handshake() {
  const IoStep step = transport_->Handshake();
  if (step.outcome == Outcome::kWaitRead) return WaitRead();
  if (step.outcome == Outcome::kWaitWrite) return WaitWrite();
  if (step.outcome != Outcome::kDone) return Close();
  state_ = State::kIdle;
  deadline_ = Clock::now() + shared_.options.idle_timeout;
  Read();
}

void Connection::Read() {
  if (!pending_.empty() && !Feed()) return;
  // A few reads per turn: one fast client must not hold the thread.
  for (int turn = 0; turn < 16; ++turn) {
    const IoStep step = transport_->Read(thread_.buffer.data(), thread_.buffer.size());
    if (step.outcome == Outcome::kWaitRead) return WaitRead();
    if (step.outcome == Outcome::kWaitWrite) return WaitWrite();
    if (step.outcome != Outcome::kDone) return Close();
    pending_.append(thread_.buffer.data(), step.bytes);
    if (!Feed()) return;
  }
  asio::post(thread_.context, [self = shared_from_this()] {
    if (self->state_ == State::kIdle || self->state_ == State::kReading) self->Read();
  });
}

void Connection::Write() {
  const size_t total = out_header_.size() + out_body_.size();
  while (written_ < total) {
    iovec parts[2];
    int count = 0;
    const size_t in_header = std::min(written_, out_header_.size());
    if (in_header < out_header_.size()) parts[count++] = {out_header_.data() + in_header, out_header_.size() - in_header};
    const size_t in_body = written_ - in_header;
    if (in_body < out_body_.size()) parts[count++] = {out_body_.data() + in_body, out_body_.size() - in_body};
    const IoStep step = transport_->Write(parts, count);
    deadline_ = started_ + TransferTime(shared_.options.transfer_timeout, written_ + step.bytes);
    if (step.outcome == Outcome::kWaitRead) return WaitRead();
    if (step.outcome == Outcome::kWaitWrite) return WaitWrite();
    if (step.outcome != Outcome::kDone) return Close();
    written_ += step.bytes;
  }
  Written();
}

void Connection::Written() {
  out_header_.clear();
  out_body_ = std::string();
  path_.clear();
  head_ = false;
  if (pending_.empty()) pending_ = std::string();
  if (!keep_alive_ || shared_.draining.load(std::memory_order_relaxed)) {
    // Closing with unread bytes would reset the connection and could take the answer with it.
    state_ = State::kLingering;
    deadline_ = Clock::now() + std::chrono::seconds(2);
    transport_->SayGoodbye();
    return Linger();
  }
  state_ = State::kIdle;
  deadline_ = Clock::now() + shared_.options.idle_timeout;
  // Through the queue, not by recursion: a client may have pipelined thousands of requests.
  asio::post(thread_.context, [self = shared_from_this()] {
    if (self->state_ == State::kIdle) self->Read();
  });
}

void Connection::Linger() {
  for (int turn = 0; turn < 16; ++turn) {
    const ssize_t n = ::recv(socket_.native_handle(), thread_.buffer.data(), thread_.buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return WaitRead();
    if (n <= 0) return Close();
  }
  WaitRead();
}

void Connection::CheckDeadline(Clock::time_point now) {
  if (now < deadline_) return;
  if (state_ == State::kReading || state_ == State::kWriting || state_ == State::kHandshake) shared_.timed_out.Add();
  if (state_ == State::kReading) {
    return Refuse(408, DeadlineExceeded("the request was not complete after ",
                                        std::chrono::duration_cast<std::chrono::milliseconds>(now - started_).count(), " ms"));
  }
  Close();
}

void Connection::Drain() {
  if (state_ == State::kIdle || state_ == State::kHandshake) Close();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (context_) context_->Cancel();
  const auto self = shared_from_this();
  transport_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
  parser_.reset();
  pending_ = std::string();
  thread_.connections.erase(self);
}

}  // namespace saker::http
