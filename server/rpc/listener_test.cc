#include "server/rpc/listener.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace saker::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class Client {
 public:
  explicit Client(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    const timeval timeout{5, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~Client() {
    if (fd_ >= 0) close(fd_);
  }
  void Send(std::string_view bytes) const { send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // The other side closed: an end or a reset, not a timeout.
  bool IsClosed() const {
    char byte;
    const ssize_t size = recv(fd_, &byte, 1, 0);
    return size == 0 || (size < 0 && errno == ECONNRESET);
  }
  bool connected() const { return connected_; }

 private:
  int fd_;
  bool connected_ = false;
};

class ListenerTest : public testing::Test {
 protected:
  void Start(Listener::Options options = {}) {
    auto started =
        Listener::Start(options, {.grpc = [this](int fd) { Take(fd, &grpc_); }, .http = [this](int fd, bool) { Take(fd, &http_); }});
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    listener_ = *std::move(started);
  }
  void Take(int fd, std::atomic<int>* count) {
    char first = 0;
    last_byte_ = recv(fd, &first, 1, 0) == 1 ? first : 0;
    close(fd);
    ++*count;
  }
  static bool Until(const std::function<bool()>& done) {
    const auto end = steady_clock::now() + std::chrono::seconds(5);
    while (!done() && steady_clock::now() < end) std::this_thread::sleep_for(milliseconds(2));
    return done();
  }

  std::unique_ptr<Listener> listener_;
  std::atomic<int> grpc_{0};
  std::atomic<int> http_{0};
  std::atomic<char> last_byte_{0};
};

TEST_F(ListenerTest, GivesEachSocketToWhomItSpeaksWithNothingRead) {
  Start();
  Client grpc(listener_->port());
  grpc.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore");
  EXPECT_TRUE(Until([&] { return grpc_ == 1; }));
  EXPECT_EQ(last_byte_, 'P');
  Client http(listener_->port());
  http.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(Until([&] { return http_ == 1; }));
  EXPECT_EQ(last_byte_, 'G');
}

TEST_F(ListenerTest, WaitsForThePrefaceThatComesInPieces) {
  Start();
  Client client(listener_->port());
  for (const char c : std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) {
    EXPECT_EQ(grpc_, 0);
    client.Send({&c, 1});
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_TRUE(Until([&] { return grpc_ == 1; }));
}

TEST_F(ListenerTest, ClosesGarbageAtOnce) {
  Start();
  for (const std::string garbage : {"\x16\x03\x01\x02", "SSH-2.0-x\r\n", "PRI * HTTP/9", "\r\n\r\n"}) {
    Client client(listener_->port());
    client.Send(garbage);
    EXPECT_TRUE(client.IsClosed()) << garbage;
  }
  EXPECT_EQ(grpc_ + http_, 0);
}

TEST_F(ListenerTest, ClosesTheSilentAndTheHalfHeardAfterTheTimeout) {
  Start({.first_bytes_timeout = milliseconds(100)});
  Client silent(listener_->port());
  Client half(listener_->port());
  half.Send("PRI * HT");
  const auto begin = steady_clock::now();
  EXPECT_TRUE(silent.IsClosed());
  EXPECT_TRUE(half.IsClosed());
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(3));
}

TEST_F(ListenerTest, BoundsOpenConnectionsAndRecovers) {
  Start({.max_connections = 8});
  std::vector<Client> idle;
  for (int i = 0; i < 8; ++i) idle.emplace_back(listener_->port());
  Client beyond(listener_->port());
  EXPECT_TRUE(beyond.IsClosed());
  idle.clear();
  EXPECT_TRUE(Until([&] {
    Client client(listener_->port());
    client.Send("GET / HTTP/1.1\r\n");
    return Until([&] { return http_ > 0; });
  }));
}

TEST_F(ListenerTest, ServesOthersWhileThousandsAreIdle) {
  Start({.max_connections = 5000});
  std::vector<Client> idle;
  for (int i = 0; i < 4000; ++i) {
    idle.emplace_back(listener_->port());
    if (!idle.back().connected()) {
      idle.pop_back();
      break;  // the machine's descriptor limit; what is open will do
    }
  }
  const auto begin = steady_clock::now();
  Client client(listener_->port());
  client.Send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(Until([&] { return http_ == 1; })) << idle.size();
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST_F(ListenerTest, SaysWhichPortIsTakenAndWhatToDo) {
  Start();
  const auto second = Listener::Start({.port = listener_->port()}, {});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(std::to_string(listener_->port())), std::string::npos);
  EXPECT_NE(second.status().message().find("--port"), std::string::npos);
}

TEST_F(ListenerTest, StopsWithConnectionsOpen) {
  Start();
  Client client(listener_->port());
  listener_->Stop();
  listener_->Stop();
  EXPECT_TRUE(client.IsClosed());
}

}  // namespace
}  // namespace saker::rpc
