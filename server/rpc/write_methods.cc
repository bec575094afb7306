#include "server/rpc/call.h"
#include "server/rpc/field_data.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

// Shared by Insert and Upsert, whose requests differ in little.
template <typename Request>
Result<proxy::InsertRequest> DecodeInsert(const Call& call, const Request& request) {
  if (!request.namespace_().empty()) return MilvusError(MilvusErrorCode::kUnimplemented, "namespaces are not supported");
  if (request.num_rows() == 0)
    return MilvusError(MilvusErrorCode::kInvalidParameter, "num_rows should be greater than 0: invalid parameter");
  // Every column has an entry for every row, so the rows are bounded by the message's size once there is one column.
  if (request.fields_data().empty()) {
    return MilvusError(MilvusErrorCode::kInvalidParameter, "a batch of ", request.num_rows(),
                       " rows holds no field data: invalid parameter");
  }
  proxy::InsertRequest insert;
  insert.target = call.Target(request);
  insert.partition = request.partition_name();
  insert.row_count = request.num_rows();
  insert.schema_timestamp = request.schema_timestamp();
  insert.columns = TRY(DecodeFields(request.fields_data(), insert.row_count));
  return insert;
}

void EncodeInserted(const proxy::MutationResponse& response, mp::MutationResult* out) {
  EncodeIds(response.ids, out->mutable_ids());
  auto* rows = out->mutable_succ_index();
  const auto count = static_cast<int>(response.ids.size());
  rows->Reserve(count);
  for (int i = 0; i < count; ++i) rows->AddAlreadyReserved(static_cast<uint32_t>(i));
  out->set_timestamp(response.timestamp);
  out->set_acknowledged(true);
}

Status Insert(const Call& call, const mp::InsertRequest& request, mp::MutationResult* out) {
  proxy::InsertRequest insert = TRY(DecodeInsert(call, request));
  const auto response = TRY(call.backend().Insert(std::move(insert), call.context));
  EncodeInserted(response, out);
  out->set_insert_cnt(response.count);
  return OkStatus();
}

Status Upsert(const Call& call, const mp::UpsertRequest& request, mp::MutationResult* out) {
  for (const auto& op : request.field_ops()) {
    if (op.op() != pb::schema::FieldPartialUpdateOp::REPLACE) {
      return MilvusError(MilvusErrorCode::kUnimplemented, "the partial update of field ", op.field_name(), " can only replace it");
    }
  }
  proxy::InsertRequest upsert = TRY(DecodeInsert(call, request));
  upsert.partial_update = request.partial_update();
  const auto response = TRY(call.backend().Upsert(std::move(upsert), call.context));
  EncodeInserted(response, out);
  out->set_upsert_cnt(response.count);
  return OkStatus();
}

// No ids in the answer: clients would return a list instead of the count.
Status Delete(const Call& call, const mp::DeleteRequest& request, mp::MutationResult* out) {
  proxy::DeleteRequest erase;
  erase.target = call.Target(request);
  erase.partition = request.partition_name();
  erase.filter = request.expr();
  erase.templates = TRY(DecodeTemplates(request.expr_template_values()));
  const auto response = TRY(call.backend().Delete(erase, call.context));
  out->set_delete_cnt(response.count);
  out->set_timestamp(response.timestamp);
  out->set_acknowledged(true);
  return OkStatus();
}

}  // namespace

std::vector<Method> WriteMethods() {
  return {Entry<Insert>("Insert"), Entry<Upsert>("Upsert"), Entry<Delete>("Delete")};
}

}  // namespace saker::rpc
