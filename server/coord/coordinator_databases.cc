#include "server/coord/coordinator.h"
#include "server/coord/names.h"
#include "server/coord/records.h"

namespace saker::coord {

Status Coordinator::CreateDatabase(const std::string& name, const KeyValues& properties) {
  MutexLock change(change_mutex_);
  {
    MutexLock lock(mutex_);
    if (names_->Find(name) != nullptr) return MilvusError(MilvusErrorCode::kUnexpected, "database already exist: ", name);
    if (names_->databases.size() >= options_.max_databases) {
      return MilvusError(MilvusErrorCode::kDatabaseLimit, "exceeded the limit number of database[limit=", options_.max_databases,
                         "]: there are ", names_->databases.size());
    }
  }
  const Database database{DatabaseId(TRY(ids_->Next())), name, TRY(oracle_->Next()), properties};
  TRY(catalog_.Write({PutDatabase(database)}));
  MutexLock lock(mutex_);
  names_->databases[name].database = database;
  return OkStatus();
}

Status Coordinator::DropDatabase(const std::string& name) {
  if (name.empty() || name == kDefaultDatabase) return MilvusError(MilvusErrorCode::kUnexpected, "can not drop default database");
  MutexLock change(change_mutex_);
  {
    MutexLock lock(mutex_);
    const Names::Entry* entry = names_->Find(name);
    if (entry == nullptr) return OkStatus();
    if (!entry->collections.empty()) {
      return MilvusError(MilvusErrorCode::kUnexpected, "database:", name,
                         " not empty, must drop all collections before drop database: it has ", entry->collections.size());
    }
  }
  TRY(catalog_.Write({Remove(storage::CatalogKind::kDatabase, name)}));
  MutexLock lock(mutex_);
  names_->databases.erase(name);
  return OkStatus();
}

Status Coordinator::AlterDatabase(const std::string& name, const KeyValues& set, const std::vector<std::string>& remove) {
  MutexLock change(change_mutex_);
  Database database = TRY(FindDatabase(name));
  Merge(&database.properties, set, remove);
  TRY(catalog_.Write({PutDatabase(database)}));
  MutexLock lock(mutex_);
  names_->databases[database.name].database = database;
  return OkStatus();
}

Result<Database> Coordinator::FindDatabase(std::string_view name) const {
  MutexLock lock(mutex_);
  const Names::Entry* entry = names_->Find(name);
  if (entry == nullptr) return DatabaseNotFound(name);
  return entry->database;
}

std::vector<Database> Coordinator::ListDatabases() const {
  MutexLock lock(mutex_);
  std::vector<Database> databases;
  for (const auto& [name, entry] : names_->databases) databases.push_back(entry.database);
  return databases;
}

// ---- users

Status Coordinator::PutUser(const std::string& name, const std::string& password_hash) {
  MutexLock change(change_mutex_);
  TRY(catalog_.Write({PutUserRecord(name, password_hash)}));
  MutexLock lock(mutex_);
  names_->users[name] = password_hash;
  return OkStatus();
}

Result<std::string> Coordinator::GetUser(std::string_view name) const {
  MutexLock lock(mutex_);
  const auto found = names_->users.find(name);
  if (found == names_->users.end()) return NotFound("not found the user, maybe the user isn't existed or internal system error: ", name);
  return found->second;
}

std::vector<std::string> Coordinator::ListUsers() const {
  MutexLock lock(mutex_);
  std::vector<std::string> users;
  for (const auto& [name, hash] : names_->users) users.push_back(name);
  return users;
}

Status Coordinator::DropUser(const std::string& name) {
  MutexLock change(change_mutex_);
  TRY(GetUser(name));
  TRY(catalog_.Write({Remove(storage::CatalogKind::kUser, name)}));
  MutexLock lock(mutex_);
  names_->users.erase(name);
  return OkStatus();
}

}  // namespace saker::coord
