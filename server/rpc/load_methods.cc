#include "server/rpc/call.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

Status CheckReplicas(int32_t replicas) {
  if (replicas <= 1) return OkStatus();
  return MilvusError(MilvusErrorCode::kResourceGroupNodeNotEnough,
                     "failed to load collection: resource group node not enough[rg=", "__default_resource_group][requested=", replicas,
                     "][available=1]");
}

template <typename Request>
std::vector<std::string> Partitions(const Request& request) {
  return {request.partition_names().begin(), request.partition_names().end()};
}

Status LoadCollection(const Call& call, const mp::LoadCollectionRequest& request, pb::common::Status*) {
  TRY(CheckReplicas(request.replica_number()));
  return call.backend().Load(call.Target(request), {}, request.refresh());
}

Status LoadPartitions(const Call& call, const mp::LoadPartitionsRequest& request, pb::common::Status*) {
  TRY(CheckReplicas(request.replica_number()));
  if (request.partition_names().empty())
    return MilvusError(MilvusErrorCode::kInvalidParameter, "due to no partition specified: invalid parameter");
  return call.backend().Load(call.Target(request), Partitions(request), request.refresh());
}

Status ReleaseCollection(const Call& call, const mp::ReleaseCollectionRequest& request, pb::common::Status*) {
  return call.backend().Release(call.Target(request), {});
}

Status ReleasePartitions(const Call& call, const mp::ReleasePartitionsRequest& request, pb::common::Status*) {
  if (request.partition_names().empty())
    return MilvusError(MilvusErrorCode::kInvalidParameter, "due to no partition specified: invalid parameter");
  return call.backend().Release(call.Target(request), Partitions(request));
}

Status GetLoadingProgress(const Call& call, const mp::GetLoadingProgressRequest& request, mp::GetLoadingProgressResponse* out) {
  const int progress = TRY(call.backend().LoadProgress(call.Target(request), Partitions(request)));
  out->set_progress(progress);
  out->set_refresh_progress(progress);
  return OkStatus();
}

Status GetLoadState(const Call& call, const mp::GetLoadStateRequest& request, mp::GetLoadStateResponse* out) {
  const auto state = call.backend().GetLoadState(call.Target(request), Partitions(request));
  if (!state.ok() && MilvusCode(state.status()) != static_cast<int32_t>(MilvusErrorCode::kCollectionNotFound)) return state.status();
  out->set_state(state.ok() ? static_cast<pb::common::LoadState>(*state) : pb::common::LoadStateNotExist);
  return OkStatus();
}

// One process is one replica on one node.
Status GetReplicas(const Call& call, const mp::GetReplicasRequest& request, mp::GetReplicasResponse* out) {
  const auto info = request.collection_name().empty() ? TRY(call.backend().DescribeCollection(CollectionId(request.collectionid())))
                                                      : TRY(call.backend().DescribeCollection(call.Target(request)));
  if (!info->loaded) { return MilvusError(MilvusErrorCode::kCollectionNotLoaded, "collection not loaded[collection=", info->name, "]"); }
  auto* replica = out->add_replicas();
  replica->set_replicaid(info->id.value);
  replica->set_collectionid(info->id.value);
  for (const auto& partition : TRY(call.backend().ListPartitions({info->database, info->name}))) {
    if (partition.loaded) replica->add_partition_ids(partition.id.value);
  }
  replica->add_node_ids(1);
  replica->set_resource_group_name("__default_resource_group");
  for (int32_t shard = 0; shard < info->shards; ++shard) {
    auto* out_shard = replica->add_shard_replicas();
    out_shard->set_leaderid(1);
    out_shard->set_leader_addr("localhost");
    out_shard->set_dm_channel_name("saker-dml_" + std::to_string(shard) + "_" + std::to_string(info->id.value) + "v" +
                                   std::to_string(shard));
    out_shard->add_node_ids(1);
  }
  return OkStatus();
}

}  // namespace

std::vector<Method> LoadMethods() {
  return {Entry<LoadCollection>("LoadCollection"),
          Entry<LoadPartitions>("LoadPartitions"),
          Entry<ReleaseCollection>("ReleaseCollection"),
          Entry<ReleasePartitions>("ReleasePartitions"),
          Entry<GetLoadingProgress>("GetLoadingProgress"),
          Entry<GetLoadState>("GetLoadState"),
          Entry<GetReplicas>("GetReplicas")};
}

}  // namespace saker::rpc
