#include "server/http/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

namespace saker::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A blocking client that gives up after some seconds.
class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Client() { ::close(fd_); }
  int fd() const { return fd_; }
  bool connected() const { return connected_; }

  bool Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  // One whole answer by its Content-Length; what there is when the connection ends before.
  std::string Receive() {
    for (;;) {
      const size_t end = buffer_.find("\r\n\r\n");
      if (end != std::string::npos) {
        size_t length = 0;
        const size_t field = buffer_.find("Content-Length: ");
        if (field < end) length = std::stoul(buffer_.substr(field + 16));
        if (buffer_.size() >= end + 4 + length) {
          std::string answer = buffer_.substr(0, end + 4 + length);
          buffer_.erase(0, answer.size());
          return answer;
        }
      }
      char bytes[65536];
      const ssize_t n = ::recv(fd_, bytes, sizeof(bytes), 0);
      if (n <= 0) return std::exchange(buffer_, {});
      buffer_.append(bytes, static_cast<size_t>(n));
    }
  }

  bool Closed() {
    char byte;
    return ::recv(fd_, &byte, 1, 0) <= 0;
  }

 private:
  const int fd_;
  bool connected_ = false;
  std::string buffer_;
};

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    router_.Add({"GET", "/hello", Access::kOpen, RunOn::kInline,
                 [](const Request&) { return Response{.content_type = "text/plain", .body = "hello"}; }});
    router_.Add({"POST", "/echo", Access::kOpen, RunOn::kPool,
                 [](const Request& request) { return Response{.content_type = "text/plain", .body = request.body}; }});
    router_.Add({"POST", "/size", Access::kOpen, RunOn::kPool, [](const Request& request) {
                   return Response{.content_type = "text/plain", .body = std::to_string(request.body.size())};
                 }});
    router_.Add({"GET", "/wait", Access::kOpen, RunOn::kPool, [this](const Request& request) {
                   ++waiting_;
                   while (!go_.load() && !request.context.cancelled()) std::this_thread::sleep_for(milliseconds(1));
                   if (request.context.cancelled()) ++cancelled_;
                   --waiting_;
                   return Response{.content_type = "text/plain", .body = "done"};
                 }});
    router_.Add({"GET", "/big", Access::kOpen, RunOn::kPool,
                 [](const Request&) { return Response{.content_type = "text/plain", .body = std::string(20 << 20, 'x')}; }});
  }
  void TearDown() override {
    go_ = true;
    if (server_) server_->Shutdown(steady_clock::now() + milliseconds(500));
  }

  void Start(ServerOptions options = {}) {
    server_ = std::move(HttpServer::Start(options, router_)).value();
    port_ = server_->Listen("127.0.0.1", 0).value();
  }

  bool Eventually(const std::function<bool()>& test) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(10);
    while (!test()) {
      if (steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
  }

  static constexpr const char* kHello = "GET /hello HTTP/1.1\r\nHost: anything.example\r\n\r\n";
  Router router_;
  std::atomic<bool> go_{false};
  std::atomic<int> waiting_{0};
  std::atomic<int> cancelled_{0};
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
};

TEST_F(HttpServerTest, KeepsTheConnectionForTheNextRequest) {
  Start();
  Client client(port_);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.Send(kHello));
    const std::string answer = client.Receive();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Connection: keep-alive"));
    EXPECT_TRUE(answer.ends_with("\r\n\r\nhello"));
  }
}

TEST_F(HttpServerTest, ClosesWhenAskedTo) {
  Start();
  Client client(port_);
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.Receive(), HasSubstr("Connection: close"));
  EXPECT_TRUE(client.Closed());
  Client old(port_);
  old.Send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.Receive(), HasSubstr("Connection: close"));
  EXPECT_TRUE(old.Closed());
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  Client client(port_);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    const std::string body = "number " + std::to_string(i);
    all += "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  std::thread sender([&] { client.Send(all); });
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(client.Receive().ends_with("\r\n\r\nnumber " + std::to_string(i))) << i;
  sender.join();
}

