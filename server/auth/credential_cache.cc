#include "server/auth/credential_cache.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/check.h"
#include "server/auth/password.h"

namespace saker::auth {

CredentialCache::CredentialCache() : key_(RandomBytes(32)) {}

std::string CredentialCache::Mac(std::string_view user, std::string_view password) const {
  std::string text(user);
  text.push_back('\0');  // no user name holds one
  text.append(password);
  std::string mac(32, '\0');
  unsigned size = 0;
  CHECK(HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
             reinterpret_cast<unsigned char*>(mac.data()), &size) != nullptr);
  OPENSSL_cleanse(text.data(), text.size());
  return mac;
}

bool CredentialCache::Holds(std::string_view user, std::string_view password) const {
  const std::string mac = Mac(user, password);
  MutexLock lock(mutex_);
  const auto found = good_.find(std::string(user));
  return found != good_.end() && found->second.until > Clock::now() && CRYPTO_memcmp(found->second.mac.data(), mac.data(), mac.size()) == 0;
}

void CredentialCache::Remember(std::string_view user, std::string_view password, uint64_t version) {
  std::string mac = Mac(user, password);
  MutexLock lock(mutex_);
  if (version != version_) return;
  if (good_.size() >= kMaxUsers) good_.clear();
  good_[std::string(user)] = {std::move(mac), Clock::now() + kLifetime};
}

uint64_t CredentialCache::Version() const {
  MutexLock lock(mutex_);
  return version_;
}

void CredentialCache::Forget(const std::string& user) {
  MutexLock lock(mutex_);
  ++version_;
  good_.erase(user);
}

}  // namespace saker::auth
