#include "server/auth/password.h"

#include <argon2.h>
#include <openssl/rand.h>

#include "common/check.h"

namespace saker::auth {

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1);
  return bytes;
}

std::string RandomPassword() {
  constexpr std::string_view kLetters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
  constexpr size_t kLength = 24;
  constexpr size_t kFair = 256 / kLetters.size() * kLetters.size();  // beyond it some letters would be likelier
  std::string password;
  while (password.size() < kLength) {
    for (const char c : RandomBytes(32)) {
      const auto value = static_cast<uint8_t>(c);
      if (value < kFair && password.size() < kLength) password.push_back(kLetters[value % kLetters.size()]);
    }
  }
  return password;
}

Result<std::string> HashPassword(std::string_view password, PasswordCost cost) {
  constexpr uint32_t kSaltBytes = 16, kHashBytes = 32;
  const std::string salt = RandomBytes(kSaltBytes);
  std::string text(argon2_encodedlen(cost.passes, cost.memory_kib, 1, kSaltBytes, kHashBytes, Argon2_id), '\0');
  const int error = argon2id_hash_encoded(cost.passes, cost.memory_kib, 1, password.data(), password.size(), salt.data(), salt.size(),
                                          kHashBytes, text.data(), text.size());
  if (error != ARGON2_OK)
    return ResourceExhausted("a password cannot be hashed with ", cost.memory_kib, " KiB: ", argon2_error_message(error));
  text.resize(text.find('\0'));
  return text;
}

bool VerifyPassword(const std::string& hash, std::string_view password) {
  return argon2id_verify(hash.c_str(), password.data(), password.size()) == ARGON2_OK;
}

}  // namespace saker::auth