TEST_F(HttpServerTest, TakesARequestByteByByte) {
  Start();
  Client client(port_);
  for (const char c : std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")) {
    ASSERT_TRUE(client.Send(std::string(1, c)));
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_TRUE(client.Receive().ends_with("\r\n\r\nabc"));
}

TEST_F(HttpServerTest, ReadsChunkedBodies) {
  Start();
  Client client(port_);
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n\r\n");
  EXPECT_TRUE(client.Receive().ends_with("\r\n\r\nabcdefg"));
  client.Send(kHello);
  EXPECT_TRUE(client.Receive().ends_with("hello"));
}

TEST_F(HttpServerTest, SaysContinueBeforeTheBody) {
  Start();
  Client client(port_);
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 100 Continue"));
  client.Send("abc");
  EXPECT_TRUE(client.Receive().ends_with("abc"));
}

TEST_F(HttpServerTest, AnswersHeadWithoutABodyAndOptionsWithCors) {
  Start();
  Client client(port_);
  client.Send("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string head = client.Receive();
  EXPECT_THAT(head, HasSubstr("Content-Length: 5"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  Client preflight(port_);
  preflight.Send("OPTIONS /echo HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nAccess-Control-Request-Method: POST\r\n\r\n");
  const std::string answer = preflight.Receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Origin: *"));
}

TEST_F(HttpServerTest, RefusesGarbageAndStaysUp) {
  Start();
  std::mt19937 random(17);
  const std::vector<std::string> fixed = {"\r\n\r\n",
                                          "GET\r\n\r\n",
                                          "GET / HTTP/9.9\r\n\r\n",
                                          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                          std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8),
                                          "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                          "POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                                          "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                                          "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                          "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                          "GET /a%zz HTTP/1.1\r\nConnection: close\r\n\r\n",
                                          "GET /he\nllo HTTP/1.1\r\n\r\n"};
  for (int i = 0; i < 60; ++i) {
    std::string text;
    if (i < static_cast<int>(fixed.size())) {
      text = fixed[static_cast<size_t>(i)];
    } else {
      for (int n = 0; n < 500; ++n) text.push_back(static_cast<char>(random()));
      text += "\r\n\r\n";
    }
    Client client(port_);
    client.Send(text);
    ::shutdown(client.fd(), SHUT_WR);
    const std::string answer = client.Receive();
    EXPECT_THAT(answer, ::testing::AnyOf("", StartsWith("HTTP/1.1 4"))) << i;
    EXPECT_TRUE(client.Closed()) << i;
  }
  Client client(port_);
  client.Send(kHello);
  EXPECT_TRUE(client.Receive().ends_with("hello"));
}

TEST_F(HttpServerTest, RefusesACompressedBodyByName) {
  Start();
  Client client(port_);
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
  const std::string answer = client.Receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 415"));
  EXPECT_THAT(answer, testing::HasSubstr("Content-Encoding 'gzip'"));
  Client plain(port_);
  plain.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: Identity\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(plain.Receive(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, ForgetsHalfARequestWhenTheClientGoes) {
  Start();
  for (const char* half : {"GET /hel", "POST /echo HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc", ""}) {
    Client client(port_);
    client.Send(half);
  }
  EXPECT_TRUE(Eventually([&] { return server_->connection_count() == 0; }));
}

TEST_F(HttpServerTest, RefusesAnOversizedHeader) {
  Start();
  Client client(port_);
  client.Send("GET /hello HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 431"));
  EXPECT_TRUE(client.Closed());
}

TEST_F(HttpServerTest, RefusesAnOversizedBodyBeforeReadingIt) {
  ServerOptions options;
  options.max_body_bytes = 1000;
  Start(options);
  Client announced(port_);
  announced.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_THAT(announced.Receive(), StartsWith("HTTP/1.1 413"));
  Client chunked(port_);
  chunked.Send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x'));
  EXPECT_THAT(chunked.Receive(), StartsWith("HTTP/1.1 413"));
  Client exact(port_);
  exact.Send("POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  EXPECT_TRUE(exact.Receive().ends_with("\r\n\r\n1000"));
}

TEST_F(HttpServerTest, TakesSixtyFourMebibytesAndGivesTwenty) {
  Start();
  Client client(port_);
  const std::string body(64 << 20, 'x');
  client.Send("POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  client.Send(body);
  EXPECT_TRUE(client.Receive().ends_with("\r\n\r\n67108864"));
  client.Send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_GT(client.Receive().size(), size_t{20} << 20);
}

TEST_F(HttpServerTest, BoundsTheBytesOfAllBodiesTogether) {
  ServerOptions options;
  options.max_bodies_bytes = 10'000;
  Start(options);
  Client holder(port_);
  holder.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9001\r\n\r\n" + std::string(9000, 'x'));
  // The first body has to be counted before the second comes: were it the other way round, the first would be refused.
  std::this_thread::sleep_for(milliseconds(300));
  std::string answer;
  EXPECT_TRUE(Eventually([&] {
    Client second(port_);
    second.Send("POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'x'));
    answer = second.Receive();
    return answer.starts_with("HTTP/1.1 503");
  })) << answer;
  holder.Send("x");
  EXPECT_THAT(holder.Receive(), StartsWith("HTTP/1.1 200"));
  Client third(port_);
  third.Send("POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'x'));
  EXPECT_THAT(third.Receive(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, ClosesSlowAndSilentClients) {
  ServerOptions options;
  options.header_timeout = milliseconds(300);
  options.transfer_timeout = milliseconds(300);
  options.idle_timeout = milliseconds(300);
  Start(options);
  Client silent(port_);
  EXPECT_TRUE(silent.Closed());
  Client header(port_);
  header.Send("GET /hello HT");
  EXPECT_THAT(header.Receive(), StartsWith("HTTP/1.1 408"));
  EXPECT_TRUE(header.Closed());
  Client body(port_);
  body.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_THAT(body.Receive(), StartsWith("HTTP/1.1 408"));
  Client reader(port_);
  int small = 4096;
  ::setsockopt(reader.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
  EXPECT_TRUE(Eventually([&] { return server_->connection_count() <= 1; }));
}

TEST_F(HttpServerTest, SaysWhenTooManyRequestsWait) {
  ServerOptions options;
  options.worker_threads = 1;
  options.worker_queue_limit = 1;
  Start(options);
  router_.Error("", 503, ResourceExhausted(""));
  Client working(port_);
  working.Send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return waiting_ == 1; }));
  // One of these waits in the queue, the others are told.
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(port_));
    clients.back()->Send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  // An inline handler answers all the same.
  Client health(port_);
  health.Send(kHello);
  EXPECT_TRUE(health.Receive().ends_with("hello"));
  std::this_thread::sleep_for(milliseconds(100));
  go_ = true;
  int refused = 0;
  for (auto& client : clients) refused += client->Receive().starts_with("HTTP/1.1 503");
  EXPECT_EQ(refused, 3);
  EXPECT_TRUE(working.Receive().ends_with("done"));
}

TEST_F(HttpServerTest, CancelsTheWorkOfAClientThatLeft) {
  Start();
  {
    Client client(port_);
    client.Send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(Eventually([&] { return waiting_ == 1; }));
  }
  EXPECT_TRUE(Eventually([&] { return cancelled_ == 1; }));
}

TEST_F(HttpServerTest, LetsRequestsEndBeforeItStops) {
  Start();
  Client busy(port_);
  Client idle(port_);
  busy.Send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return waiting_ == 1; }));
  std::thread stopper([&] { server_->Shutdown(steady_clock::now() + std::chrono::seconds(20)); });
  EXPECT_TRUE(idle.Closed());
  go_ = true;
  const std::string answer = busy.Receive();
  EXPECT_TRUE(answer.ends_with("done"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  stopper.join();
  EXPECT_FALSE(Client(port_).connected());
}

TEST_F(HttpServerTest, StopsAtTheDeadline) {
  Start();
  Client busy(port_);
  busy.Send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return waiting_ == 1; }));
  const auto start = steady_clock::now();
  server_->Shutdown(start + milliseconds(100));
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(cancelled_, 1);
}

TEST_F(HttpServerTest, ServesAdoptedSocketsWithBytesAlreadyRead) {
  Start();
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  server_->Adopt(pair[1], false, "GET /hello HT");
  const std::string rest = "TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(::send(pair[0], rest.data(), rest.size(), 0), static_cast<ssize_t>(rest.size()));
  std::string answer;
  char bytes[1024];
  for (ssize_t n; (n = ::recv(pair[0], bytes, sizeof(bytes), 0)) > 0;) answer.append(bytes, static_cast<size_t>(n));
  EXPECT_TRUE(answer.ends_with("hello"));
  ::close(pair[0]);
  // Without a certificate a TLS socket can only be closed.
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  server_->Adopt(pair[1], true);
  EXPECT_EQ(::recv(pair[0], bytes, sizeof(bytes), 0), 0);
  ::close(pair[0]);
}

size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * 4096;
}

TEST_F(HttpServerTest, HoldsTenThousandIdleConnectionsCheaply) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  size_t count = 10'000;
  if (limit.rlim_cur < 2 * count + 200) count = (limit.rlim_cur - 200) / 2;
  Start();
  const size_t before = ResidentBytes();
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<Client>(port_));
    ASSERT_TRUE(clients.back()->connected()) << i;
  }
  ASSERT_TRUE(Eventually([&] { return server_->connection_count() == count; })) << server_->connection_count();
  const size_t each = (ResidentBytes() - before) / count;
  std::printf("%zu idle connections, %zu bytes of memory each\n", count, each);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(each, 4096u);
