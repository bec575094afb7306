// The two shapes of refusal that Milvus' proxy knows.
#pragma once

#include "server/schema/error.h"

namespace saker::proxy {

// Code 1100: "<text>: invalid parameter".
template <typename... Parts>
Status Invalid(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kInvalidParameter, parts..., ": invalid parameter");
}

// Code 65535, the text unchanged.
template <typename... Parts>
Status Refused(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kUnexpected, parts...);
}

// Code 10: a thing of Milvus that this version does not do.
template <typename... Parts>
Status NotSupported(const Parts&... parts) {
  return Status(StatusCode::kUnimplemented, internal::Join(parts...), static_cast<int32_t>(MilvusErrorCode::kUnimplemented));
}

}  // namespace saker::proxy
