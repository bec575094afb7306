// Accepts connections on one TCP port and gives each socket to whom its first bytes name.
//
// Nothing is consumed: a socket is handed over non-blocking with all its bytes unread. One thread; a connection that does
// not say what it is within the timeout, that talks garbage, or that comes while the limit of open connections is reached
// is closed. Sockets that were handed over count as open until their new owner closes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/result.h"

namespace saker::rpc {

class Listener {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    uint16_t port = 0;
    bool tls = false;
    size_t max_connections = 20000;
    std::chrono::milliseconds first_bytes_timeout{10000};
  };
  // Both are called on the listener's thread, own the socket, and must not block.
  struct Receivers {
    std::function<void(int fd)> grpc;
    std::function<void(int fd, bool tls)> http;
  };

  // Unavailable when the port cannot be had, naming it and the way out.
  static Result<std::unique_ptr<Listener>> Start(Options options, Receivers receivers);
  virtual ~Listener() = default;

  virtual uint16_t port() const = 0;
  // Closes the port and the connections that are still unknown; joins the thread. May be called twice.
  virtual void Stop() = 0;
};

}  // namespace saker::rpc
