#include "server/http/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/mutex.h"
#include "server/http/connection.h"

namespace saker::http {

namespace asio = boost::asio;

namespace {

// A descriptor to accept on, or the Status that names the address.
Result<int> OpenListener(const std::string& address, uint16_t port) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    size = sizeof(*v4);
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    size = sizeof(*v6);
  } else {
    return InvalidArgument("'", address, "' is not an IPv4 or IPv6 address");
  }
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Unavailable("no socket for ", address, " port ", port, ": ", std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0 || ::listen(fd, 4096) != 0) {
    const int error = errno;
    ::close(fd);
    return Unavailable("cannot listen on ", address, " port ", port, ": ", std::strerror(error));
  }
  return fd;
}

uint16_t PortOf(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
}

// A handler on a network thread throws only when memory is out; that one is lost, the thread goes on.
void RunContext(asio::io_context& context) {
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::exception& error) { Log(kError, "a network thread caught an exception", {{"error", error.what()}}); }
  }
}

}  // namespace

// One thread with its connections, its clock and perhaps a listening socket.
struct Runner {
  IoThread io;
  asio::steady_timer tick{io.context};
  asio::steady_timer accept_pause{io.context};
  std::vector<std::unique_ptr<asio::posix::stream_descriptor>> listeners;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.context.get_executor()};
  std::thread thread;
};

class HttpServer::State {
 public:
  State(ServerOptions options, const Router& router) : shared(options, router) {}

  void Begin() {
    for (int i = 0; i < shared.options.io_threads; ++i) runners.push_back(std::make_unique<Runner>());
    for (auto& runner : runners) {
      Tick(*runner);
      runner->thread = std::thread([this, r = runner.get()] {
        ::pthread_setname_np(::pthread_self(), (shared.options.name.substr(0, 12) + "-io").c_str());
        RunContext(r->io.context);
      });
    }
  }

  void Adopt(int fd, bool tls, std::string already_read);
  void Accept(Runner& runner, asio::posix::stream_descriptor& listener);
  void Shutdown(std::chrono::steady_clock::time_point deadline);

  Shared shared;
  std::vector<std::unique_ptr<Runner>> runners;
  std::atomic<size_t> next{0};
  std::chrono::steady_clock::time_point looked = std::chrono::steady_clock::now();
  Mutex shutdown_mutex;
  bool stopped GUARDED_BY(shutdown_mutex) = false;

 private:
  void Tick(Runner& runner) {
    runner.tick.expires_after(std::chrono::milliseconds(250));
    runner.tick.async_wait([this, &runner](const boost::system::error_code& error) {
      if (error) return;
      const auto now = std::chrono::steady_clock::now();
      // A copy of the pointers: a check may end a connection and so change the set.
      std::vector<std::shared_ptr<Connection>> all(runner.io.connections.begin(), runner.io.connections.end());
      for (const auto& connection : all) connection->CheckDeadline(now);
      if (&runner == runners.front().get()) LookAtCertificate(now);
      Tick(runner);
    });
  }

  // On the first network thread only.
  void LookAtCertificate(std::chrono::steady_clock::time_point now) {
    if (shared.tls == nullptr || now - looked < shared.options.certificate_check) return;
    looked = now;
    const Status status = shared.tls->Refresh();
    if (!status.ok()) Log(kWarning, "the new certificate is not used yet; the old one stays", {{"reason", status.message()}});
  }

  // Runs `action` for every connection of every thread, each on its own thread, without waiting.
  void ForEach(void (Connection::*action)()) {
    for (auto& runner : runners) {
      asio::post(runner->io.context, [r = runner.get(), action] {
        std::vector<std::shared_ptr<Connection>> all(r->io.connections.begin(), r->io.connections.end());
        for (const auto& connection : all) ((*connection).*action)();
      });
    }
  }
};