#endif
  clients.back()->Send(kHello);
  EXPECT_TRUE(clients.back()->Receive().ends_with("hello"));
}

TEST_F(HttpServerTest, RefusesConnectionsOverTheLimit) {
  ServerOptions options;
  options.max_connections = 3;
  Start(options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(port_));
    clients.back()->Send(kHello);
    clients.back()->Receive();
  }
  Client fourth(port_);
  EXPECT_TRUE(fourth.Closed());
}

TEST_F(HttpServerTest, NamesAnAddressItCannotListenOn) {
  Start();
  EXPECT_THAT(server_->Listen("127.0.0.1", port_).status().message(), HasSubstr(std::to_string(port_)));
  EXPECT_THAT(server_->Listen("not-an-address", 0).status().message(), HasSubstr("not-an-address"));
}

// A key and a self-signed certificate in two files.
void MakeCertificate(const std::string& certificate_path, const std::string& key_path, int serial = 1) {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
  std::FILE* file = std::fopen(certificate_path.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(key_path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

// The serial number of the certificate that a client is shown and answered under; empty when it was turned away.
std::string SerialSeen(uint16_t port, const std::string& own_certificate = "", const std::string& own_key = "") {
  Client client(port);
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!own_certificate.empty()) {
    SSL_CTX_use_certificate_chain_file(context.get(), own_certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), own_key.c_str(), SSL_FILETYPE_PEM);
  }
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
  SSL_set_fd(ssl.get(), client.fd());
  if (SSL_connect(ssl.get()) != 1) return "";
  const std::string hello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  SSL_write(ssl.get(), hello.data(), static_cast<int>(hello.size()));
  char bytes[16];  // with TLS 1.3 the client learns only here that it is not wanted
  if (SSL_read(ssl.get(), bytes, sizeof(bytes)) <= 0) return "";
  const std::unique_ptr<X509, void (*)(X509*)> shown(SSL_get1_peer_certificate(ssl.get()), X509_free);
  return std::to_string(ASN1_INTEGER_get(X509_get0_serialNumber(shown.get())));
}

TEST_F(HttpServerTest, TakesARenewedCertificateWithoutARestart) {
  const std::string folder = ::testing::TempDir() + "saker_http_renew_" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  ServerOptions options;
  options.certificate_path = folder + "/cert.pem";
  options.private_key_path = folder + "/key.pem";
  options.certificate_check = milliseconds(50);
  MakeCertificate(options.certificate_path, options.private_key_path, 1);
  Start(options);
  const std::string before = SerialSeen(port_);
  EXPECT_EQ(before, "1");
  std::ofstream(options.certificate_path) << "half of it";
  std::this_thread::sleep_for(milliseconds(600));
  EXPECT_EQ(SerialSeen(port_), before);  // what cannot be used replaces nothing
  MakeCertificate(options.certificate_path, options.private_key_path, 2);
  EXPECT_TRUE(Eventually([&] { return SerialSeen(port_) == "2"; }));
  std::filesystem::remove_all(folder);
}

TEST_F(HttpServerTest, WantsClientsCertificatesWhenToldTo) {
  const std::string folder = ::testing::TempDir() + "saker_http_mtls_" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  ServerOptions options;
  options.client_ca_path = folder + "/ca.pem";
  EXPECT_THAT(HttpServer::Start(options, router_).status().message(), HasSubstr("ca.pem"));
  options.certificate_path = folder + "/cert.pem";
  options.private_key_path = folder + "/key.pem";
  MakeCertificate(options.certificate_path, options.private_key_path, 1);
  std::ofstream(options.client_ca_path) << "no certificate";
  EXPECT_THAT(HttpServer::Start(options, router_).status().message(), HasSubstr("ca.pem"));
  MakeCertificate(options.client_ca_path, folder + "/ca-key.pem", 5);  // signs itself: CA and client in one
  MakeCertificate(folder + "/rogue.pem", folder + "/rogue-key.pem", 6);
  Start(options);
  EXPECT_EQ(SerialSeen(port_), "");
  EXPECT_EQ(SerialSeen(port_, folder + "/rogue.pem", folder + "/rogue-key.pem"), "");
  EXPECT_NE(SerialSeen(port_, options.client_ca_path, folder + "/ca-key.pem"), "");
  std::filesystem::remove_all(folder);
}

TEST_F(HttpServerTest, ABigBodyAsksTheLedgerFirst) {
  MemoryBudget memory(6 << 20);
  ServerOptions options;
  options.memory = &memory;
  Start(options);
  for (const size_t size : {size_t{1} << 20, size_t{2} << 20}) {
    Client client(port_);
    const std::string body(size, 'y');
    client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + body);
    EXPECT_THAT(client.Receive(), StartsWith(size == 1 << 20 ? "HTTP/1.1 200" : "HTTP/1.1 507"));
  }
  server_.reset();
  EXPECT_EQ(memory.used_bytes(), 0u);
}

TEST_F(HttpServerTest, SpeaksTls) {
  const std::string folder = ::testing::TempDir() + "saker_http_tls_" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  ServerOptions options;
  options.certificate_path = folder + "/cert.pem";
  options.private_key_path = folder + "/key.pem";
  EXPECT_THAT(HttpServer::Start(options, router_).status().message(), HasSubstr("cert.pem"));
  MakeCertificate(options.certificate_path, options.private_key_path);
  Start(options);

  Client client(port_);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, client.fd());
  ASSERT_EQ(SSL_connect(ssl), 1);
  const std::string body(3 << 20, 'y');
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  ASSERT_EQ(SSL_write(ssl, request.data(), static_cast<int>(request.size())), static_cast<int>(request.size()));
  std::string answer;
  char bytes[16384];
  for (int n; (n = SSL_read(ssl, bytes, sizeof(bytes))) > 0;) answer.append(bytes, static_cast<size_t>(n));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(answer.ends_with(body));
  SSL_free(ssl);
  SSL_CTX_free(context);

  Client plain(port_);
  plain.Send(kHello);
  EXPECT_THAT(plain.Receive(), ::testing::Not(HasSubstr("200 OK")));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace saker::http
