#include "server/rpc/call.h"
#include "server/rpc/schema_codec.h"

namespace saker::rpc {
namespace {

Status CreateIndex(const Call& call, const mp::CreateIndexRequest& request, pb::common::Status*) {
  return call.backend().CreateIndex({.target = call.Target(request),
                                     .field = request.field_name(),
                                     .name = request.index_name(),
                                     .params = DecodeKeyValues(request.extra_params())});
}

Status AlterIndex(const Call& call, const mp::AlterIndexRequest& request, pb::common::Status*) {
  return call.backend().AlterIndex(call.Target(request), request.index_name(), DecodeKeyValues(request.extra_params()),
                                   {request.delete_keys().begin(), request.delete_keys().end()});
}

Status DropIndex(const Call& call, const mp::DropIndexRequest& request, pb::common::Status*) {
  return call.backend().DropIndex(call.Target(request), request.field_name(), request.index_name());
}

void EncodeIndex(const proxy::IndexInfo& index, mp::IndexDescription* out) {
  out->set_index_name(index.name);
  out->set_indexid(index.id.value);
  out->set_field_name(index.field);
  EncodeKeyValues(index.params, out->mutable_params());
  out->set_indexed_rows(index.indexed_rows);
  out->set_total_rows(index.total_rows);
  out->set_pending_index_rows(index.total_rows - index.indexed_rows);
  out->set_state(static_cast<pb::common::IndexState>(index.state));
  out->set_index_state_fail_reason(index.fail_reason);
}

Status DescribeIndex(const Call& call, const mp::DescribeIndexRequest& request, mp::DescribeIndexResponse* out) {
  const auto indexes = TRY(call.backend().DescribeIndex(call.Target(request), request.field_name(), request.index_name()));
  for (const proxy::IndexInfo& index : indexes) EncodeIndex(index, out->add_index_descriptions());
  return OkStatus();
}

Status GetIndexStatistics(const Call& call, const mp::GetIndexStatisticsRequest& request, mp::GetIndexStatisticsResponse* out) {
  const auto indexes = TRY(call.backend().DescribeIndex(call.Target(request), "", request.index_name()));
  for (const proxy::IndexInfo& index : indexes) EncodeIndex(index, out->add_index_descriptions());
  return OkStatus();
}

Status GetIndexState(const Call& call, const mp::GetIndexStateRequest& request, mp::GetIndexStateResponse* out) {
  const auto indexes = TRY(call.backend().DescribeIndex(call.Target(request), request.field_name(), request.index_name()));
  // Of several, the one that is furthest from done.
  const proxy::IndexInfo* slowest = nullptr;
  for (const proxy::IndexInfo& index : indexes) {
    if (slowest == nullptr || index.state == proxy::IndexState::kFailed || index.state < slowest->state) slowest = &index;
  }
  if (slowest == nullptr) return OkStatus();
  out->set_state(static_cast<pb::common::IndexState>(slowest->state));
  out->set_fail_reason(slowest->fail_reason);
  return OkStatus();
}

Status GetIndexBuildProgress(const Call& call, const mp::GetIndexBuildProgressRequest& request, mp::GetIndexBuildProgressResponse* out) {
  int64_t indexed = 0;
  int64_t total = 0;
  for (const proxy::IndexInfo& index :
       TRY(call.backend().DescribeIndex(call.Target(request), request.field_name(), request.index_name()))) {
    indexed += index.indexed_rows;
    total += index.total_rows;
  }
  out->set_indexed_rows(indexed);
  out->set_total_rows(total);
  return OkStatus();
}

}  // namespace

std::vector<Method> IndexMethods() {
  return {Entry<CreateIndex>("CreateIndex"),
          Entry<AlterIndex>("AlterIndex"),
          Entry<DropIndex>("DropIndex"),
          Entry<DescribeIndex>("DescribeIndex"),
          Entry<GetIndexStatistics>("GetIndexStatistics"),
          Entry<GetIndexState>("GetIndexState"),
          Entry<GetIndexBuildProgress>("GetIndexBuildProgress")};
}

}  // namespace saker::rpc
