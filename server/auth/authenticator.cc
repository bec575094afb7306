#include "server/auth/authenticator.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/log.h"
#include "common/metrics.h"
#include "server/auth/base64.h"
#include "server/auth/credential_cache.h"
#include "server/auth/failure_delay.h"
#include "server/auth/password.h"
#include "server/auth/privileges.h"
#include "server/auth/user_rules.h"
#include "server/schema/error.h"

namespace saker::auth {
namespace {

struct Credential {
  std::string user;
  std::string password;
};

Status MissingCredential() {
  return Unauthenticated("missing authorization in header");
}
Status WrongCredential() {
  return Unauthenticated("auth check failure, please check username and password are correct");
}

std::optional<Credential> Split(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  return Credential{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

std::optional<Credential> SplitBase64(std::string_view text) {
  const std::optional<std::string> decoded = DecodeBase64(text);
  return decoded ? Split(*decoded) : std::nullopt;
}

std::optional<Credential> SplitHttp(std::string_view header) {
  const size_t space = header.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  std::string scheme(header.substr(0, space));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string_view value = header.substr(std::min(header.find_first_not_of(' ', space), header.size()));
  if (scheme == "bearer") return Split(value);
  if (scheme == "basic") return SplitBase64(value);
  return std::nullopt;
}

// "ipv4:10.0.0.1:41234" without the port.
std::string AddressOf(std::string_view peer) {
  return std::string(peer.substr(0, peer.rfind(':')));
}

Result<std::string> ReadPasswordFile(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return InvalidArgument("cannot read root's password file ", path, ": ", std::strerror(errno));
  if ((info.st_mode & S_IRWXO) != 0) return InvalidArgument("root's password file ", path, " may be read by others: chmod o= ", path);
  std::ifstream in(path);
  std::string password;
  if (!std::getline(in, password)) return InvalidArgument("root's password file ", path, " is empty");
  if (!password.empty() && password.back() == '\r') password.pop_back();
  return password;
}

class StoreAuthenticator final : public Authenticator {
 public:
  StoreAuthenticator(AuthOptions options, UserStore& store) : options_(std::move(options)), store_(store) {}

  Status Open() {
    if (!options_.enabled) return OkStatus();
    // Somebody to compare with when the user is unknown, so that the answer takes as long.
    nobody_ = TRY(HashPassword(RandomPassword(), Cost()));
    if (TRY(store_.Get(std::string(kRootUser)))) {
      if (!options_.root_password_file.empty() || !options_.root_password.empty()) {
        Log(kInfo, "root has a password already; the configured first password is not used");
      }
      return OkStatus();
    }
    std::string password = options_.root_password;
    if (!options_.root_password_file.empty()) password = TRY(ReadPasswordFile(options_.root_password_file));
    if (password.empty()) {
      password = RandomPassword();
      generated_ = password;
      if (options_.announce) options_.announce(password);
    }
    TRY(CheckPassword(password));
    const std::string hash = TRY(HashPassword(password, Cost()));
    return store_.Put(std::string(kRootUser), hash);
  }

  bool enabled() const override { return options_.enabled; }
  const std::optional<std::string>& generated_root_password() const override { return generated_; }

  std::optional<Result<Caller>> TryAuthenticateGrpc(std::optional<std::string_view> authorization, std::string_view peer) override {
    if (!options_.enabled) return Result<Caller>(Caller{});
    if (!authorization || authorization->empty()) return Result<Caller>(MissingCredential());
    return TryCredential(SplitBase64(*authorization), peer);
  }

  Result<Caller> AuthenticateGrpc(std::optional<std::string_view> authorization, std::string_view peer) override {
    if (!options_.enabled) return Caller{};
    if (!authorization || authorization->empty()) return MissingCredential();
    return CheckCredential(SplitBase64(*authorization), peer);
  }

  Result<Caller> AuthenticateHttp(std::optional<std::string_view> authorization, std::string_view peer) override {
    if (!options_.enabled) return Caller{};
    if (!authorization || authorization->empty()) return MissingCredential();
    return CheckCredential(SplitHttp(*authorization), peer);
  }

  Status Authorize(const Caller& caller, std::string_view method, std::string_view database) override {
    if (!options_.enabled) return OkStatus();
    const MethodPrivilege* privilege = FindPrivilege(method);
    if (privilege != nullptr && (privilege->access == Access::kAnyUser || caller.user == kRootUser)) return OkStatus();
    Log(kWarning, "permission denied", {{"user", caller.user}, {"method", method}});
    const std::string_view name = privilege == nullptr ? method : privilege->privilege;
    return PermissionDenied("Privilege", name, ": permission deny to ", caller.user, " in the `", database, "` database");
  }

  Status CreateUser(const Caller& caller, const std::string& user, const std::string& password) override {
    TRY(RequireRoot(caller, "create users"));
    TRY(CheckUserName(user));
    TRY(CheckPassword(password));
    MutexLock lock(change_);
    if (TRY(store_.Get(user))) return MilvusError(MilvusErrorCode::kUnexpected, "user already exists: ", user);
    constexpr size_t kMaxUsers = 100000;
    if (TRY(store_.List()).size() >= kMaxUsers) {
      return MilvusError(MilvusErrorCode::kUnexpected, "unable to add user because the number of users has reached the limit of ",
                         kMaxUsers);
    }
    return store_.Put(user, TRY(HashPassword(password, Cost())));
  }

  Status UpdatePassword(const Caller& caller, const std::string& user, const std::string& old_password,
                        const std::string& new_password) override {
    const bool own = caller.user == user;
    if (!own) TRY(RequireRoot(caller, "change the passwords of others"));
    TRY(CheckPassword(new_password));
    // Root may give another user a new password without knowing the old one.
    const bool reset = options_.enabled && !own && old_password.empty();
    MutexLock lock(change_);
    const std::optional<std::string> hash = TRY(store_.Get(user));
    if (!hash || (!reset && !VerifyPassword(*hash, old_password))) {
      return MilvusError(MilvusErrorCode::kUnexpected, "old password not correct for ", user);
    }
    const std::string new_hash = TRY(HashPassword(new_password, Cost()));
    TRY(store_.Put(user, new_hash));
    cache_.Forget(user);
    return OkStatus();
  }

  Status DeleteUser(const Caller& caller, const std::string& user) override {
    TRY(RequireRoot(caller, "delete users"));
    if (user == kRootUser)
      return MilvusError(MilvusErrorCode::kPrivilegeNotPermitted, "root user cannot be deleted: privilege not permitted");
    MutexLock lock(change_);
    TRY(store_.Delete(user));
    cache_.Forget(user);
    return OkStatus();
  }

  Result<std::vector<std::string>> ListUsers(const Caller& caller) override {
    TRY(RequireRoot(caller, "list users"));
    return store_.List();
  }

 private:
  PasswordCost Cost() const { return {options_.argon2_memory_kib, options_.argon2_passes}; }

  Status RequireRoot(const Caller& caller, std::string_view what) const {
    if (!options_.enabled || caller.user == kRootUser) return OkStatus();
    return MilvusError(MilvusErrorCode::kPrivilegeNotPermitted, "only root may ", what, ", not ", caller.user, ": privilege not permitted");
  }

  std::optional<Result<Caller>> TryCredential(const std::optional<Credential>& credential, std::string_view peer) {
    if (!credential) return Result<Caller>(Failure("", peer));
    if (cache_.Holds(credential->user, credential->password)) return Result<Caller>(Caller{credential->user});
    if (delay_.MustWait(credential->user + "@" + AddressOf(peer), FailureDelay::Clock::now())) {
      failures_.Add();
      return Result<Caller>(WrongCredential());
    }
    return std::nullopt;
  }

  Result<Caller> CheckCredential(const std::optional<Credential>& credential, std::string_view peer) {
    if (auto known = TryCredential(credential, peer)) return *std::move(known);
    // Argon2id takes memory and a core: one at a time, few in line, and who waited looks again at what the one before found.
    constexpr int kMaxWaiting = 8;
    struct Ticket {
      explicit Ticket(std::atomic<int>& c) : count(c) { ++count; }
      ~Ticket() { --count; }
      std::atomic<int>& count;
    } ticket(waiting_);
    if (waiting_.load() > kMaxWaiting) return Unavailable("too many credentials are being checked, try again");
    MutexLock lock(check_);
    if (auto known = TryCredential(credential, peer)) return *std::move(known);
    const uint64_t version = cache_.Version();
    const std::optional<std::string> hash = TRY(store_.Get(credential->user));
    const bool good = VerifyPassword(hash ? *hash : nobody_, credential->password) && hash.has_value();
    const std::string who = credential->user + "@" + AddressOf(peer);
    if (!good) {
      delay_.Failed(who, FailureDelay::Clock::now());
      return Failure(credential->user, peer);
    }
    delay_.Succeeded(who);
    cache_.Remember(credential->user, credential->password, version);
    return Caller{credential->user};
  }

  Status Failure(std::string_view user, std::string_view peer) {
    failures_.Add();
    Log(kWarning, "authentication failed", {{"user", user.substr(0, 64)}, {"peer", peer}});
    return WrongCredential();
  }

  const AuthOptions options_;
  UserStore& store_;
  std::string nobody_;
  std::optional<std::string> generated_;
  CredentialCache cache_;
  FailureDelay delay_;
  Counter& failures_ = GetCounter("saker_auth_failures_total", "Credentials that were refused.");
  std::atomic<int> waiting_{0};
  Mutex check_;
  Mutex change_;  // one change of users at a time
};

}  // namespace

Result<std::unique_ptr<Authenticator>> CreateAuthenticator(AuthOptions options, UserStore& store) {
  auto authenticator = std::make_unique<StoreAuthenticator>(std::move(options), store);
  TRY(authenticator->Open());
  return std::unique_ptr<Authenticator>(std::move(authenticator));
}

}  // namespace saker::auth
