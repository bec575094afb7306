// Non-blocking bytes over one socket, plain or with TLS: the state machine above it is the same for both.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "common/mutex.h"
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

struct TlsFiles {
  std::string certificate_path;
  std::string private_key_path;
  std::string client_ca_path;  // clients must then show a certificate that it signed; empty: they need none
};

// A server's certificate; shared by all its connections. Thread-safe.
class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> Create(TlsFiles files);
  std::unique_ptr<Transport> MakeTransport(int fd) EXCLUDES(mutex_);
  // Looks whether a file was replaced; new connections then get what is in the files now. When that cannot be used, as
  // between the writes of a certificate and its key, the old one stays and the next call tries again.
  Status Refresh() EXCLUDES(mutex_);

 private:
  using Context = std::shared_ptr<SSL_CTX>;
  TlsContext(TlsFiles files, std::string seen, Context context)
      : files_(std::move(files)), seen_(std::move(seen)), context_(std::move(context)) {}
  static Result<Context> Load(const TlsFiles& files);

  const TlsFiles files_;
  Mutex mutex_;
  std::string seen_ GUARDED_BY(mutex_);  // identities of the files that context_ was made from
  Context context_ GUARDED_BY(mutex_);
};

}  // namespace saker::http
