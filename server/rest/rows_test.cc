#include <cmath>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "server/rest/base64.h"
#include "server/rest/rest_test_base.h"
#include "server/rest/rows_in.h"
#include "server/rest/rows_out.h"
#include "server/rest/vector_json.h"

namespace saker::rest {
namespace {

using ::testing::HasSubstr;

proxy::CollectionInfo EveryType() {
  proxy::CollectionInfo info;
  auto& fields = info.schema.fields;
  fields = {MakeField(100, "pk", DataType::kVarChar),
            MakeField(101, "b", DataType::kBool),
            MakeField(102, "i8", DataType::kInt8),
            MakeField(103, "i16", DataType::kInt16),
            MakeField(104, "i32", DataType::kInt32),
            MakeField(105, "i64", DataType::kInt64),
            MakeField(106, "f", DataType::kFloat),
            MakeField(107, "d", DataType::kDouble),
            MakeField(108, "s", DataType::kVarChar),
            MakeField(109, "j", DataType::kJson),
            MakeField(110, "a", DataType::kArray),
            MakeField(111, "as", DataType::kArray),
            MakeField(112, "fv", DataType::kFloatVector, 2),
            MakeField(113, "bv", DataType::kBinaryVector, 16),
            MakeField(114, "hv", DataType::kFloat16Vector, 2),
            MakeField(115, "gv", DataType::kBFloat16Vector, 2),
            MakeField(116, "iv", DataType::kInt8Vector, 2),
            MakeField(117, "sv", DataType::kSparseFloatVector)};
  fields[0].is_primary_key = true;
  fields[4].nullable = true;
  fields[8].default_value = std::string("standard");
  fields[10].element_type = DataType::kInt32;
  fields[11].element_type = DataType::kVarChar;
  return info;
}

Result<ColumnsOfRows> Parse(const std::string& json, const proxy::CollectionInfo& info, RowsFor purpose = RowsFor::kInsert) {
  const auto document = JsonDocument::Parse("{\"data\":" + json + "}");
  if (!document.ok()) return document.status();
  return RowsToColumns(*(*document)->root().Find("data"), info, purpose);
}

std::string Format(const ColumnsOfRows& rows, size_t row) {
  JsonWriter out;
  out.BeginObject();
  const std::vector<std::string> fields;
  RowWriter(rows.columns, fields, Int64As::kNumber).Write(row, "", &out);
  return out.EndObject().Take();
}

TEST(Rows, EveryTypeGoesInAndOut) {
  const auto rows = Parse(R"([{"pk":"k1","b":true,"i8":-128,"i16":32767,"i32":null,"i64":-9223372036854775808,"f":0.1,"d":1e300,
      "s":"é\n","j":{"x":[1,"2"]},"a":[1,-2],"as":["x",""],"fv":[1.5,-2],"bv":[1,255],"hv":[1,-0.5],"gv":[1,3.140625],"iv":[-128,127],
      "sv":{"10":0.5,"2":1.25}},
      {"pk":"k2","b":false,"i8":0,"i16":"-5","i32":7,"i64":"12","f":"0.5","d":1,"s":null,"j":"{\"y\": 1}","a":[],"as":[],"fv":[0,0],
      "bv":"Af8=","hv":"ADwAuA==","gv":[128,63,73,64],"iv":"gH8=","sv":{"indices":[3,1],"values":[1,2]}}])",
                          EveryType());
  ASSERT_TRUE(rows.ok()) << rows.status().message();
  EXPECT_EQ(Format(*rows, 0),
            R"({"pk":"k1","b":true,"i8":-128,"i16":32767,"i32":null,"i64":-9223372036854775808,"f":0.1,"d":1e+300,"s":"é\n",)"
            R"("j":"{\"x\":[1,\"2\"]}","a":{"Data":{"IntData":{"data":[1,-2]}}},"as":{"Data":{"StringData":{"data":["x",""]}}},)"
            R"("fv":[1.5,-2],"bv":"Af8=","hv":"ADwAuA==","gv":"gD9JQA==","iv":[-128,127],"sv":{"2":1.25,"10":0.5}})");
  EXPECT_EQ(Format(*rows, 1),
            R"({"pk":"k2","b":false,"i8":0,"i16":-5,"i32":7,"i64":12,"f":0.5,"d":1,"s":null,"j":"{\"y\":1}",)"
            R"("a":{"Data":{"IntData":{"data":[]}}},"as":{"Data":{"StringData":{"data":[]}}},"fv":[0,0],"bv":"Af8=","hv":"ADwAuA==",)"
            R"("gv":"gD9JQA==","iv":[-128,127],"sv":{"1":2,"3":1}})");
  for (const auto& column : rows->columns) { EXPECT_TRUE(column.name != "sv" || column.dim == 11); }
}

