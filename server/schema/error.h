// Milvus' error codes inside Status: what clients test for.
//
// MilvusError gives a Status with the code as detail_code(); a Status without one is mapped from its canonical code when
// it leaves the server (MilvusCode). Texts follow Milvus' wording where client suites assert on it.
#pragma once

#include <cstdint>

#include "common/result.h"

namespace saker {

enum class MilvusErrorCode : int32_t {
  kServiceNotReady = 1,
  kServiceUnavailable = 2,
  kMemoryLimitExceeded = 3,
  kTooManyRequests = 4,
  kServiceInternal = 5,
  kDiskLimitExceeded = 7,
  kRateLimitExceeded = 8,
  kUnimplemented = 10,
  kCollectionNotFound = 100,
  kCollectionNotLoaded = 101,
  kCollectionLimit = 102,
  kIllegalSchema = 105,
  kSchemaMismatch = 109,
  kPartitionNotFound = 200,
  kPartitionNotLoaded = 201,
  kResourceGroupNotFound = 300,
  kResourceGroupNodeNotEnough = 304,
  kIndexNotFound = 700,
  kDatabaseNotFound = 800,
  kDatabaseLimit = 801,
  kInvalidDatabaseName = 802,
  kInvalidParameter = 1100,
  kMissingParameter = 1101,
  kParameterTooLarge = 1102,
  kNotAuthenticated = 1400,
  kPrivilegeNotPermitted = 1401,
  kAliasNotFound = 1600,
  kAliasCollectionConflict = 1601,
  kAliasAlreadyExists = 1602,
  kFieldNotFound = 1700,
  kInvalidFieldName = 1701,
  kSegcore = 2000,
  kCancelled = 10000,
  kTimeout = 10001,
  kUnexpected = 65535,
};

template <typename... Parts>
Status MilvusError(MilvusErrorCode code, const Parts&... parts) {
  StatusCode canonical = StatusCode::kInvalidArgument;
  switch (code) {
    case MilvusErrorCode::kCollectionNotFound:
    case MilvusErrorCode::kPartitionNotFound:
    case MilvusErrorCode::kIndexNotFound:
    case MilvusErrorCode::kDatabaseNotFound:
    case MilvusErrorCode::kAliasNotFound:
    case MilvusErrorCode::kFieldNotFound: canonical = StatusCode::kNotFound; break;
    case MilvusErrorCode::kCollectionNotLoaded:
    case MilvusErrorCode::kPartitionNotLoaded: canonical = StatusCode::kFailedPrecondition; break;
    case MilvusErrorCode::kMemoryLimitExceeded:
    case MilvusErrorCode::kDiskLimitExceeded:
    case MilvusErrorCode::kTooManyRequests: canonical = StatusCode::kResourceExhausted; break;
    default: break;
  }
  return Status(canonical, internal::Join(parts...), static_cast<int32_t>(code));
}

// The code to put on the wire for any non-OK status.
inline int32_t MilvusCode(const Status& status) {
  if (status.ok() || status.detail_code() != 0) return status.detail_code();
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kOutOfRange: return static_cast<int32_t>(MilvusErrorCode::kInvalidParameter);
    case StatusCode::kResourceExhausted: return static_cast<int32_t>(MilvusErrorCode::kMemoryLimitExceeded);
    case StatusCode::kUnavailable: return static_cast<int32_t>(MilvusErrorCode::kServiceUnavailable);
    case StatusCode::kUnimplemented: return static_cast<int32_t>(MilvusErrorCode::kUnimplemented);
    case StatusCode::kCancelled: return static_cast<int32_t>(MilvusErrorCode::kCancelled);
    case StatusCode::kDeadlineExceeded: return static_cast<int32_t>(MilvusErrorCode::kTimeout);
    case StatusCode::kUnauthenticated: return static_cast<int32_t>(MilvusErrorCode::kNotAuthenticated);
    case StatusCode::kPermissionDenied: return static_cast<int32_t>(MilvusErrorCode::kPrivilegeNotPermitted);
    default: return static_cast<int32_t>(MilvusErrorCode::kUnexpected);
  }
}

}  // namespace saker
