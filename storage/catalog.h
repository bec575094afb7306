// The durable names and settings: databases, collections, partitions, aliases, indexes, users, counters.
//
// A small ordered map from (kind, key) to a serialised record (proto/saker/catalog.proto); the caller owns their
// meaning. Write is atomic and durable: all changes or none, on disk when it returns. Thread-safe.
// A cluster driver puts this on etcd; the local one is storage/rocks/ (column family `catalog`).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace saker::storage {

enum class CatalogKind : uint8_t {
  kDatabase = 1,
  kCollection = 2,
  kPartition = 3,
  kAlias = 4,
  kIndex = 5,
  kUser = 6,
  kRole = 7,
  kGrant = 8,
  kCounter = 9,  // id allocators, the timestamp ceiling
};

struct CatalogChange {
  CatalogKind kind;
  std::string key;
  std::optional<std::string> value;  // absent: delete
};

class Catalog {
 public:
  virtual ~Catalog() = default;
  virtual Status Write(const std::vector<CatalogChange>& changes) = 0;
  // NotFound when there is none; DataLoss when the record's checksum is wrong.
  virtual Result<std::string> Read(CatalogKind kind, std::string_view key) = 0;
  virtual Status Scan(CatalogKind kind, const std::function<Status(std::string_view key, std::string_view value)>& visit) = 0;
};

}  // namespace saker::storage
