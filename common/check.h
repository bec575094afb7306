// CHECK: what only a bug can break. On in release too; never for input, disk or network.
#pragma once

namespace saker::internal {
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);
}  // namespace saker::internal

#define CHECK(expression) \
  (static_cast<bool>(expression) ? static_cast<void>(0) : ::saker::internal::CheckFailed(#expression, __FILE__, __LINE__))
