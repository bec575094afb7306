// Remembers for a minute that a credential was good, so that not every request pays for Argon2id.
//
// Keeps no password: an HMAC-SHA-256 under a key that is random per process. Bounded; thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/mutex.h"

namespace saker::auth {

class CredentialCache {
 public:
  CredentialCache();

  bool Holds(std::string_view user, std::string_view password) const EXCLUDES(mutex_);
  // `version` is what Version() told before the credential was checked: a change in between makes this do nothing.
  void Remember(std::string_view user, std::string_view password, uint64_t version) EXCLUDES(mutex_);
  uint64_t Version() const EXCLUDES(mutex_);
  void Forget(const std::string& user) EXCLUDES(mutex_);

 private:
  using Clock = std::chrono::steady_clock;
  struct Good {
    std::string mac;
    Clock::time_point until;
  };
  static constexpr std::chrono::seconds kLifetime{60};
  static constexpr size_t kMaxUsers = 10000;

  std::string Mac(std::string_view user, std::string_view password) const;

  const std::string key_;
  mutable Mutex mutex_;
  std::unordered_map<std::string, Good> good_ GUARDED_BY(mutex_);
  uint64_t version_ GUARDED_BY(mutex_) = 0;
};

}  // namespace saker::auth
