#include "server/http/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>

#include <charconv>
#include <utility>

#include "common/log.h"

namespace saker::http {

namespace beast_http = boost::beast::http;
namespace asio = boost::asio;

namespace {

using Outcome = IoStep::Outcome;
constexpr size_t kSlowestBytesPerSecond = 16 * 1024;

std::chrono::milliseconds TransferTime(std::chrono::milliseconds base, size_t bytes) {
  return base + std::chrono::milliseconds(bytes * 1000 / kSlowestBytesPerSecond);
}

const char* ReasonPhrase(int status) {
  const auto known = beast_http::int_to_status(static_cast<unsigned>(status));
  return known == beast_http::status::unknown ? "Unknown" : beast_http::obsolete_reason(known).data();
}

// As gRPC words it, so that one client is one peer whichever dialect it speaks: "ipv4:10.0.0.1:41234".
std::string PeerName(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "unknown";
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    return "ipv4:" + std::string(text) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    return "ipv6:[" + std::string(text) + "]:" + std::to_string(ntohs(v6->sin6_port));
  }
  return "unix:";
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

// "http://any.host/path" is what a proxy may send; the host is not our business.
std::string_view PathOfTarget(std::string_view target) {
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || target.starts_with('/')) return target;
  const size_t slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
}

void AppendCors(std::string* out) {
  out->append(
      "Access-Control-Allow-Origin: *\r\n"
      "Access-Control-Allow-Methods: GET, POST, HEAD, OPTIONS\r\n"
      "Access-Control-Allow-Headers: Authorization, Content-Type, Accept, DB-Name, Request-Timeout, Accept-Type-Allow-Int64\r\n"
      "Access-Control-Max-Age: 86400\r\n");
}

}  // namespace

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

bool Connection::Feed() {
  if (parser_ == nullptr) {
    state_ = State::kReading;
    started_ = Clock::now();
    deadline_ = started_ + shared_.options.header_timeout;
    headers_checked_ = false;
    parser_ = std::make_unique<Parser>();
    parser_->eager(true);
    parser_->header_limit(static_cast<uint32_t>(shared_.options.max_header_bytes));
    parser_->body_limit(shared_.options.max_body_bytes);
  }
  size_t used = 0;
  boost::system::error_code error;
  while (used < pending_.size() && !parser_->is_done()) {
    // The header is parsed alone, so that a refusal does not wait for, or keep, a body.
    parser_->eager(headers_checked_);
    const size_t n = parser_->put(asio::buffer(pending_.data() + used, pending_.size() - used), error);
    used += n;
    if (parser_->is_header_done() && !headers_checked_) {
      if (!error || error == beast_http::error::need_more) {
        if (!CheckHeaders()) return false;
        error = {};
        continue;
      }
    }
    if (error || n == 0) break;
  }
  pending_.erase(0, used);
  if (error == beast_http::error::need_more) error = {};
  if (error == beast_http::error::header_limit) {
    Refuse(431, InvalidArgument("the request's header is over the limit of ", shared_.options.max_header_bytes, " bytes"));
    return false;
  }
  if (error == beast_http::error::body_limit) {
    Refuse(413, InvalidArgument("the request's body is over the limit of ", shared_.options.max_body_bytes, " bytes"));
    return false;
  }
  if (error) {
    Refuse(400, InvalidArgument("this is not an HTTP/1.1 request: ", error.message()));
    return false;
  }
  if (headers_checked_ && !CountBody()) return false;
  if (parser_->is_done()) {
    Dispatch();
    return false;
  }
  return true;
}

