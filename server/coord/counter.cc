#include "server/coord/counter.h"

#include "proto/saker/catalog.pb.h"

namespace saker::coord {

Result<uint64_t> ReadCounter(storage::Catalog& catalog, std::string_view name) {
  Result<std::string> bytes = catalog.Read(storage::CatalogKind::kCounter, name);
  if (!bytes.ok()) {
    if (bytes.status().code() == StatusCode::kNotFound) return uint64_t{0};
    return bytes.status();
  }
  catalog::Counter record;
  if (!record.ParseFromString(*bytes)) return Corruption("catalog: counter ", name, ": ", bytes->size(), " bytes that do not parse");
  return record.value();
}

Status WriteCounter(storage::Catalog& catalog, std::string_view name, uint64_t value) {
  catalog::Counter record;
  record.set_value(value);
  return catalog.Write({{storage::CatalogKind::kCounter, std::string(name), record.SerializeAsString()}});
}

}  // namespace saker::coord
