// What a write must look like before the writer sees it; the proxy promised it, a wire may break it.
#pragma once

#include "common/result.h"
#include "server/schema/schema.h"
#include "server/shard/request.h"

namespace saker::shard {

Status CheckRows(const WriteRequest& request, const CollectionSchema& schema);
Status CheckKeys(const PrimaryKeys& keys, const CollectionSchema& schema);

}  // namespace saker::shard
