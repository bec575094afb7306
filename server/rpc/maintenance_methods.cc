#include "server/rpc/call.h"

namespace saker::rpc {
namespace {

Status Flush(const Call& call, const mp::FlushRequest& request, mp::FlushResponse* out) {
  const std::string database = call.Database(request.db_name());
  const auto flushed =
      TRY(call.backend().Flush(database, {request.collection_names().begin(), request.collection_names().end()}, call.context));
  out->set_db_name(database);
  // Under the names as they were asked for, aliases included: clients look them up by these.
  for (const auto& collection : flushed.collections) {
    (*out->mutable_coll_segids())[collection.name];
    auto* segments = (*out->mutable_flush_coll_segids())[collection.name].mutable_data();
    segments->Add(collection.segments.begin(), collection.segments.end());
    (*out->mutable_coll_flush_ts())[collection.name] = collection.flushed_at;
    (*out->mutable_coll_seal_times())[collection.name] = collection.seal_time_ms;
    (*out->mutable_coll_segids())[collection.name] = (*out->mutable_flush_coll_segids())[collection.name];
  }
  return OkStatus();
}

Status GetFlushState(const Call& call, const mp::GetFlushStateRequest& request, mp::GetFlushStateResponse* out) {
  out->set_flushed(TRY(call.backend().IsFlushed({request.segmentids().begin(), request.segmentids().end()}, request.flush_ts())));
  return OkStatus();
}

Status FlushAll(const Call& call, const mp::FlushAllRequest&, mp::FlushAllResponse* out) {
  out->set_flush_all_ts(TRY(call.backend().FlushAll(call.context)));
  return OkStatus();
}

Status GetFlushAllState(const Call& call, const mp::GetFlushAllStateRequest& request, mp::GetFlushAllStateResponse* out) {
  Timestamp latest = request.flush_all_ts();
  for (const auto& [channel, timestamp] : request.flush_all_tss()) latest = std::max<Timestamp>(latest, timestamp);
  out->set_flushed(TRY(call.backend().IsFlushed({}, latest)));
  return OkStatus();
}

Status ManualCompaction(const Call& call, const mp::ManualCompactionRequest& request, mp::ManualCompactionResponse* out) {
  proxy::CollectionRef target = call.Target(request);
  if (target.collection.empty()) {
    const auto info = TRY(call.backend().DescribeCollection(CollectionId(request.collectionid())));
    target = {info->database, info->name};
  }
  out->set_compactionid(TRY(call.backend().Compact(target)));
  out->set_compactionplancount(1);
  return OkStatus();
}

pb::common::CompactionState StateOf(const proxy::CompactionInfo& info) {
  return info.done ? pb::common::Completed : pb::common::Executing;
}

Status GetCompactionState(const Call& call, const mp::GetCompactionStateRequest& request, mp::GetCompactionStateResponse* out) {
  if (request.compactionid() == -1) {  // "there was nothing to compact"
    out->set_state(pb::common::Completed);
    return OkStatus();
  }
  const auto info = TRY(call.backend().DescribeCompaction(request.compactionid()));
  out->set_state(StateOf(info));
  out->set_executingplanno(info.executing);
  out->set_completedplanno(info.completed);
  out->set_failedplanno(info.failed);
  return OkStatus();
}

Status GetCompactionPlans(const Call& call, const mp::GetCompactionPlansRequest& request, mp::GetCompactionPlansResponse* out) {
  if (request.compactionid() == -1) {
    out->set_state(pb::common::Completed);
    return OkStatus();
  }
  const auto info = TRY(call.backend().DescribeCompaction(request.compactionid()));
  out->set_state(StateOf(info));
  for (const auto& [sources, target] : info.merges) {
    auto* merge = out->add_mergeinfos();
    merge->mutable_sources()->Add(sources.begin(), sources.end());
    merge->set_target(target);
  }
  return OkStatus();
}

pb::common::SegmentState StateOf(const proxy::SegmentInfo& segment) {
  return segment.sealed ? pb::common::Flushed : pb::common::Growing;
}

Status GetPersistentSegmentInfo(const Call& call, const mp::GetPersistentSegmentInfoRequest& request,
                                mp::GetPersistentSegmentInfoResponse* out) {
  for (const auto& segment : TRY(call.backend().ListSegments({call.Database(request.dbname()), request.collectionname()}))) {
    auto* info = out->add_infos();
    info->set_segmentid(segment.id.value);
    info->set_collectionid(segment.collection.value);
    info->set_partitionid(segment.partition.value);
    info->set_num_rows(segment.row_count);
    info->set_state(StateOf(segment));
    info->set_level(static_cast<pb::common::SegmentLevel>(segment.level));
  }
  return OkStatus();
}

Status GetQuerySegmentInfo(const Call& call, const mp::GetQuerySegmentInfoRequest& request, mp::GetQuerySegmentInfoResponse* out) {
  for (const auto& segment : TRY(call.backend().ListSegments({call.Database(request.dbname()), request.collectionname()}))) {
    auto* info = out->add_infos();
    info->set_segmentid(segment.id.value);
    info->set_collectionid(segment.collection.value);
    info->set_partitionid(segment.partition.value);
    info->set_mem_size(segment.memory_bytes);
    info->set_num_rows(segment.row_count);
    info->set_index_name(segment.index_name);
    info->set_indexid(segment.index_id.value);
    info->set_nodeid(1);
    info->add_nodeids(1);
    info->set_state(segment.sealed ? pb::common::Sealed : pb::common::Growing);
    info->set_level(static_cast<pb::common::SegmentLevel>(segment.level));
  }
  return OkStatus();
}

}  // namespace

std::vector<Method> MaintenanceMethods() {
  return {Entry<Flush>("Flush"),
          Entry<GetFlushState>("GetFlushState"),
          Entry<FlushAll>("FlushAll"),
          Entry<GetFlushAllState>("GetFlushAllState"),
          Entry<ManualCompaction>("ManualCompaction"),
          Entry<GetCompactionState>("GetCompactionState"),
          Entry<GetCompactionPlans>("GetCompactionStateWithPlans"),
          Entry<GetPersistentSegmentInfo>("GetPersistentSegmentInfo"),
          Entry<GetQuerySegmentInfo>("GetQuerySegmentInfo")};
}

}  // namespace saker::rpc
