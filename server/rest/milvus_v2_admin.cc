#include <algorithm>
#include <utility>

#include "server/rest/milvus_v2.h"
#include "server/schema/error.h"

namespace saker::rest {

namespace {

using proxy::CollectionRef;

// An operation whose answer is {"data":{}}.
MilvusHandler Silent(std::function<Status(const MilvusCall&)> action) {
  return [action = std::move(action)](const MilvusCall& call, JsonWriter* out) -> Status {
    TRY(action(call));
    WriteNothing(out);
    return OkStatus();
  };
}

// ---- databases

void AddDatabaseRoutes(MilvusRoutes* routes) {
  proxy::Proxy* proxy = routes->proxy();
  routes->Add("databases/list", "ListDatabases", [proxy](const MilvusCall&, JsonWriter* out) {
    out->Key("data").BeginArray();
    for (const proxy::DatabaseInfo& info : proxy->ListDatabases()) out->String(info.name);
    out->EndArray();
    return OkStatus();
  });
  routes->Add("databases/create", "CreateDatabase", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->CreateDatabase(TRY(call.body.Text("dbName")), TRY(call.body.Pairs("properties")));
              }));
  routes->Add("databases/drop", "DropDatabase",
              Silent([proxy](const MilvusCall& call) -> Status { return proxy->DropDatabase(TRY(call.body.Text("dbName"))); }));
  routes->Add("databases/describe", "DescribeDatabase", [proxy](const MilvusCall& call, JsonWriter* out) -> Status {
    const proxy::DatabaseInfo info = TRY(proxy->DescribeDatabase(TRY(call.body.Text("dbName"))));
    out->Key("data").BeginObject().Key("dbName").String(info.name).Key("dbID").Number(info.id.value).Key("properties");
    WritePairs(info.properties, out);
    out->EndObject();
    return OkStatus();
  });
  for (const char* path : {"databases/alter", "databases/alter_properties"}) {
    routes->Add(path, "AlterDatabase", Silent([proxy](const MilvusCall& call) -> Status {
                  return proxy->AlterDatabase(TRY(call.body.Text("dbName")), TRY(call.body.Pairs("properties")), {});
                }));
  }
  routes->Add("databases/drop_properties", "AlterDatabase", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->AlterDatabase(TRY(call.body.Text("dbName")), {}, TRY(call.body.Texts("propertyKeys")));
              }));
}

// ---- partitions

Result<std::vector<std::string>> RequiredPartitions(const MilvusCall& call) {
  std::vector<std::string> names = TRY(call.body.Texts("partitionNames"));
  if (names.empty()) return RestError(kMissingParameters, "missing required parameters, error: `partitionNames` is required");
  return names;
}

void AddPartitionRoutes(MilvusRoutes* routes) {
  proxy::Proxy* proxy = routes->proxy();
  routes->Add("partitions/list", "ShowPartitions", [proxy](const MilvusCall& call, JsonWriter* out) -> Status {
    const std::vector<proxy::PartitionInfo> partitions = TRY(proxy->ListPartitions(TRY(call.Target())));
    out->Key("data").BeginArray();
    for (const proxy::PartitionInfo& partition : partitions) out->String(partition.name);
    out->EndArray();
    return OkStatus();
  });
  routes->Add("partitions/has", "HasPartition", [proxy](const MilvusCall& call, JsonWriter* out) -> Status {
    const CollectionRef target = TRY(call.Target());
    const std::string name = TRY(call.body.Text("partitionName"));
    const std::vector<proxy::PartitionInfo> partitions = TRY(proxy->ListPartitions(target));
    const bool has = std::any_of(partitions.begin(), partitions.end(), [&name](const auto& partition) { return partition.name == name; });
    out->Key("data").BeginObject().Key("has").Bool(has).EndObject();
    return OkStatus();
  });
  routes->Add("partitions/get_stats", "GetPartitionStatistics", [proxy](const MilvusCall& call, JsonWriter* out) -> Status {
    const int64_t rows = TRY(proxy->RowCount(TRY(call.Target()), TRY(call.body.Text("partitionName"))));
    out->Key("data").BeginObject().Key("rowCount").Number(rows).EndObject();
    return OkStatus();
  });
  routes->Add("partitions/create", "CreatePartition", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->CreatePartition(TRY(call.Target()), TRY(call.body.Text("partitionName")));
              }));
  routes->Add("partitions/drop", "DropPartition", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->DropPartition(TRY(call.Target()), TRY(call.body.Text("partitionName")));
              }));
  routes->Add("partitions/load", "LoadPartitions", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->Load(TRY(call.Target()), TRY(RequiredPartitions(call)), /*refresh=*/false);
              }));
  routes->Add("partitions/release", "ReleasePartitions", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->Release(TRY(call.Target()), TRY(RequiredPartitions(call)));
              }));
}

