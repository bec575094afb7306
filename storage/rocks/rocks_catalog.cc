#include "storage/rocks/rocks_catalog.h"

#include "common/kill_point.h"
#include "storage/rocks/codec.h"

namespace saker::storage::rocks {
namespace {

constexpr size_t kMaxKeyBytes = 4096;
constexpr size_t kMaxValueBytes = 64 << 20;

std::string What(const Database& database, CatalogKind kind, std::string_view key) {
  return internal::Join("catalog record ", int{static_cast<uint8_t>(kind)}, " \"", key, "\" in ", database.directory());
}

}  // namespace

Status RocksCatalog::Write(const std::vector<CatalogChange>& changes) {
  if (changes.empty()) return OkStatus();
  rocksdb::WriteBatch batch;
  for (const CatalogChange& change : changes) {
    if (change.key.size() > kMaxKeyBytes) return InvalidArgument("a catalog key of ", change.key.size(), " bytes, at most ", kMaxKeyBytes);
    const std::string key = CatalogKey(change.kind, change.key);
    if (!change.value.has_value()) {
      TRY(FromRocks(batch.Delete(database_.family(kCatalogFamily), key), "catalog"));
      continue;
    }
    if (change.value->size() > kMaxValueBytes) {
      return InvalidArgument("a catalog record of ", change.value->size(), " bytes, at most ", kMaxValueBytes);
    }
    TRY(FromRocks(batch.Put(database_.family(kCatalogFamily), key, Frame(key, *change.value)), "catalog"));
  }
  TRY(disk_.AdmitSmall(batch.GetDataSize()));
  SAKER_KILL_POINT("catalog.before_write");
  TRY(database_.Write(&batch, "write to the catalog"));
  SAKER_KILL_POINT("catalog.after_write");
  return OkStatus();
}

Result<std::string> RocksCatalog::Read(CatalogKind kind, std::string_view name) {
  const std::string key = CatalogKey(kind, name);
  const std::string what = What(database_, kind, name);
  std::string value;
  const rocksdb::Status status = database_.rocks()->Get(rocksdb::ReadOptions(), database_.family(kCatalogFamily), key, &value);
  if (status.IsNotFound()) return NotFound("no ", what);
  TRY(FromRocks(status, what));
  return std::string(TRY(Unframe(what, key, value)));
}

Status RocksCatalog::Scan(CatalogKind kind, const std::function<Status(std::string_view, std::string_view)>& visit) {
  PrefixScan scan(database_, kCatalogFamily, CatalogKey(kind, ""));
  for (; scan.Valid(); scan.Next()) {
    const std::string_view name = scan.key().substr(1);
    const std::string_view value = TRY(Unframe(What(database_, kind, name), scan.key(), scan.value()));
    TRY(visit(name, value));
  }
  return scan.End(What(database_, kind, "..."));
}

}  // namespace saker::storage::rocks
