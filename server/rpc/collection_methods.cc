#include "common/timestamp.h"
#include "server/rpc/call.h"
#include "server/rpc/schema_codec.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

using CollectionPtr = std::shared_ptr<const proxy::CollectionInfo>;

constexpr auto kCollectionNotFound = static_cast<int32_t>(MilvusErrorCode::kCollectionNotFound);

Status CreateCollection(const Call& call, const mp::CreateCollectionRequest& request, pb::common::Status*) {
  proxy::CreateCollectionRequest create;
  create.target = call.Target(request);
  create.schema = TRY(DecodeCollectionSchema(request.schema()));
  create.schema.name = request.collection_name();
  create.shards = request.shards_num();
  create.partitions = request.num_partitions();
  if (request.consistency_level() < 0 || request.consistency_level() > pb::common::Customized) {
    return MilvusError(MilvusErrorCode::kInvalidParameter, "invalid consistency level: ", request.consistency_level());
  }
  create.consistency = static_cast<ConsistencyLevel>(request.consistency_level());
  create.properties = DecodeKeyValues(request.properties());
  return call.backend().CreateCollection(create);
}

Status DropCollection(const Call& call, const mp::DropCollectionRequest& request, pb::common::Status*) {
  return call.backend().DropCollection(call.Target(request));
}

Status TruncateCollection(const Call& call, const mp::TruncateCollectionRequest& request, mp::TruncateCollectionResponse*) {
  return call.backend().TruncateCollection(call.Target(request));
}

Status HasCollection(const Call& call, const mp::HasCollectionRequest& request, mp::BoolResponse* out) {
  const auto found = call.backend().DescribeCollection(call.Target(request));
  if (!found.ok() && MilvusCode(found.status()) != kCollectionNotFound) return found.status();
  out->set_value(found.ok());
  return OkStatus();
}

void EncodeCollection(const proxy::CollectionInfo& info, mp::DescribeCollectionResponse* out) {
  EncodeCollectionSchema(info.schema, out->mutable_schema());
  out->mutable_schema()->set_name(info.name);
  out->set_collectionid(info.id.value);
  out->set_collection_name(info.name);
  out->set_db_name(info.database);
  out->set_db_id(info.database_id.value);
  out->set_shards_num(info.shards);
  out->set_num_partitions(info.partitions);
  out->set_consistency_level(static_cast<pb::common::ConsistencyLevel>(info.consistency));
  for (const std::string& alias : info.aliases) out->add_aliases(alias);
  EncodeKeyValues(info.properties, out->mutable_properties());
  out->set_created_timestamp(info.created);
  out->set_created_utc_timestamp(TimestampMs(info.created));
  out->set_update_timestamp(info.updated);
  out->set_update_timestamp_str(std::to_string(info.updated));
  for (int32_t shard = 0; shard < info.shards; ++shard) {
    const std::string channel = "saker-dml_" + std::to_string(shard);
    out->add_physical_channel_names(channel);
    out->add_virtual_channel_names(channel + "_" + std::to_string(info.id.value) + "v" + std::to_string(shard));
  }
}

// This call words "not found" in its own way and with another legacy code; has_collection() of clients depends on both.
Status Describe(const Call& call, const std::string& database, const std::string& name, int64_t id, mp::DescribeCollectionResponse* out) {
  Result<CollectionPtr> info =
      name.empty() && id != 0 ? call.backend().DescribeCollection(CollectionId(id)) : call.backend().DescribeCollection({database, name});
  if (info.ok()) {
    EncodeCollection(**info, out);
    return OkStatus();
  }
  if (MilvusCode(info.status()) != kCollectionNotFound) return info.status();
  const std::string what = name.empty() ? std::to_string(id) : name;
  EncodeStatus(MilvusError(MilvusErrorCode::kCollectionNotFound, "can't find collection[database=", database, "][collection=", what, "]"),
               out->mutable_status());
  out->mutable_status()->set_error_code(pb::common::UnexpectedError);
  return OkStatus();
}

Status DescribeCollection(const Call& call, const mp::DescribeCollectionRequest& request, mp::DescribeCollectionResponse* out) {
  return Describe(call, call.Database(request.db_name()), request.collection_name(), request.collectionid(), out);
}

