// The local Catalog: column family `catalog`.
#pragma once

#include "storage/catalog.h"
#include "storage/rocks/database.h"
#include "storage/rocks/disk_guard.h"

namespace saker::storage::rocks {

class RocksCatalog final : public Catalog {
 public:
  RocksCatalog(Database& database, DiskGuard& disk) : database_(database), disk_(disk) {}
  Status Write(const std::vector<CatalogChange>& changes) override;
  Result<std::string> Read(CatalogKind kind, std::string_view key) override;
  Status Scan(CatalogKind kind, const std::function<Status(std::string_view, std::string_view)>& visit) override;

 private:
  Database& database_;
  DiskGuard& disk_;
};

}  // namespace saker::storage::rocks
