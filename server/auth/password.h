// Passwords as Argon2id texts ("$argon2id$v=19$m=...$salt$hash"): the text holds its own parameters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace saker::auth {

struct PasswordCost {
  uint32_t memory_kib = 19 * 1024;
  uint32_t passes = 2;
};

Result<std::string> HashPassword(std::string_view password, PasswordCost cost);
// In constant time with regard to the password. False for a broken hash text.
bool VerifyPassword(const std::string& hash, std::string_view password);

std::string RandomBytes(size_t count);
// Letters and digits; 24 of them are 142 bits.
std::string RandomPassword();

}  // namespace saker::auth
