// Non-blocking bytes over one socket, plain or with TLS: the state machine above it is the same for both.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string>

#include "common/result.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace saker::http {

// What a step came to: bytes moved, or what to wait for.
struct IoStep {
  enum class Outcome { kDone, kWaitRead, kWaitWrite, kClosed, kFailed };
  Outcome outcome = Outcome::kFailed;
  size_t bytes = 0;
};

// Does not own the socket. Used by one thread.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual IoStep Handshake() = 0;
  virtual IoStep Read(char* to, size_t size) = 0;  // kDone with at least one byte
  virtual IoStep Write(const iovec* parts, int count) = 0;
  virtual void SayGoodbye() = 0;
};

std::unique_ptr<Transport> MakePlainTransport(int fd);

// A server's certificate; shared by all its connections.
class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> Create(const std::string& certificate_path, const std::string& private_key_path);
  ~TlsContext();
  std::unique_ptr<Transport> MakeTransport(int fd);

 private:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

}  // namespace saker::http
