#include "common/utf8.h"
#include "server/rpc/call.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

// The number that clients of 2.2 knew before `code` existed; some newer ones still look at it.
pb::common::ErrorCode LegacyCode(int32_t code) {
  switch (code) {
    case 1:
    case 110: return pb::common::NotReadyServe;
    case 3: return pb::common::InsufficientMemoryToLoad;
    case 7: return pb::common::DiskQuotaExhausted;
    case 8: return pb::common::RateLimit;
    case 9: return pb::common::ForceDeny;
    case 11: return pb::common::TimeTickLongDelay;
    case 100: return pb::common::CollectionNotExists;
    case 109: return pb::common::SchemaMismatch;
    case 200:
    case 400:
    case 501: return pb::common::MetaFailed;
    case 401:
    case 503:
    case 905: return pb::common::NoReplicaAvailable;
    case 600: return pb::common::SegmentNotFound;
    case 700: return pb::common::IndexNotExist;
    case 904: return pb::common::NodeIDNotMatch;
    case 1100: return pb::common::IllegalArgument;
    default: return pb::common::UnexpectedError;
  }
}

bool IsRetriable(int32_t code) {
  switch (code) {
    case 1:
    case 2:
    case 4:
    case 8:
    case 12:
    case 103:
    case 106:
    case 110:
    case 202: return true;
    default: return false;
  }
}

}  // namespace

void EncodeStatus(const Status& status, pb::common::Status* out) {
  if (status.ok()) return;
  const int32_t code = MilvusCode(status);
  out->set_code(code);
  out->set_error_code(LegacyCode(code));
  out->set_reason(ReadableUtf8(status.message()));  // it may quote a client's bytes
  out->set_detail(out->reason());
  out->set_retriable(IsRetriable(code));
}

const Method* FindMethod(std::string_view name) {
  static const auto* const kMethods = [] {
    auto* methods = new std::map<std::string_view, Method>();
    for (const auto part : {&SystemMethods, &DatabaseMethods, &CollectionMethods, &FunctionMethods, &PartitionMethods, &IndexMethods,
                            &LoadMethods, &MaintenanceMethods, &WriteMethods, &ReadMethods, &CredentialMethods}) {
      for (const Method& method : part()) methods->emplace(method.name, method);
    }
    return methods;
  }();
  const auto found = kMethods->find(name);
  return found == kMethods->end() ? nullptr : &found->second;
}

}  // namespace saker::rpc
