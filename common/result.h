// Status and Result<T>: how every fallible call in Saker answers.
//
// A Status is either OK or a code with a message; a Result<T> is either a value or a non-OK Status. Codes are gRPC's
// canonical ones, so that each means one reaction: retry, fix the request, page someone. A message names the thing and
// both numbers. Values are immutable once made and may be passed between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "common/check.h"

namespace saker {

enum class StatusCode : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

std::string_view StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK, allocates nothing
  Status(StatusCode code, std::string message, int32_t detail_code = 0)
      : state_(code == StatusCode::kOk ? nullptr : std::make_shared<const State>(State{code, detail_code, std::move(message)})) {}

  bool ok() const { return state_ == nullptr; }
  StatusCode code() const { return ok() ? StatusCode::kOk : state_->code; }
  const std::string& message() const;
  // A dialect's own number for the error (a Milvus code such as 100 "collection not found"); 0 when none was given.
  int32_t detail_code() const { return ok() ? 0 : state_->detail_code; }
  std::string ToString() const;

 private:
  struct State {
    StatusCode code;
    int32_t detail_code;
    std::string message;
  };
  std::shared_ptr<const State> state_;
};

inline Status OkStatus() {
  return {};
}

namespace internal {
template <typename... Parts>
std::string Join(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}
}  // namespace internal

template <typename... Parts>
Status MakeStatus(StatusCode code, const Parts&... parts) {
  return Status(code, internal::Join(parts...));
}

// One function per code that the project uses; each takes the parts of the message.
#define SAKER_STATUS_FUNCTION(name)                   \
  template <typename... Parts>                        \
  Status name(const Parts&... parts) {                \
    return MakeStatus(StatusCode::k##name, parts...); \
  }
SAKER_STATUS_FUNCTION(Cancelled)
SAKER_STATUS_FUNCTION(InvalidArgument)
SAKER_STATUS_FUNCTION(DeadlineExceeded)
SAKER_STATUS_FUNCTION(NotFound)
SAKER_STATUS_FUNCTION(AlreadyExists)
SAKER_STATUS_FUNCTION(PermissionDenied)
SAKER_STATUS_FUNCTION(ResourceExhausted)
SAKER_STATUS_FUNCTION(FailedPrecondition)
SAKER_STATUS_FUNCTION(OutOfRange)
SAKER_STATUS_FUNCTION(Unimplemented)
SAKER_STATUS_FUNCTION(Internal)
SAKER_STATUS_FUNCTION(Unavailable)
SAKER_STATUS_FUNCTION(Unauthenticated)
#undef SAKER_STATUS_FUNCTION

// Bytes that were read back are not the bytes that were written: names the file and the offset.
template <typename... Parts>
Status Corruption(const Parts&... parts) {
  return MakeStatus(StatusCode::kDataLoss, parts...);
}

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) { CHECK(!std::get<1>(state_).ok()); }  // NOLINT
  template <typename U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> && !std::is_same_v<std::remove_cvref_t<U>, Status> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result<T>>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  Status status() const { return ok() ? Status() : std::get<1>(state_); }

  T& value() & {
    CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Status> state_;
};

namespace internal {
inline Status StatusOf(const Status& status) {
  return status;
}
template <typename T>
Status StatusOf(const Result<T>& result) {
  return result.status();
}
struct Nothing {};
inline Nothing ValueOf(Status&&) {
  return {};
}
template <typename T>
T ValueOf(Result<T>&& result) {
  return std::move(result).value();
}
}  // namespace internal

// The value of a Result, or returns its Status from the enclosing function; with a Status, only the latter. The one
// control-flow macro of the project.
#define TRY(expression) SAKER_TRY_(expression, SAKER_TRY_NAME_(__COUNTER__))
#define SAKER_TRY_NAME_(number) SAKER_TRY_NAME_OF_(number)
#define SAKER_TRY_NAME_OF_(number) saker_try_result_##number##_  // its own name each time: a TRY may stand within another
#define SAKER_TRY_(expression, name)                          \
  __extension__({                                             \
    auto name = (expression);                                 \
    if (!name.ok()) return ::saker::internal::StatusOf(name); \
    ::saker::internal::ValueOf(std::move(name));              \
  })

}  // namespace saker