void HttpServer::State::Adopt(int fd, bool tls, std::string already_read) {
  if (shared.draining.load() || shared.connections.load(std::memory_order_relaxed) >= shared.options.max_connections ||
      (tls && shared.tls == nullptr)) {
    shared.refused.Add();
    ::close(fd);
    return;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  Runner& runner = *runners[next.fetch_add(1, std::memory_order_relaxed) % runners.size()];
  // Held until it runs, so that a server that stops first still closes the socket.
  auto holder = std::shared_ptr<int>(new int(fd), [](int* held) {
    if (*held >= 0) ::close(*held);
    delete held;
  });
  asio::post(runner.io.context, [this, &runner, holder, tls, already_read = std::move(already_read)]() mutable {
    auto connection = std::make_shared<Connection>(shared, runner.io, std::exchange(*holder, -1), tls, std::move(already_read));
    runner.io.connections.insert(connection);
    connection->Start();
  });
}

void HttpServer::State::Accept(Runner& runner, asio::posix::stream_descriptor& listener) {
  listener.async_wait(asio::posix::stream_descriptor::wait_read, [this, &runner, &listener](const boost::system::error_code& error) {
    if (error || shared.draining.load()) return;
    for (int i = 0; i < 64; ++i) {
      const int fd = ::accept4(listener.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        Adopt(fd, shared.tls != nullptr, {});
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) continue;
      Log(kWarning, "cannot accept a connection", {{"server", shared.options.name}, {"error", std::strerror(errno)}});
      runner.accept_pause.expires_after(std::chrono::milliseconds(100));
      runner.accept_pause.async_wait([this, &runner, &listener](const boost::system::error_code& stopped_early) {
        if (!stopped_early) Accept(runner, listener);
      });
      return;
    }
    Accept(runner, listener);
  });
}

void HttpServer::State::Shutdown(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(shutdown_mutex);
  if (stopped) return;
  stopped = true;
  shared.draining.store(true);
  for (auto& runner : runners) {
    asio::post(runner->io.context, [r = runner.get()] { r->listeners.clear(); });
  }
  ForEach(&Connection::Drain);
  while (shared.connections.load() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // Cancels what still runs; its answers are then posted to nobody.
  ForEach(&Connection::Close);
  shared.pool.Shutdown();
  for (auto& runner : runners) {
    asio::post(runner->io.context, [r = runner.get()] {
      r->tick.cancel();
      r->accept_pause.cancel();
      r->work.reset();
      r->io.context.stop();
    });
  }
  for (auto& runner : runners) runner->thread.join();
  for (auto& runner : runners) runner->io.connections.clear();
  runners.clear();
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() {
  Shutdown(std::chrono::steady_clock::now());
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(ServerOptions options, const Router& router) {
  std::shared_ptr<TlsContext> tls;
  if (options.certificate_path.empty() != options.private_key_path.empty()) {
    return InvalidArgument("TLS needs both a certificate and a private key; only one of them was given");
  }
  if (options.certificate_path.empty() && !options.client_ca_path.empty()) {
    return InvalidArgument("the clients' CA ", options.client_ca_path, " means nothing without a certificate and a private key");
  }
  if (!options.certificate_path.empty()) {
    tls = TRY(TlsContext::Create({options.certificate_path, options.private_key_path, options.client_ca_path}));
    // OpenSSL writes without MSG_NOSIGNAL; a client that hangs up must not end the process.
    ::signal(SIGPIPE, SIG_IGN);
  }
  auto state = std::make_unique<State>(std::move(options), router);
  state->shared.tls = std::move(tls);
  state->Begin();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

void HttpServer::Adopt(int fd, bool tls, std::string already_read) {
  state_->Adopt(fd, tls, std::move(already_read));
}

Result<uint16_t> HttpServer::Listen(const std::string& address, uint16_t port) {
  const int fd = TRY(OpenListener(address, port));
  Runner& runner = *state_->runners.front();
  const uint16_t bound = PortOf(fd);
  asio::post(runner.io.context, [state = state_.get(), &runner, fd] {
    runner.listeners.push_back(std::make_unique<asio::posix::stream_descriptor>(runner.io.context, fd));
    state->Accept(runner, *runner.listeners.back());
  });
  return bound;
}

void HttpServer::Shutdown(std::chrono::steady_clock::time_point deadline) {
  state_->Shutdown(deadline);
}

size_t HttpServer::connection_count() const {
  return state_->shared.connections.load(std::memory_order_relaxed);
}

}  // namespace saker::http