// ---- indexes

std::string ParamOr(const proxy::IndexInfo& index, std::string_view key, const char* otherwise) {
  const std::string* value = FindValue(index.params, key);
  return value != nullptr ? *value : otherwise;
}

const char* IndexStateName(proxy::IndexState state) {
  switch (state) {
    case proxy::IndexState::kUnissued: return "Unissued";
    case proxy::IndexState::kInProgress: return "InProgress";
    case proxy::IndexState::kFinished: return "Finished";
    case proxy::IndexState::kFailed: return "Failed";
  }
  return "IndexStateNone";
}

Status DescribeIndex(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  const std::string name = TRY(call.body.Text("indexName"));
  const std::vector<proxy::IndexInfo> indexes = TRY(proxy->DescribeIndex(TRY(call.Target()), "", name));
  out->Key("data").BeginArray();
  for (const proxy::IndexInfo& index : indexes) {
    out->BeginObject().Key("indexName").String(index.name).Key("fieldName").String(index.field);
    out->Key("indexType").String(ParamOr(index, "index_type", "AUTOINDEX")).Key("metricType").String(ParamOr(index, "metric_type", ""));
    out->Key("totalRows").Number(index.total_rows).Key("indexedRows").Number(index.indexed_rows);
    out->Key("pendingRows").Number(std::max<int64_t>(0, index.total_rows - index.indexed_rows));
    out->Key("indexState").String(IndexStateName(index.state)).Key("failReason").String(index.fail_reason);
    out->Key("minIndexVersion").Number(0).Key("maxIndexVersion").Number(0).Key("indexParams");
    WritePairs(index.params, out);
    out->EndObject();
  }
  out->EndArray();
  return OkStatus();
}

void AddIndexRoutes(MilvusRoutes* routes) {
  proxy::Proxy* proxy = routes->proxy();
  routes->Add("indexes/list", "DescribeIndex", [proxy](const MilvusCall& call, JsonWriter* out) -> Status {
    const CollectionRef target = TRY(call.Target());
    const Result<std::vector<proxy::IndexInfo>> indexes = proxy->DescribeIndex(target, "", "");
    const bool none = !indexes.ok() && MilvusCode(indexes.status()) == static_cast<int32_t>(MilvusErrorCode::kIndexNotFound);
    if (!indexes.ok() && !none) return indexes.status();
    out->Key("data").BeginArray();
    if (!none) {
      for (const proxy::IndexInfo& index : *indexes) out->String(index.name);
    }
    out->EndArray();
    return OkStatus();
  });
  routes->Add("indexes/describe", "DescribeIndex",
              [proxy](const MilvusCall& call, JsonWriter* out) { return DescribeIndex(proxy, call, out); });
  routes->Add("indexes/create", "CreateIndex", Silent([proxy](const MilvusCall& call) -> Status {
                const CollectionRef target = TRY(call.Target());
                TRY(call.body.Any("indexParams"));
                for (const auto& index : TRY(ReadIndexes(target, call.body))) TRY(proxy->CreateIndex(index));
                return OkStatus();
              }));
  routes->Add("indexes/drop", "DropIndex", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->DropIndex(TRY(call.Target()), "", TRY(call.body.Text("indexName")));
              }));
  routes->Add("indexes/alter_properties", "AlterIndex", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->AlterIndex(TRY(call.Target()), TRY(call.body.Text("indexName")), TRY(call.body.Pairs("properties")), {});
              }));
  routes->Add("indexes/drop_properties", "AlterIndex", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->AlterIndex(TRY(call.Target()), TRY(call.body.Text("indexName")), {}, TRY(call.body.Texts("propertyKeys")));
              }));
}

// ---- aliases

void AddAliasRoutes(MilvusRoutes* routes) {
  proxy::Proxy* proxy = routes->proxy();
  routes->Add("aliases/list", "ListAliases", [proxy](const MilvusCall& call, JsonWriter* out) -> Status {
    const std::vector<std::string> aliases = TRY(proxy->ListAliases(call.database, TRY(call.body.TextOr("collectionName", ""))));
    out->Key("data");
    WriteTexts(aliases, out);
    return OkStatus();
  });
  routes->Add("aliases/describe", "DescribeAlias", [proxy](const MilvusCall& call, JsonWriter* out) -> Status {
    const std::string alias = TRY(call.body.Text("aliasName"));
    const std::string collection = TRY(proxy->DescribeAlias(call.database, alias));
    out->Key("data").BeginObject().Key("dbName").String(call.database).Key("collectionName").String(collection);
    out->Key("aliasName").String(alias).EndObject();
    return OkStatus();
  });
  routes->Add("aliases/create", "CreateAlias", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->CreateAlias(TRY(call.Target()), TRY(call.body.Text("aliasName")));
              }));
  routes->Add("aliases/alter", "AlterAlias", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->AlterAlias(TRY(call.Target()), TRY(call.body.Text("aliasName")));
              }));
  routes->Add("aliases/drop", "DropAlias", Silent([proxy](const MilvusCall& call) -> Status {
                return proxy->DropAlias(call.database, TRY(call.body.Text("aliasName")));
              }));
}

