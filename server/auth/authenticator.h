// Who is calling and what may they do: users, passwords, and the table of what each call needs.
//
// While it is off every call passes and tokens are not looked at. Passwords are stored as Argon2id; because each request
// carries one, a good credential is remembered for a minute under a keyed hash. A wrong password and an unknown user get
// the same answer in about the same time. Until roles exist, only `root` changes users; a user may change its own
// password. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "server/auth/user_store.h"

namespace saker::auth {

inline constexpr std::string_view kRootUser = "root";

struct AuthOptions {
  bool enabled = false;
  // How root's password is found when the store has no root yet: the file, then the text (from the environment), else a
  // new one is made and told once: to `announce` before it is stored, since a start may still fail afterwards, and through
  // `generated_root_password`. A store that has root keeps root's password.
  std::string root_password_file;
  std::string root_password;
  std::function<void(const std::string& password)> announce;
  uint32_t argon2_memory_kib = 19 * 1024;
  uint32_t argon2_passes = 2;
};

// A caller whose credential was good. The user is empty while authentication is off.
struct Caller {
  std::string user;
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;

  virtual bool enabled() const = 0;
  // Set when this start created root with a generated password; main prints it.
  virtual const std::optional<std::string>& generated_root_password() const = 0;

  // The value of gRPC's `authorization` metadata, base64 of "user:password"; nullopt when there was none.
  // Unauthenticated with Milvus' texts. About 30 ms on a miss of the cache: not for a network thread.
  virtual Result<Caller> AuthenticateGrpc(std::optional<std::string_view> authorization, std::string_view peer) = 0;
  // The value of HTTP's `Authorization`: "Bearer user:password" or "Basic base64(user:password)".
  virtual Result<Caller> AuthenticateHttp(std::optional<std::string_view> authorization, std::string_view peer) = 0;
  // The answer of the two above without any slow work, or nullopt when slow work is needed. Never blocks long.
  virtual std::optional<Result<Caller>> TryAuthenticateGrpc(std::optional<std::string_view> authorization, std::string_view peer) = 0;

  // May the caller use this method of MilvusService ("Search")? PermissionDenied with Milvus' text otherwise. A method
  // that is not in the table is refused.
  virtual Status Authorize(const Caller& caller, std::string_view method, std::string_view database) = 0;

  // Users. Errors carry Milvus' codes and texts.
  virtual Status CreateUser(const Caller& caller, const std::string& user, const std::string& password) = 0;
  virtual Status UpdatePassword(const Caller& caller, const std::string& user, const std::string& old_password,
                                const std::string& new_password) = 0;
  virtual Status DeleteUser(const Caller& caller, const std::string& user) = 0;
  virtual Result<std::vector<std::string>> ListUsers(const Caller& caller) = 0;
};

// `store` must outlive the authenticator. Creates root when authentication is on and the store has none.
Result<std::unique_ptr<Authenticator>> CreateAuthenticator(AuthOptions options, UserStore& store);

}  // namespace saker::auth
