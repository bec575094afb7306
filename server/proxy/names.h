// The rules for names, with Milvus' texts.
#pragma once

#include <string_view>

#include "common/result.h"

namespace saker::proxy {

Status CheckDatabaseName(std::string_view name);
Status CheckCollectionName(std::string_view name);
Status CheckAliasName(std::string_view name);
Status CheckPartitionName(std::string_view name);
Status CheckFieldName(std::string_view name);
Status CheckIndexName(std::string_view name);

}  // namespace saker::proxy
