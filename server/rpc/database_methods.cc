#include "server/rpc/call.h"
#include "server/rpc/schema_codec.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

Status CreateDatabase(const Call& call, const mp::CreateDatabaseRequest& request, pb::common::Status*) {
  return call.backend().CreateDatabase(request.db_name(), DecodeKeyValues(request.properties()));
}

Status DropDatabase(const Call& call, const mp::DropDatabaseRequest& request, pb::common::Status*) {
  return call.backend().DropDatabase(request.db_name());
}

Status ListDatabases(const Call& call, const mp::ListDatabasesRequest&, mp::ListDatabasesResponse* out) {
  for (const proxy::DatabaseInfo& database : call.backend().ListDatabases()) {
    out->add_db_names(database.name);
    out->add_created_timestamp(database.created);
    out->add_db_ids(database.id.value);
  }
  return OkStatus();
}

Status AlterDatabase(const Call& call, const mp::AlterDatabaseRequest& request, pb::common::Status*) {
  if (request.properties().empty() == request.delete_keys().empty()) {
    return MilvusError(MilvusErrorCode::kInvalidParameter,
                       "alter database wants either properties or delete keys: ", request.properties_size(), " and ",
                       request.delete_keys_size(), " were given");
  }
  return call.backend().AlterDatabase(call.Database(request.db_name()), DecodeKeyValues(request.properties()),
                                      {request.delete_keys().begin(), request.delete_keys().end()});
}

Status DescribeDatabase(const Call& call, const mp::DescribeDatabaseRequest& request, mp::DescribeDatabaseResponse* out) {
  const proxy::DatabaseInfo database = TRY(call.backend().DescribeDatabase(call.Database(request.db_name())));
  out->set_db_name(database.name);
  out->set_dbid(database.id.value);
  out->set_created_timestamp(database.created);
  EncodeKeyValues(database.properties, out->mutable_properties());
  return OkStatus();
}

}  // namespace

std::vector<Method> DatabaseMethods() {
  return {Entry<CreateDatabase>("CreateDatabase"), Entry<DropDatabase>("DropDatabase"), Entry<ListDatabases>("ListDatabases"),
          Entry<AlterDatabase>("AlterDatabase"), Entry<DescribeDatabase>("DescribeDatabase")};
}

}  // namespace saker::rpc