// ---- users

void AddUserRoutes(MilvusRoutes* routes) {
  auth::Authenticator* accounts = routes->authenticator();
  if (accounts == nullptr) {
    for (const char* path : {"users/list", "users/describe", "users/create", "users/update_password", "users/drop"}) {
      routes->AddUnsupported(path, "there are no users while authentication is off; start the server with --auth");
    }
    return;
  }
  const auto caller = [](const MilvusCall& call) { return auth::Caller{call.context.user}; };
  routes->Add("users/list", "ListCredUsers", [accounts, caller](const MilvusCall& call, JsonWriter* out) -> Status {
    const std::vector<std::string> users = TRY(accounts->ListUsers(caller(call)));
    out->Key("data");
    WriteTexts(users, out);
    return OkStatus();
  });
  routes->Add("users/describe", "SelectUser", [accounts, caller](const MilvusCall& call, JsonWriter* out) -> Status {
    const std::string name = TRY(call.body.Text("userName"));
    // A user may look at itself; the list of all is root's.
    if (name != call.context.user) {
      const std::vector<std::string> users = TRY(accounts->ListUsers(caller(call)));
      if (std::find(users.begin(), users.end(), name) == users.end()) {
        return saker::MilvusError(MilvusErrorCode::kUnexpected,
                                  "not found the user, maybe the user isn't existed or internal system error: ", name);
      }
    }
    out->Key("data");
    WriteTexts(name == auth::kRootUser ? std::vector<std::string>{"admin", "public"} : std::vector<std::string>{"public"}, out);
    return OkStatus();
  });
  routes->Add("users/create", "CreateCredential", Silent([accounts, caller](const MilvusCall& call) -> Status {
                return accounts->CreateUser(caller(call), TRY(call.body.Text("userName")), TRY(call.body.Text("password")));
              }));
  routes->Add("users/update_password", "UpdateCredential", Silent([accounts, caller](const MilvusCall& call) -> Status {
                return accounts->UpdatePassword(caller(call), TRY(call.body.Text("userName")), TRY(call.body.TextOr("password", "")),
                                                TRY(call.body.Text("newPassword")));
              }));
  routes->Add("users/drop", "DeleteCredential", Silent([accounts, caller](const MilvusCall& call) -> Status {
                return accounts->DeleteUser(caller(call), TRY(call.body.Text("userName")));
              }));
}

// ---- what Milvus has and this server does not

void AddUnsupportedRoutes(MilvusRoutes* routes) {
  static const struct {
    const char* what;
    std::vector<const char*> paths;
  } kGroups[] = {
      {"roles and grants are not supported; only root changes users",
       {"users/grant_role", "users/revoke_role", "roles/list", "roles/describe", "roles/create", "roles/drop", "roles/grant_privilege",
        "roles/revoke_privilege", "roles/grant_privilege_v2", "roles/revoke_privilege_v2", "privilege_groups/create",
        "privilege_groups/drop", "privilege_groups/list", "privilege_groups/add_privileges_to_group",
        "privilege_groups/remove_privileges_from_group"}},
      {"import jobs are not supported; insert the rows",
       {"jobs/import/create", "jobs/import/list", "jobs/import/describe", "jobs/import/get_progress", "jobs/external_collection/refresh",
        "jobs/external_collection/describe", "jobs/external_collection/list"}},
      {"resource groups are not supported by a server of one process",
       {"resource_groups/create", "resource_groups/drop", "resource_groups/describe", "resource_groups/alter", "resource_groups/list",
        "resource_groups/transfer_replica"}},
      {"functions of an existing collection cannot be changed; create the collection with them",
       {"collections/add_function", "collections/alter_function", "collections/drop_function"}},
      {"this operation is not supported", {"segments/describe", "quotacenter/describe"}},
  };
  for (const auto& group : kGroups) {
    for (const char* path : group.paths) routes->AddUnsupported(path, group.what);
  }
}

}  // namespace

void AddAdminRoutes(MilvusRoutes* routes) {
  AddDatabaseRoutes(routes);
  AddPartitionRoutes(routes);
  AddIndexRoutes(routes);
  AddAliasRoutes(routes);
  AddUserRoutes(routes);
  AddUnsupportedRoutes(routes);
}

}  // namespace saker::rest
