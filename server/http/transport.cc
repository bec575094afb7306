#include "server/http/transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <cstring>

namespace saker::http {

namespace {

using Outcome = IoStep::Outcome;

class PlainTransport : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}
  IoStep Handshake() override { return {Outcome::kDone, 0}; }

  IoStep Read(char* to, size_t size) override {
    ssize_t n;
    do { n = ::recv(fd_, to, size, MSG_DONTWAIT); } while (n < 0 && errno == EINTR);
    if (n > 0) return {Outcome::kDone, static_cast<size_t>(n)};
    if (n == 0) return {Outcome::kClosed, 0};
    return {errno == EAGAIN || errno == EWOULDBLOCK ? Outcome::kWaitRead : Outcome::kFailed, 0};
  }

  IoStep Write(const iovec* parts, int count) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = static_cast<size_t>(count);
    ssize_t n;
    do { n = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL); } while (n < 0 && errno == EINTR);
    if (n >= 0) return {Outcome::kDone, static_cast<size_t>(n)};
    return {errno == EAGAIN || errno == EWOULDBLOCK ? Outcome::kWaitWrite : Outcome::kFailed, 0};
  }

  void SayGoodbye() override { ::shutdown(fd_, SHUT_WR); }

 private:
  const int fd_;
};

class TlsTransport : public Transport {
 public:
  explicit TlsTransport(SSL* ssl) : ssl_(ssl) {}
  ~TlsTransport() override { SSL_free(ssl_); }

  IoStep Handshake() override { return Step(SSL_accept(ssl_)); }
  IoStep Read(char* to, size_t size) override { return Step(SSL_read(ssl_, to, static_cast<int>(std::min<size_t>(size, INT_MAX)))); }

  IoStep Write(const iovec* parts, int count) override {
    size_t written = 0;
    for (int i = 0; i < count; ++i) {
      if (parts[i].iov_len == 0) continue;
      const auto size = static_cast<int>(std::min<size_t>(parts[i].iov_len, 1 << 20));
      const IoStep step = Step(SSL_write(ssl_, parts[i].iov_base, size));
      if (step.outcome != Outcome::kDone) return written > 0 ? IoStep{Outcome::kDone, written} : step;
      written += step.bytes;
      if (step.bytes < parts[i].iov_len) break;
    }
    return {Outcome::kDone, written};
  }

  void SayGoodbye() override {
    SSL_shutdown(ssl_);
    ERR_clear_error();
    ::shutdown(SSL_get_fd(ssl_), SHUT_WR);
  }

 private:
  IoStep Step(int n) {
    if (n > 0) return {Outcome::kDone, static_cast<size_t>(n)};
    const int error = SSL_get_error(ssl_, n);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ) return {Outcome::kWaitRead, 0};
    if (error == SSL_ERROR_WANT_WRITE) return {Outcome::kWaitWrite, 0};
    return {error == SSL_ERROR_ZERO_RETURN ? Outcome::kClosed : Outcome::kFailed, 0};
  }

  SSL* const ssl_;
};

std::string LastTlsError() {
  char text[256] = "unknown reason";
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  return text;
}

// What changes when a file is replaced or written.
std::string Identities(const TlsFiles& files) {
  std::string all;
  for (const std::string* path : {&files.certificate_path, &files.private_key_path, &files.client_ca_path}) {
    struct stat info {};
    if (path->empty() || ::stat(path->c_str(), &info) != 0) info = {};
    all += std::to_string(info.st_ino) + "/" + std::to_string(info.st_size) + "/" + std::to_string(info.st_mtim.tv_sec) + "." +
           std::to_string(info.st_mtim.tv_nsec) + " ";
  }
  return all;
}

// Offered protocols are length-prefixed names; a client that offers no http/1.1 gets no answer to its offer.
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned int in_size, void*) {
  static const unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kOurs, sizeof(kOurs) - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::unique_ptr<Transport> MakePlainTransport(int fd) {
  return std::make_unique<PlainTransport>(fd);
}

Result<TlsContext::Context> TlsContext::Load(const TlsFiles& files) {
  const Context owner(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* context = owner.get();
  if (context == nullptr) return Internal("OpenSSL gave no context: ", LastTlsError());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A short write may be repeated from another address, and idle connections give their buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate_path.c_str()) != 1) {
    return InvalidArgument("the certificate ", files.certificate_path, " cannot be used: ", LastTlsError());
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.private_key_path.c_str(), SSL_FILETYPE_PEM) != 1) {
    return InvalidArgument("the private key ", files.private_key_path, " cannot be used: ", LastTlsError());
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return InvalidArgument("the private key ", files.private_key_path, " does not belong to the certificate ", files.certificate_path);
  }
  if (files.client_ca_path.empty()) return owner;
  if (SSL_CTX_load_verify_locations(context, files.client_ca_path.c_str(), nullptr) != 1) {
    return InvalidArgument("the clients' CA ", files.client_ca_path, " cannot be used: ", LastTlsError());
  }
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(files.client_ca_path.c_str()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  static const unsigned char kSessions[] = "saker";  // OpenSSL resumes no verified session without a name
  SSL_CTX_set_session_id_context(context, kSessions, sizeof(kSessions) - 1);
  return owner;
}

Result<std::shared_ptr<TlsContext>> TlsContext::Create(TlsFiles files) {
  std::string seen = Identities(files);
  Context context = TRY(Load(files));
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(files), std::move(seen), std::move(context)));
}

Status TlsContext::Refresh() {
  std::string seen = Identities(files_);
  {
    MutexLock lock(mutex_);
    if (seen == seen_) return OkStatus();
  }
  Context context = TRY(Load(files_));
  MutexLock lock(mutex_);
  context_ = std::move(context);
  seen_ = std::move(seen);
  return OkStatus();
}

std::unique_ptr<Transport> TlsContext::MakeTransport(int fd) {
  SSL* ssl = nullptr;
  {
    MutexLock lock(mutex_);
    ssl = SSL_new(context_.get());  // holds on to the context
  }
  if (ssl == nullptr) return nullptr;
  if (SSL_set_fd(ssl, fd) != 1) {
    SSL_free(ssl);
    return nullptr;
  }
  return std::make_unique<TlsTransport>(ssl);
}

}  // namespace saker::http
