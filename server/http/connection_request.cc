// What a connection does between the bytes: parsing, limits, handing the request to its handler, the answer's header.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>

#include <utility>

#include "server/http/connection.h"

namespace saker::http {

namespace beast_http = boost::beast::http;
namespace asio = boost::asio;

namespace {

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

}  // namespace saker::http