bool Connection::CheckHeaders() {
  headers_checked_ = true;
  const auto& message = parser_->get();
  std::string_view target(message.target().data(), message.target().size());
  PercentDecode(PathOfTarget(target).substr(0, PathOfTarget(target).find('?')), &path_);
  keep_alive_ = parser_->keep_alive();
  head_ = message.method() == beast_http::verb::head;
  if (const auto length = parser_->content_length(); length && *length > shared_.options.max_body_bytes) {
    Refuse(413, InvalidArgument("the request's body of ", *length, " bytes is over the limit of ", shared_.options.max_body_bytes));
    return false;
  }
  const auto encoding = message.find(beast_http::field::content_encoding);
  if (encoding != message.end() && LowerCase({encoding->value().data(), encoding->value().size()}) != "identity") {
    Refuse(415, InvalidArgument("a body with Content-Encoding '", std::string_view(encoding->value().data(), encoding->value().size()),
                                "' is not read; send it as it is"));
    return false;
  }
  deadline_ = Clock::now() + shared_.options.transfer_timeout;
  const auto expect = message.find(beast_http::field::expect);
  if (expect != message.end() && LowerCase({expect->value().data(), expect->value().size()}) == "100-continue") {
    // Best effort: a client that does not see it sends its body a second later.
    static const char kContinue[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const iovec part{const_cast<char*>(kContinue), sizeof(kContinue) - 1};
    transport_->Write(&part, 1);
  }
  return true;
}

// The bytes of all bodies together are bounded; a body counts from the moment it arrives until it is
// freed, which is before its answer goes out: a client that has its answer finds the room again.
bool Connection::CountBody() {
  const size_t now = parser_->get().body().size();
  if (now <= counted_body_) return true;
  const size_t more = now - counted_body_;
  counted_body_ = now;
  deadline_ = started_ + TransferTime(shared_.options.transfer_timeout, now);
  if (shared_.body_bytes.fetch_add(more, std::memory_order_relaxed) + more <= shared_.options.max_bodies_bytes) return true;
  shared_.refused.Add();
  Refuse(503, ResourceExhausted("the requests in work hold ", shared_.options.max_bodies_bytes, " bytes together, the limit; try again"));
  return false;
}

void Connection::ReleaseBody() {
  shared_.body_bytes.fetch_sub(counted_body_, std::memory_order_relaxed);
  counted_body_ = 0;
  memory_ = {};
}

// A body becomes a tree, the tree columns: the ledger is asked before, for all of it.
Status Connection::ReserveMemory() {
  constexpr uint64_t kBytesPerBodyByte = 5;
  constexpr uint64_t kSmall = 256 << 10;  // thousands of these fit beside everything else
  if (shared_.options.memory == nullptr || counted_body_ < kSmall) return OkStatus();
  memory_ = TRY(shared_.options.memory->Reserve("request", kBytesPerBodyByte * counted_body_,
                                                "a request with a body of " + std::to_string(counted_body_) + " bytes"));
  return OkStatus();
}

void Connection::Dispatch() {
  auto message = parser_->release();
  parser_.reset();
  auto request = std::make_shared<Request>();
  request->method.assign(message.method_string().data(), message.method_string().size());
  const std::string target(PathOfTarget({message.target().data(), message.target().size()}));
  const size_t question = target.find('?');
  if (question != std::string::npos) request->query = target.substr(question + 1);
  const bool path_ok = PercentDecode(std::string_view(target).substr(0, question), &request->path);
  request->headers.reserve(8);
  for (const auto& field : message) {
    request->headers.emplace_back(LowerCase({field.name_string().data(), field.name_string().size()}),
                                  std::string(field.value().data(), field.value().size()));
  }
  request->body = std::move(message.body());
  request->peer = PeerName(socket_.native_handle());
  path_ = request->path;
  state_ = State::kHandling;
  deadline_ = Clock::time_point::max();
  started_ = Clock::now();
  request->context = Context(shared_.router.Deadline(*request));
  context_ = request->context;
  if (!path_ok) return Answer(shared_.router.Error(path_, 400, InvalidArgument("the path has a broken percent escape")));
  if (request->method == "OPTIONS") return Answer({.status = 204, .content_type = "", .body = "", .headers = {}});
  int http_status = 0;
  const Route* route = shared_.router.Find(request.get(), &http_status);
  if (route == nullptr) {
    const Status error = http_status == 405 ? Unimplemented("the method ", request->method, " is not served at ", request->path)
                                            : NotFound("there is nothing at ", request->path);
    return Answer(shared_.router.Error(path_, http_status, error));
  }
  if (const Status room = ReserveMemory(); !room.ok()) {
    shared_.refused.Add();
    return Answer(shared_.router.Error(path_, 507, room));
  }
  if (route->run_on == RunOn::kInline) return Answer(shared_.router.Run(*route, request.get()));
  const bool taken = shared_.pool.TrySubmit([self = shared_from_this(), request, route]() mutable {
    auto response = std::make_shared<Response>(self->shared_.router.Run(*route, request.get()));
    request.reset();
    asio::io_context& context = self->thread_.context;
    asio::post(context, [self = std::move(self), response] { self->Answer(std::move(*response)); });
  });
  if (!taken) {
    shared_.refused.Add();
    return Answer(shared_.router.Error(
        path_, 503, ResourceExhausted("too many requests: ", shared_.options.worker_queue_limit, " are waiting already; try again")));
  }
  WaitRead();
}

// A client that has closed its side does not wait for the answer any more: the work may stop. Bytes of a next request
// stay in the socket; then nothing is watched until the answer is out.
void Connection::NoticeClientLeaving() {
  char byte;
  const ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
    if (context_) context_->Cancel();
  } else if (n < 0) {
    WaitRead();
  }
}

void Connection::Refuse(int http_status, const Status& error) {
  if (http_status < 500) shared_.malformed.Add();
  keep_alive_ = false;
  parser_.reset();
  pending_.clear();
  pending_.shrink_to_fit();
  state_ = State::kHandling;
  started_ = Clock::now();
  Answer(shared_.router.Error(path_, http_status, error));
}

void Connection::Answer(Response response) {
  if (state_ != State::kHandling) return;
  context_.reset();
  ReleaseBody();
  shared_.answered.Add();
  shared_.seconds.Observe(std::chrono::duration<double>(Clock::now() - started_).count());
  if (shared_.draining.load(std::memory_order_relaxed)) keep_alive_ = false;
  out_header_ = "HTTP/1.1 " + std::to_string(response.status) + " " + ReasonPhrase(response.status) + "\r\n";
  if (!response.content_type.empty()) out_header_ += "Content-Type: " + response.content_type + "\r\n";
  if (response.status != 204) out_header_ += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  out_header_ += keep_alive_ ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  for (const auto& [name, value] : response.headers) out_header_ += name + ": " + value + "\r\n";
  if (shared_.options.cors) AppendCors(&out_header_);
  out_header_ += "\r\n";
  out_body_ = head_ ? std::string() : std::move(response.body);
  written_ = 0;
  state_ = State::kWriting;
  started_ = Clock::now();
  Write();
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
