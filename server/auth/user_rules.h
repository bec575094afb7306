// What names and passwords of users may be, with Milvus' texts.
#pragma once

#include <string>

#include "common/result.h"

namespace saker::auth {

Status CheckUserName(const std::string& user);
Status CheckPassword(const std::string& password);

}  // namespace saker::auth
