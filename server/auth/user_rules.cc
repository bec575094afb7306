#include "server/auth/user_rules.h"

#include "server/schema/error.h"

namespace saker::auth {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

template <typename... Parts>
Status Invalid(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kInvalidParameter, parts..., ": invalid parameter");
}

}  // namespace

Status CheckUserName(const std::string& user) {
  constexpr size_t kMaxLength = 32;
  if (user.empty()) return Invalid("username must be not empty");
  if (user.size() > kMaxLength) {
    return Invalid("invalid user name ", user.substr(0, kMaxLength), "... with length ", user.size(),
                   ", the length of username must be less than ", kMaxLength + 1);
  }
  if (!IsLetter(user[0])) return Invalid("invalid user name ", user, ", the first character must be a letter, but got ", user[0]);
  for (const char c : user) {
    if (IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.') continue;
    return Invalid("invalid user name ", user, ", username must contain only numbers, letters, underscores, dots, and hyphens, but got ",
                   c);
  }
  return OkStatus();
}

Status CheckPassword(const std::string& password) {
  constexpr size_t kMin = 6, kMax = 72;
  if (password.size() >= kMin && password.size() <= kMax) return OkStatus();
  return Invalid("invalid password length: ", password.size(), " out of range ", kMin, " <= value <= ", kMax);
}

}  // namespace saker::auth
