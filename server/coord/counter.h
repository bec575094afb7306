// Durable numbers of the catalog (CatalogKind::kCounter).
#pragma once

#include <cstdint>
#include <string_view>

#include "common/result.h"
#include "storage/catalog.h"

namespace saker::coord {

// 0 when there is none yet.
Result<uint64_t> ReadCounter(storage::Catalog& catalog, std::string_view name);
Status WriteCounter(storage::Catalog& catalog, std::string_view name, uint64_t value);

}  // namespace saker::coord
