#include "server/rpc/field_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "server/rpc/float16.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

using pb::schema::FieldData;

FieldData Field(pb::schema::DataType type, const std::vector<bool>& valid = {}) {
  FieldData data;
  data.set_type(type);
  data.set_field_name("f");
  for (const bool v : valid) data.add_valid_data(v);
  return data;
}

std::string SparseRow(std::initializer_list<std::pair<uint32_t, float>> entries) {
  std::string row;
  for (const auto& [index, value] : entries) {
    row.append(reinterpret_cast<const char*>(&index), 4);
    row.append(reinterpret_cast<const char*>(&value), 4);
  }
  return row;
}

// Three rows of every type, the second null and absent from the values.
std::vector<FieldData> CompressedFields() {
  using namespace milvus::proto::schema;
  const std::vector<bool> valid = {true, false, true};
  std::vector<FieldData> fields;
  const auto add = [&](milvus::proto::schema::DataType type) -> FieldData& { return fields.emplace_back(Field(type, valid)); };
  const auto scalars = [&](milvus::proto::schema::DataType type) { return add(type).mutable_scalars(); };
  for (const bool v : {true, false}) {
    if (v) scalars(Bool);
    fields.back().mutable_scalars()->mutable_bool_data()->add_data(v);
  }
  for (const auto type : {Int8, Int16, Int32}) {
    auto* ints = scalars(type)->mutable_int_data();
    ints->add_data(-7);
    ints->add_data(100);
  }
  auto* longs = scalars(Int64)->mutable_long_data();
  longs->add_data(int64_t{1} << 60);
  longs->add_data(-1);
  auto* floats = scalars(Float)->mutable_float_data();
  floats->add_data(1.5f);
  floats->add_data(-2.5f);
  auto* doubles = scalars(Double)->mutable_double_data();
  doubles->add_data(1e300);
  doubles->add_data(0);
  auto* strings = scalars(VarChar)->mutable_string_data();
  strings->add_data("");
  strings->add_data("héllo");
  auto* json = scalars(JSON)->mutable_json_data();
  json->add_data("{\"a\":1}");
  json->add_data("[]");
  auto* arrays = scalars(Array)->mutable_array_data();
  arrays->set_element_type(Int16);
  arrays->add_data()->mutable_int_data()->add_data(3);
  arrays->add_data()->mutable_int_data();
  auto* texts = scalars(Array)->mutable_array_data();
  texts->set_element_type(VarChar);
  texts->add_data()->mutable_string_data()->add_data("one");
  texts->mutable_data(0)->mutable_string_data()->add_data("");
  texts->add_data()->mutable_string_data();
  const auto vectors = [&](milvus::proto::schema::DataType type, int64_t dim) {
    auto* v = add(type).mutable_vectors();
    v->set_dim(dim);
    return v;
  };
  auto* dense = vectors(FloatVector, 2)->mutable_float_vector();
  for (const float v : {1.f, 2.f, 3.f, 4.f}) dense->add_data(v);
  vectors(BinaryVector, 16)->set_binary_vector("abcd");
  vectors(Float16Vector, 2)->set_float16_vector("abcdefgh");
  vectors(BFloat16Vector, 2)->set_bfloat16_vector("abcdefgh");
  vectors(Int8Vector, 2)->set_int8_vector("abcd");
  auto* sparse = vectors(SparseFloatVector, 0)->mutable_sparse_float_vector();
  sparse->add_contents(SparseRow({{1, 0.5f}, {900, 1.f}}));
  sparse->add_contents("");
  return fields;
}

TEST(FieldData, RoundTripsEveryTypeWithNulls) {
  for (const FieldData& field : CompressedFields()) {
    SCOPED_TRACE(field.ShortDebugString());
    const auto decoded = DecodeField(field, 3);
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    ASSERT_EQ(decoded->column.row_count(), 3u);
    EXPECT_TRUE(decoded->column.IsValid(0));
    EXPECT_FALSE(decoded->column.IsValid(1));
    EXPECT_TRUE(decoded->column.IsValid(2));
    FieldData encoded;
    EncodeField(*decoded, &encoded);
    EXPECT_EQ(encoded.type(), field.type());
    ASSERT_EQ(encoded.valid_data_size(), 3);
    // Scalars come back expanded, vectors compressed; both must decode to the same column again.
    const auto again = DecodeField(encoded, 3);
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    std::string first, second;
    decoded->column.EncodeTo(&first);
    again->column.EncodeTo(&second);
    EXPECT_EQ(first, second);
  }
}