TEST(Rows, RefusesWhatDoesNotFit) {
  const proxy::CollectionInfo info = EveryType();
  const std::pair<const char*, const char*> cases[] = {
      {R"({"i8":128})", "128 is out of range for Int8"},
      {R"({"i8":1.0})", "a Int8 cannot be a number"},
      {R"({"i64":9223372036854775808})", "a Int64 cannot be an integer"},
      {R"({"f":1e39})", "is not a number or infinity"},
      {R"({"f":"nan"})", "is not a number or infinity"},
      {R"({"f":"1x"})", "a Float cannot be a string"},
      {R"({"s":5})", "a VarChar cannot be an integer"},
      {R"({"b":1})", "a Bool cannot be an integer"},
      {R"({"a":[1,null]})", "a Int32 cannot be null"},
      {R"({"a":5})", "a Array cannot be an integer"},
      {R"({"bv":[1]})", "vector dimension mismatch"},
      {R"({"bv":[1,256]})", "integers from 0 to 255"},
      {R"({"bv":"!!"})", "base64"},
      {R"({"hv":[1,70000]})", "too large for an element of a Float16Vector"},
      {R"({"iv":[1,128]})", "integers from -128 to 127"},
      {R"({"sv":{"-1":1}})", "index -1 is not in"},
      {R"({"sv":{"4294967295":1}})", "index 4294967295 is not in"},
      {R"({"sv":{"1":1,"01":2}})", "has index 1 twice"},
      {R"({"sv":{"x":1}})", "'x' is not an integer"},
      {R"({"sv":{"indices":[1],"values":[1,2]}})", "1 indices and 2 values"},
      {R"({"sv":[1,2]})", "should be an object"},
      {R"({"nope":1})", "has pass more fields without dynamic schema"},
      {R"({})", "has no corresponding fieldData"},
  };
  for (const auto& [json, message] : cases) {
    const Status status = Parse(json, info).status();
    EXPECT_EQ(status.detail_code(), kBadInsertData) << json;
    EXPECT_THAT(status.message(), HasSubstr(message)) << json;
  }
}

TEST(Rows, AutoIdsAndFunctionOutputsAreNotGiven) {
  proxy::CollectionInfo info;
  info.schema.fields = {MakeField(100, "id", DataType::kInt64), MakeField(101, "t", DataType::kVarChar),
                        MakeField(102, "v", DataType::kFloatVector, 2)};
  info.schema.fields[0].is_primary_key = info.schema.fields[0].auto_id = true;
  info.schema.fields[2].is_function_output = true;
  EXPECT_EQ(Parse(R"({"t":"x"})", info).value().columns.size(), 1u);
  EXPECT_THAT(Parse(R"({"id":1,"t":"x"})", info).status().message(), HasSubstr("no need to pass pk field(id)"));
  EXPECT_THAT(Parse(R"({"t":"x","v":[1,2]})", info).status().message(), HasSubstr("filled by a function"));
  EXPECT_EQ(Parse(R"({"id":1,"t":"x"})", info, RowsFor::kUpsert).value().columns.size(), 2u);
  EXPECT_FALSE(Parse(R"({"t":"x"})", info, RowsFor::kUpsert).ok());
  info.properties = {{"allow_insert_auto_id", "true"}};
  EXPECT_TRUE(Parse(R"({"id":1,"t":"x"})", info).ok());
}

TEST(Rows, HalfPrecisionRoundsToNearestEven) {
  const auto half = [](const std::string& number) {
    simdjson::dom::parser parser;
    std::string bytes;
    EXPECT_TRUE(AppendVectorBytes(DataType::kFloat16Vector, 1, parser.parse("[" + number + "]"), &bytes, nullptr).ok()) << number;
    uint16_t value;
    std::memcpy(&value, bytes.data(), 2);
    return value;
  };
  EXPECT_EQ(half("0"), 0);
  EXPECT_EQ(half("-0.0"), 0x8000);
  EXPECT_EQ(half("1"), 0x3c00);
  EXPECT_EQ(half("65504"), 0x7bff);
  EXPECT_EQ(half("1.00048828125"), 0x3c00);    // a tie, to even
  EXPECT_EQ(half("1.00146484375"), 0x3c02);    // a tie, to even
  EXPECT_EQ(half("6.103515625e-05"), 0x0400);  // the smallest normal one
  EXPECT_EQ(half("5.9604645e-08"), 0x0001);    // the smallest of all
  EXPECT_EQ(half("-0.333251953125"), 0xb555);
}

TEST(Base64, RoundTripsAndRefuses) {
  std::mt19937 random(7);
  for (size_t size = 0; size < 100; ++size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(random()));
    std::string text;
    AppendBase64(&text, bytes);
    EXPECT_EQ(text.size() % 4, 0u);
    EXPECT_EQ(DecodeBase64(text), bytes);
  }
  for (const char* bad : {"A", "A===", "AA AA", "A-_A", "\xff\xff"}) EXPECT_FALSE(DecodeBase64(bad).has_value()) << bad;
}

TEST(JsonWriter, EscapesAndRoundTrips) {
  JsonWriter out;
  out.BeginObject()
      .Key("a\"b")
      .String("\\ \n \x01 \x7f é")
      .Key("n")
      .BeginArray()
      .Number(0.1F)
      .Number(1e-45F)
      .Number(NAN)
      .Number(-0.0)
      .EndArray();
  EXPECT_EQ(out.EndObject().Take(), "{\"a\\\"b\":\"\\\\ \\n \\u0001 \x7f é\",\"n\":[0.1,1e-45,null,-0]}");
}

}  // namespace
}  // namespace saker::rest
