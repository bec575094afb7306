// What each method of MilvusService needs. A method that is not in the table is refused; a test compares the table with the
// service's descriptor, so a new method without an entry fails it.
#pragma once

#include <span>
#include <string_view>

namespace saker::auth {

enum class Access {
  kAnyUser,   // a good credential is enough
  kRootOnly,  // users, roles and grants
};

struct MethodPrivilege {
  std::string_view method;
  std::string_view privilege;  // Milvus' name without "Privilege"; empty: a good credential is enough in Milvus too
  Access access = Access::kAnyUser;
};

std::span<const MethodPrivilege> MethodPrivileges();
// nullptr: unknown, refuse.
const MethodPrivilege* FindPrivilege(std::string_view method);

}  // namespace saker::auth