TEST(FieldData, ExpandsScalarsAndCompressesVectorsOnOutput) {
  for (const FieldData& field : CompressedFields()) {
    FieldData encoded;
    EncodeField(*DecodeField(field, 3), &encoded);
    if (field.type() == pb::schema::Int64) { EXPECT_EQ(encoded.scalars().long_data().data_size(), 3); }
    if (field.type() == pb::schema::VarChar) { EXPECT_EQ(encoded.scalars().string_data().data_size(), 3); }
    if (field.type() == pb::schema::FloatVector) {
      EXPECT_EQ(encoded.vectors().float_vector().data_size(), 4);
      EXPECT_EQ(encoded.vectors().dim(), 2);
    }
    if (field.type() == pb::schema::SparseFloatVector) {
      EXPECT_EQ(encoded.vectors().sparse_float_vector().contents_size(), 2);
      EXPECT_EQ(encoded.vectors().sparse_float_vector().dim(), 901);
    }
  }
}

TEST(FieldData, SetsTypeAndOneofWithoutRows) {
  for (const FieldData& field : CompressedFields()) {
    const auto full = *DecodeField(field, 3);
    proxy::NamedColumn empty{.name = "f",
                             .is_dynamic = false,
                             .column = Column(full.column.type(), full.column.element_type(), full.column.width_bytes()),
                             .dim = full.dim};
    FieldData encoded;
    EncodeField(empty, &encoded);
    EXPECT_EQ(encoded.type(), field.type());
    EXPECT_NE(encoded.field_case(), FieldData::FIELD_NOT_SET);
    if (encoded.has_scalars()) { EXPECT_NE(encoded.scalars().data_case(), pb::schema::ScalarField::DATA_NOT_SET); }
    if (encoded.has_vectors()) { EXPECT_NE(encoded.vectors().data_case(), pb::schema::VectorField::DATA_NOT_SET); }
    if (encoded.has_vectors() && field.type() != pb::schema::SparseFloatVector) { EXPECT_EQ(encoded.vectors().dim(), full.dim); }
  }
}

TEST(FieldData, ChecksRowCounts) {
  FieldData field = Field(pb::schema::Int64);
  field.mutable_scalars()->mutable_long_data()->add_data(1);
  const auto wrong = DecodeField(field, 2);
  EXPECT_EQ(wrong.status().message(), "the num_rows (1) of field (f) is not equal to passed num_rows (2)");
  EXPECT_EQ(MilvusCode(wrong.status()), 1100);
  field.add_valid_data(true);
  EXPECT_FALSE(DecodeField(field, 2).ok());
  field.add_valid_data(true);
  EXPECT_FALSE(DecodeField(field, 2).ok());
  field.set_valid_data(1, false);
  EXPECT_TRUE(DecodeField(field, 2).ok());
  field.mutable_scalars()->mutable_long_data()->add_data(5);  // expanded: the null row has a value too
  ASSERT_TRUE(DecodeField(field, 2).ok());
  EXPECT_FALSE(DecodeField(field, 2)->column.IsValid(1));
}

TEST(FieldData, RefusesDataThatDoesNotFitItsType) {
  FieldData field = Field(pb::schema::VarChar);
  field.mutable_scalars()->mutable_long_data()->add_data(1);
  EXPECT_FALSE(DecodeField(field, 1).ok());
  field = Field(pb::schema::FloatVector);
  field.mutable_scalars()->mutable_long_data()->add_data(1);
  EXPECT_FALSE(DecodeField(field, 1).ok());
  field = Field(pb::schema::Int8);
  field.mutable_scalars()->mutable_int_data()->add_data(128);
  EXPECT_FALSE(DecodeField(field, 1).ok());
  field = Field(pb::schema::Array);
  field.mutable_scalars()->mutable_array_data()->set_element_type(pb::schema::Int64);
  field.mutable_scalars()->mutable_array_data()->add_data()->mutable_string_data()->add_data("x");
  EXPECT_FALSE(DecodeField(field, 1).ok());
  for (const int64_t dim : {int64_t{0}, int64_t{-4}, int64_t{3}, int64_t{1} << 62}) {
    field = Field(pb::schema::FloatVector);
    field.mutable_vectors()->set_dim(dim);
    for (int i = 0; i < 4; ++i) field.mutable_vectors()->mutable_float_vector()->add_data(1);
    EXPECT_FALSE(DecodeField(field, 1).ok()) << dim;
  }
  for (const auto type : {pb::schema::Geometry, pb::schema::Timestamptz, pb::schema::ArrayOfVector, pb::schema::None}) {
    EXPECT_FALSE(DecodeField(Field(type), 0).ok()) << type;
  }
}

