#include <algorithm>

#include "common/timestamp.h"
#include "server/rpc/call.h"
#include "server/rpc/schema_codec.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

Status CreatePartition(const Call& call, const mp::CreatePartitionRequest& request, pb::common::Status*) {
  return call.backend().CreatePartition(call.Target(request), request.partition_name());
}

Status DropPartition(const Call& call, const mp::DropPartitionRequest& request, pb::common::Status*) {
  return call.backend().DropPartition(call.Target(request), request.partition_name());
}

Status HasPartition(const Call& call, const mp::HasPartitionRequest& request, mp::BoolResponse* out) {
  const auto partitions = TRY(call.backend().ListPartitions(call.Target(request)));
  out->set_value(std::any_of(partitions.begin(), partitions.end(), [&](const auto& p) { return p.name == request.partition_name(); }));
  return OkStatus();
}

Status ShowPartitions(const Call& call, const mp::ShowPartitionsRequest& request, mp::ShowPartitionsResponse* out) {
  proxy::CollectionRef target = call.Target(request);
  if (target.collection.empty() && request.collectionid() != 0) {
    const auto info = TRY(call.backend().DescribeCollection(CollectionId(request.collectionid())));
    target = {info->database, info->name};
  }
  const auto& wanted = request.partition_names();
  for (const proxy::PartitionInfo& partition : TRY(call.backend().ListPartitions(target))) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), partition.name) == wanted.end()) continue;
    if (request.type() == mp::InMemory && !partition.loaded) continue;
    out->add_partition_names(partition.name);
    out->add_partitionids(partition.id.value);
    out->add_created_timestamps(partition.created);
    out->add_created_utc_timestamps(TimestampMs(partition.created));
    out->add_inmemory_percentages(partition.loaded ? 100 : 0);
  }
  return OkStatus();
}

Status GetPartitionStatistics(const Call& call, const mp::GetPartitionStatisticsRequest& request, mp::GetPartitionStatisticsResponse* out) {
  const int64_t rows = TRY(call.backend().RowCount(call.Target(request), request.partition_name()));
  EncodeKeyValues({{"row_count", std::to_string(rows)}}, out->mutable_stats());
  return OkStatus();
}

Status CreateAlias(const Call& call, const mp::CreateAliasRequest& request, pb::common::Status*) {
  return call.backend().CreateAlias(call.Target(request), request.alias());
}

Status AlterAlias(const Call& call, const mp::AlterAliasRequest& request, pb::common::Status*) {
  return call.backend().AlterAlias(call.Target(request), request.alias());
}

Status DropAlias(const Call& call, const mp::DropAliasRequest& request, pb::common::Status*) {
  return call.backend().DropAlias(call.Database(request.db_name()), request.alias());
}

Status DescribeAlias(const Call& call, const mp::DescribeAliasRequest& request, mp::DescribeAliasResponse* out) {
  const std::string database = call.Database(request.db_name());
  out->set_collection(TRY(call.backend().DescribeAlias(database, request.alias())));
  out->set_db_name(database);
  out->set_alias(request.alias());
  return OkStatus();
}

Status ListAliases(const Call& call, const mp::ListAliasesRequest& request, mp::ListAliasesResponse* out) {
  const std::string database = call.Database(request.db_name());
  for (const std::string& alias : TRY(call.backend().ListAliases(database, request.collection_name()))) out->add_aliases(alias);
  out->set_db_name(database);
  out->set_collection_name(request.collection_name());
  return OkStatus();
}

}  // namespace

std::vector<Method> PartitionMethods() {
  return {Entry<CreatePartition>("CreatePartition"),
          Entry<DropPartition>("DropPartition"),
          Entry<HasPartition>("HasPartition"),
          Entry<ShowPartitions>("ShowPartitions"),
          Entry<GetPartitionStatistics>("GetPartitionStatistics"),
          Entry<CreateAlias>("CreateAlias"),
          Entry<AlterAlias>("AlterAlias"),
          Entry<DropAlias>("DropAlias"),
          Entry<DescribeAlias>("DescribeAlias"),
          Entry<ListAliases>("ListAliases")};
}

}  // namespace saker::rpc
