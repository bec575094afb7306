#include "server/auth/base64.h"
#include "server/rpc/call.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

// RBAC calls answer with legacy numbers of their own.
Status Refuse(const Status& status, pb::common::ErrorCode legacy, pb::common::Status* out) {
  if (status.ok()) return status;
  EncodeStatus(status, out);
  if (out->error_code() == pb::common::UnexpectedError) out->set_error_code(legacy);
  return OkStatus();
}

Result<std::string> DecodePassword(const std::string& text) {
  std::optional<std::string> password = auth::DecodeBase64(text);
  if (!password) return MilvusError(MilvusErrorCode::kInvalidParameter, "decode password fail: it is not base64");
  return *std::move(password);
}

Status CreateUser(const Call& call, const mp::CreateCredentialRequest& request) {
  return call.services.authenticator.CreateUser(call.caller, request.username(), TRY(DecodePassword(request.password())));
}

Status UpdateUser(const Call& call, const mp::UpdateCredentialRequest& request) {
  const std::string old_password = TRY(DecodePassword(request.oldpassword()));
  const std::string new_password = TRY(DecodePassword(request.newpassword()));
  return call.services.authenticator.UpdatePassword(call.caller, request.username(), old_password, new_password);
}

Status CreateCredential(const Call& call, const mp::CreateCredentialRequest& request, pb::common::Status* out) {
  return Refuse(CreateUser(call, request), pb::common::CreateCredentialFailure, out);
}

Status UpdateCredential(const Call& call, const mp::UpdateCredentialRequest& request, pb::common::Status* out) {
  return Refuse(UpdateUser(call, request), pb::common::UpdateCredentialFailure, out);
}

Status DeleteCredential(const Call& call, const mp::DeleteCredentialRequest& request, pb::common::Status* out) {
  return Refuse(call.services.authenticator.DeleteUser(call.caller, request.username()), pb::common::DeleteCredentialFailure, out);
}

Status ListCredUsers(const Call& call, const mp::ListCredUsersRequest&, mp::ListCredUsersResponse* out) {
  for (const std::string& user : TRY(call.services.authenticator.ListUsers(call.caller))) out->add_usernames(user);
  return OkStatus();
}

}  // namespace

std::vector<Method> CredentialMethods() {
  return {Entry<CreateCredential>("CreateCredential"), Entry<UpdateCredential>("UpdateCredential"),
          Entry<DeleteCredential>("DeleteCredential"), Entry<ListCredUsers>("ListCredUsers")};
}

}  // namespace saker::rpc