TEST(FieldData, ConvertsFloatsForHalfVectors) {
  FieldData field = Field(pb::schema::Float16Vector);
  field.mutable_vectors()->set_dim(4);
  for (const float v : {1.f, -2.f, 65504.f, 6e-8f}) field.mutable_vectors()->mutable_float_vector()->add_data(v);
  const auto half = DecodeField(field, 1);
  ASSERT_TRUE(half.ok()) << half.status().ToString();
  const auto* values = static_cast<const uint16_t*>(half->column.Row(0));
  EXPECT_EQ(values[0], 0x3c00);
  EXPECT_EQ(values[1], 0xc000);
  EXPECT_EQ(values[2], 0x7bff);
  EXPECT_EQ(values[3], 0x0001);
  EXPECT_EQ(FloatToFloat16(1e6f), 0x7c00);
  EXPECT_EQ(FloatToFloat16(std::nanf("")), 0x7e00);
  EXPECT_EQ(FloatToBFloat16(1.f), 0x3f80);
  EXPECT_EQ(FloatToBFloat16(1.00390625f), 0x3f80);  // halfway: to even
}

TEST(Sparse, IsSortedAndChecked) {
  int64_t dim = 0;
  EXPECT_EQ(*NormalizeSparseRow(SparseRow({{9, 1}, {2, 3}}), &dim), SparseRow({{2, 3}, {9, 1}}));
  EXPECT_EQ(dim, 10);
  EXPECT_FALSE(NormalizeSparseRow("1234567", &dim).ok());
  EXPECT_FALSE(NormalizeSparseRow(SparseRow({{1, 1}, {1, 2}}), &dim).ok());
  EXPECT_FALSE(NormalizeSparseRow(SparseRow({{1, NAN}}), &dim).ok());
  EXPECT_FALSE(NormalizeSparseRow(SparseRow({{0xffffffffu, 1}}), &dim).ok());
}

std::string Placeholders(pb::common::PlaceholderType type, std::initializer_list<std::string> values) {
  pb::common::PlaceholderGroup group;
  auto* placeholder = group.add_placeholders();
  placeholder->set_tag("$0");
  placeholder->set_type(type);
  for (const std::string& value : values) placeholder->add_values(value);
  return group.SerializeAsString();
}

TEST(Placeholders, BecomeQueries) {
  const auto vectors = DecodePlaceholders(Placeholders(pb::common::PlaceholderType::FloatVector, {"12345678", "abcdefgh"}));
  ASSERT_TRUE(vectors.ok());
  EXPECT_EQ(vectors->kind, proxy::Queries::Kind::kVectors);
  EXPECT_EQ(vectors->count(), 2u);
  EXPECT_EQ(vectors->values[1], "abcdefgh");
  const auto texts = DecodePlaceholders(Placeholders(pb::common::PlaceholderType::VarChar, {"a question"}));
  EXPECT_EQ(texts->kind, proxy::Queries::Kind::kTexts);
  EXPECT_FALSE(DecodePlaceholders(Placeholders(pb::common::PlaceholderType::VarChar, {"\xff"})).ok());
  EXPECT_FALSE(DecodePlaceholders(Placeholders(pb::common::PlaceholderType::FloatVector, {"123"})).ok());
  EXPECT_FALSE(DecodePlaceholders(Placeholders(pb::common::EmbListFloatVector, {"1234"})).ok());
  EXPECT_FALSE(DecodePlaceholders("\x0a\xff").ok());
  EXPECT_FALSE(DecodePlaceholders("").ok());
}

TEST(Templates, KeepTypesAndNesting) {
  google::protobuf::Map<std::string, pb::schema::TemplateValue> values;
  values["i"].set_int64_val(5);
  values["l"].mutable_array_val()->mutable_array_data()->add_data()->mutable_long_data()->add_data(1);
  values["j"].mutable_array_val()->mutable_json_data()->add_data("{}");
  const auto templates = DecodeTemplates(values);
  ASSERT_TRUE(templates.ok());
  EXPECT_EQ(std::get<int64_t>(templates->at("i").value), 5);
  const auto& outer = std::get<filter::TemplateValue::List>(templates->at("l").value);
  EXPECT_EQ(std::get<int64_t>(std::get<filter::TemplateValue::List>(outer[0].value)[0].value), 1);
  EXPECT_EQ(std::get<filter::Json>(std::get<filter::TemplateValue::List>(templates->at("j").value)[0].value).text, "{}");
  values["n"];
  EXPECT_FALSE(DecodeTemplates(values).ok());
}

TEST(Ids, KeepTheirType) {
  pb::schema::IDs ids;
  EncodeIds({.type = DataType::kVarChar, .ints = {}, .strings = {"a", "b"}}, &ids);
  EXPECT_EQ(DecodeIds(ids)->strings, (std::vector<std::string>{"a", "b"}));
  EncodeIds({.type = DataType::kInt64, .ints = {4, 5}, .strings = {}}, &ids);
  EXPECT_EQ(DecodeIds(ids)->ints, (std::vector<int64_t>{4, 5}));
}

}  // namespace
}  // namespace saker::rpc
