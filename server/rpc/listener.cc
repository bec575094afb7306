#include "server/rpc/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <thread>
#include <unordered_map>

#include "common/log.h"
#include "common/metrics.h"
#include "server/rpc/first_bytes.h"

namespace saker::rpc {
namespace {

using Clock = std::chrono::steady_clock;

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() { Close(); }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

// Every connection is a descriptor, and the files of the storage want theirs too.
void RaiseDescriptorLimit(size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, connections + 16384);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    Log(kWarning, "descriptor limit not raised", {{"wanted", wanted}, {"error", std::strerror(errno)}});
  }
}

// The number that names a socket as long as it exists; 0 when the descriptor is not a socket (any more).
ino_t SocketIdentity(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

Result<FileDescriptor> Bind(const std::string& address, uint16_t port) {
  const std::string service = std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(address.c_str(), service.c_str(), &hints, &found); error != 0) {
    return Unavailable("cannot listen on ", address, ":", port, ": ", gai_strerror(error),
                       "; give an address of this machine with --address");
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  FileDescriptor fd(socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1, off = 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (found->ai_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || listen(fd.get(), 4096) != 0) {
    const int error = errno;
    return Unavailable(
        "cannot listen on ", address, ":", port, ": ", std::strerror(error),
        error == EADDRINUSE ? "; stop what uses the port or choose another with --port" : "; choose another with --address or --port");
  }
  return fd;
}

uint16_t BoundPort(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

class EpollListener final : public Listener {
 public:
  EpollListener(Options options, Receivers receivers, FileDescriptor listening)
      : options_(std::move(options)),
        receivers_(std::move(receivers)),
        listening_(std::move(listening)),
        port_(BoundPort(listening_.get())),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        spare_(open("/dev/null", O_RDONLY | O_CLOEXEC)) {
    Watch(listening_.get(), EPOLLIN);
    Watch(wake_.get(), EPOLLIN);
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "listener");
      Run();
    });
  }
  ~EpollListener() override { Stop(); }

  uint16_t port() const override { return port_; }

  void Stop() override {
    if (!thread_.joinable()) return;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
    thread_.join();
    listening_.Close();
    for (const auto& [fd, since] : unknown_) close(fd);
    unknown_.clear();
  }

 private:
  struct Waiting {
    int fd;
    Clock::time_point since;
  };

  void Watch(int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void Run() {
    std::array<epoll_event, 256> events;
    while (true) {
      const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), WaitMs());
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.fd == wake_.get()) return;
        if (event.data.fd == listening_.get()) {
          Accept();
        } else {
          Look(event.data.fd, (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
        }
      }
      CloseSilent();
    }
  }

  int WaitMs() const {
    if (queue_.empty()) return -1;
    const auto left = queue_.front().since + options_.first_bytes_timeout - Clock::now();
    return static_cast<int>(std::clamp<int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 0, 60000));
  }

  void Accept() {
    // A burst must not starve those who already wait.
    for (int i = 0; i < 1024; ++i) {
      const int fd = accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE) RefuseWithoutDescriptor();
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return;
      }
      if (!HasRoom()) {
        refused_.Add();
        close(fd);
        continue;
      }
      accepted_.Add();
      open_[fd] = SocketIdentity(fd);
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      const Clock::time_point now = Clock::now();
      unknown_[fd] = now;
      queue_.push_back({fd, now});
      // Edge-triggered: half a preface stays readable and would spin otherwise.
      Watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    }
  }

  // Out of descriptors: a pending connection would make the port readable for ever. The spare one lets it be closed.
  void RefuseWithoutDescriptor() {
    spare_.Close();
    const int fd = accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    spare_ = FileDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
    refused_.Add();
    Log(kWarning, "connection refused: out of file descriptors");
  }

  bool HasRoom() {
    if (open_.size() < options_.max_connections) return true;
    // New owners close their sockets without telling: count again, at most once a second.
    const Clock::time_point now = Clock::now();
    if (now - counted_ < std::chrono::seconds(1)) return false;
    counted_ = now;
    std::erase_if(open_, [](const auto& entry) { return SocketIdentity(entry.first) != entry.second; });
    if (open_.size() < options_.max_connections) return true;
    Log(kWarning, "connection refused: too many are open", {{"limit", options_.max_connections}});
    return false;
  }

  void Look(int fd, bool closing) {
    if (!unknown_.contains(fd)) return;
    const ssize_t size = recv(fd, buffer_.data(), options_.tls ? buffer_.size() : kPlainBytes, MSG_PEEK);
    if (size < 0 && (errno == EAGAIN || errno == EINTR) && !closing) return;
    if (size <= 0) return Forget(fd, true);
    const std::string_view bytes(buffer_.data(), static_cast<size_t>(size));
    switch (options_.tls ? ClassifyTls(bytes) : ClassifyPlain(bytes)) {
      case Peer::kGarbage: return Forget(fd, true);
      case Peer::kUnknownYet:
        if (closing) Forget(fd, true);
        return;
      case Peer::kGrpc: Forget(fd, false); return receivers_.grpc(fd);
      case Peer::kHttp: Forget(fd, false); return receivers_.http(fd, options_.tls);
    }
  }

  void Forget(int fd, bool and_close) {
    unknown_.erase(fd);
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    if (!and_close) return;
    open_.erase(fd);
    close(fd);
  }

  // The queue is in order of arrival; entries whose connection has moved on are stale.
  void CloseSilent() {
    const Clock::time_point now = Clock::now();
    while (!queue_.empty()) {
      const auto [fd, since] = queue_.front();
      const auto found = unknown_.find(fd);
      if (found != unknown_.end() && found->second == since) {
        if (since + options_.first_bytes_timeout > now) return;
        Forget(fd, true);
      }
      queue_.pop_front();
    }
  }

  static constexpr size_t kPlainBytes = 24;

  const Options options_;
  const Receivers receivers_;
  FileDescriptor listening_;
  const uint16_t port_;
  FileDescriptor epoll_;
  FileDescriptor wake_;
  FileDescriptor spare_;
  std::thread thread_;
  // Of the thread only.
  std::array<char, kMaxFirstBytes> buffer_;
  std::unordered_map<int, Clock::time_point> unknown_;
  std::deque<Waiting> queue_;
  std::unordered_map<int, ino_t> open_;
  Clock::time_point counted_;
  Counter& accepted_ = GetCounter("saker_rpc_connections_accepted_total", "connections taken on the public port");
  Counter& refused_ = GetCounter("saker_rpc_connections_refused_total", "connections closed at once: too many were open");
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Start(Options options, Receivers receivers) {
  RaiseDescriptorLimit(options.max_connections);
  FileDescriptor fd = TRY(Bind(options.address, options.port));
  return std::unique_ptr<Listener>(std::make_unique<EpollListener>(std::move(options), std::move(receivers), std::move(fd)));
}

}  // namespace saker::rpc
