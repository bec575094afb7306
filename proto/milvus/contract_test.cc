// Samples of the wire contract, read back through descriptors: a number or a name that changes breaks every client.
#include <gtest/gtest.h>

#include "milvus/milvus.pb.h"

namespace saker {
namespace {

struct Sample {
  const char* message;
  const char* field;
  int number;
};

constexpr Sample kSamples[] = {
    {"common.Status", "error_code", 1},
    {"common.Status", "code", 3},
    {"common.Status", "extra_info", 6},
    {"common.PlaceholderValue", "values", 3},
    {"common.PlaceholderValue", "element_level", 4},
    {"common.ServerInfo", "build_tags", 1},
    {"common.SearchAggregationSpec", "search_size", 7},
    {"schema.FieldSchema", "default_value", 11},
    {"schema.FieldSchema", "nullable", 15},
    {"schema.FieldSchema", "is_function_output", 16},
    {"schema.CollectionSchema", "struct_array_fields", 9},
    {"schema.CollectionSchema", "enable_namespace", 15},
    {"schema.ScalarField", "json_data", 9},
    {"schema.ScalarField", "geometry_wkt_data", 12},
    {"schema.VectorField", "int8_vector", 7},
    {"schema.VectorField", "sparse_float_vector", 6},
    {"schema.FieldData", "vectors", 4},
    {"schema.FieldData", "valid_data", 7},
    {"schema.SearchResultData", "topks", 6},
    {"schema.SearchResultData", "search_iterator_v2_results", 11},
    {"schema.SearchResultData", "group_by_field_values", 17},
    {"schema.TemplateArrayValue", "json_data", 6},
    {"milvus.ConnectResponse", "identifier", 3},
    {"milvus.CreateCollectionRequest", "num_partitions", 8},
    {"milvus.DescribeCollectionResponse", "update_timestamp", 18},
    {"milvus.InsertRequest", "schema_timestamp", 8},
    {"milvus.UpsertRequest", "partial_update", 9},
    {"milvus.DeleteRequest", "expr_template_values", 8},
    {"milvus.SearchRequest", "placeholder_group", 6},
    {"milvus.SearchRequest", "ids", 22},
    {"milvus.SearchRequest", "function_score", 19},
    {"milvus.HybridSearchRequest", "rank_params", 6},
    {"milvus.QueryRequest", "query_params", 9},
    {"milvus.QueryResults", "primary_field_name", 6},
    {"milvus.MutationResult", "IDs", 2},
    {"milvus.MutationResult", "timestamp", 9},
    {"milvus.FlushResponse", "coll_flush_ts", 6},
    {"milvus.FlushAllResponse", "flush_all_msgs", 4},
    {"milvus.IndexDescription", "state", 7},
    {"milvus.AlterCollectionSchemaRequest.DropRequest", "function_name", 3},
    {"milvus.CreateCredentialRequest", "password", 3},
    {"msg.MsgPosition", "WAL_name", 5},
    {"rg.ResourceGroupConfig", "node_filter", 5},
};

TEST(MilvusContract, KeepsFieldNumbers) {
  ASSERT_NE(milvus::proto::milvus::ConnectRequest::descriptor(), nullptr);
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const Sample& sample : kSamples) {
    const auto* message = pool->FindMessageTypeByName(std::string("milvus.proto.") + sample.message);
    ASSERT_NE(message, nullptr) << sample.message;
    const auto* field = message->FindFieldByName(sample.field);
    ASSERT_NE(field, nullptr) << sample.message << "." << sample.field;
    EXPECT_EQ(field->number(), sample.number) << sample.message << "." << sample.field;
  }
}

TEST(MilvusContract, KeepsOneofsAndPresence) {
  const auto* search = milvus::proto::milvus::SearchRequest::descriptor();
  EXPECT_EQ(search->FindFieldByName("ids")->containing_oneof()->name(), "search_input");
  EXPECT_EQ(search->FindFieldByName("placeholder_group")->containing_oneof()->name(), "search_input");
  EXPECT_TRUE(search->FindFieldByName("namespace")->has_presence());
  EXPECT_TRUE(milvus::proto::schema::FieldData::descriptor()->FindFieldByName("valid_data")->is_packed());
}

TEST(MilvusContract, KeepsEnumNamesAndNumbers) {
  EXPECT_EQ(milvus::proto::schema::DataType_Name(milvus::proto::schema::SparseFloatVector), "SparseFloatVector");
  EXPECT_EQ(milvus::proto::schema::SparseFloatVector, 104);
  EXPECT_EQ(milvus::proto::common::LoadStateLoaded, 3);
  EXPECT_EQ(milvus::proto::common::SchemaMismatch, 62);
  EXPECT_EQ(milvus::proto::common::EmbListInt8Vector, 305);
}

TEST(MilvusContract, ServesTheMethodsOfTheReference) {
  const auto* service = milvus::proto::milvus::ConnectRequest::descriptor()->file()->FindServiceByName("MilvusService");
  ASSERT_NE(service, nullptr);
  EXPECT_EQ(service->full_name(), "milvus.proto.milvus.MilvusService");
  EXPECT_EQ(service->method_count(), 114);
  EXPECT_EQ(service->FindMethodByName("Query")->output_type()->name(), "QueryResults");
  EXPECT_EQ(service->FindMethodByName("GetCompactionStateWithPlans")->input_type()->name(), "GetCompactionPlansRequest");
  EXPECT_EQ(service->FindMethodByName("LoadCollection")->output_type()->full_name(), "milvus.proto.common.Status");
}

}  // namespace
}  // namespace saker