Status BatchDescribeCollection(const Call& call, const mp::BatchDescribeCollectionRequest& request,
                               mp::BatchDescribeCollectionResponse* out) {
  const std::string database = call.Database(request.db_name());
  const auto add = [&](const std::string& name, int64_t id) {
    auto* response = out->add_responses();
    const Status status = Describe(call, database, name, id, response);
    EncodeStatus(status, response->mutable_status());
  };
  for (const std::string& name : request.collection_name()) add(name, 0);
  for (const int64_t id : request.collectionid()) add("", id);
  return OkStatus();
}

Status ShowCollections(const Call& call, const mp::ShowCollectionsRequest& request, mp::ShowCollectionsResponse* out) {
  const bool loaded_only = request.type() == mp::InMemory;
  const auto& wanted = request.collection_names();
  for (const CollectionPtr& info : TRY(call.backend().ListCollections(call.Database(request.db_name())))) {
    if (loaded_only && !info->loaded) continue;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), info->name) == wanted.end()) continue;
    out->add_collection_names(info->name);
    out->add_collection_ids(info->id.value);
    out->add_created_timestamps(info->created);
    out->add_created_utc_timestamps(TimestampMs(info->created));
    out->add_shards_num(info->shards);
    if (loaded_only) {
      const Result<int> progress = call.backend().LoadProgress({info->database, info->name}, {});
      out->add_inmemory_percentages(progress.ok() ? *progress : 0);
      out->add_query_service_available(progress.ok() && *progress >= 100);
    }
  }
  return OkStatus();
}

Status RenameCollection(const Call& call, const mp::RenameCollectionRequest& request, pb::common::Status*) {
  const std::string database = call.Database(request.db_name());
  const std::string target = request.newdbname().empty() ? database : request.newdbname();
  return call.backend().RenameCollection({database, request.oldname()}, {target, request.newname()});
}

Status AlterCollection(const Call& call, const mp::AlterCollectionRequest& request, pb::common::Status*) {
  return call.backend().AlterCollection(call.Target(request), DecodeKeyValues(request.properties()),
                                        {request.delete_keys().begin(), request.delete_keys().end()});
}

Status AlterCollectionField(const Call& call, const mp::AlterCollectionFieldRequest& request, pb::common::Status*) {
  return call.backend().AlterField(call.Target(request), request.field_name(), DecodeKeyValues(request.properties()),
                                   {request.delete_keys().begin(), request.delete_keys().end()});
}

Status AddCollectionField(const Call& call, const mp::AddCollectionFieldRequest& request, pb::common::Status*) {
  pb::schema::FieldSchema schema;
  if (!schema.ParseFromString(request.schema())) {
    return MilvusError(MilvusErrorCode::kInvalidParameter, "the field schema of ", request.schema().size(), " bytes cannot be parsed");
  }
  return call.backend().AddField(call.Target(request), TRY(DecodeFieldSchema(schema)));
}

Status GetCollectionStatistics(const Call& call, const mp::GetCollectionStatisticsRequest& request,
                               mp::GetCollectionStatisticsResponse* out) {
  const int64_t rows = TRY(call.backend().RowCount(call.Target(request), ""));
  EncodeKeyValues({{"row_count", std::to_string(rows)}}, out->mutable_stats());
  return OkStatus();
}

}  // namespace

std::vector<Method> CollectionMethods() {
  return {Entry<CreateCollection>("CreateCollection"),     Entry<DropCollection>("DropCollection"),
          Entry<TruncateCollection>("TruncateCollection"), Entry<HasCollection>("HasCollection"),
          Entry<DescribeCollection>("DescribeCollection"), Entry<BatchDescribeCollection>("BatchDescribeCollection"),
          Entry<ShowCollections>("ShowCollections"),       Entry<RenameCollection>("RenameCollection"),
          Entry<AlterCollection>("AlterCollection"),       Entry<AlterCollectionField>("AlterCollectionField"),
          Entry<AddCollectionField>("AddCollectionField"), Entry<GetCollectionStatistics>("GetCollectionStatistics")};
}

}  // namespace saker::rpc
