#include "server/schema/schema.h"

#include <random>

#include <gtest/gtest.h>

#include "common/checksum.h"
#include "server/schema/column.h"

namespace saker {
namespace {

constexpr DataType kEveryType[] = {
    DataType::kBool,
    DataType::kInt8,
    DataType::kInt16,
    DataType::kInt32,
    DataType::kInt64,
    DataType::kFloat,
    DataType::kDouble,
    DataType::kString,
    DataType::kVarChar,
    DataType::kArray,
    DataType::kJson,
    DataType::kGeometry,
    DataType::kText,
    DataType::kTimestamptz,
    DataType::kBinaryVector,
    DataType::kFloatVector,
    DataType::kFloat16Vector,
    DataType::kBFloat16Vector,
    DataType::kSparseFloatVector,
    DataType::kInt8Vector,
};

FieldSchema Field(DataType type, DataType element = DataType::kNone) {
  FieldSchema field;
  field.type = type;
  field.element_type = element;
  field.dim = IsVector(type) ? 16 : 0;
  return field;
}

std::string ArrayRow(DataType element, std::mt19937_64& random) {
  ArrayBuilder builder(element);
  for (size_t n = random() % 4; n > 0; --n) {
    if (element == DataType::kBool) {
      builder.AddBool(random() % 2 == 0);
    } else if (IsString(element)) {
      builder.AddString(std::string(random() % 5, 'x'));
    } else if (IsFloating(element)) {
      builder.AddNumber(static_cast<double>(random() % 100) / 4);
    } else {
      builder.AddInteger(static_cast<int64_t>(random() % 100) - 50);
    }
  }
  return builder.Finish();
}

void AppendRandom(Column& column, std::mt19937_64& random) {
  if (column.type() == DataType::kArray) {
    column.AppendVariable(ArrayRow(column.element_type(), random));
  } else if (column.type() == DataType::kSparseFloatVector) {
    std::string row;
    uint32_t index = 0;
    for (size_t n = random() % 4; n > 0; --n) {
      index += 1 + static_cast<uint32_t>(random() % 9);
      const float value = 0.5F;
      row.append(reinterpret_cast<const char*>(&index), 4).append(reinterpret_cast<const char*>(&value), 4);
    }
    column.AppendVariable(row);
  } else if (column.variable()) {
    column.AppendVariable("\"" + std::string(random() % 20, 'j') + "\"");
  } else {
    std::string bytes(column.width_bytes(), '\0');
    for (char& c : bytes) c = static_cast<char>(column.type() == DataType::kBool ? random() % 2 : random());
    column.AppendFixed(bytes.data());
  }
}

std::string RowBytes(const Column& column, size_t row) {
  if (column.variable()) return std::string(column.Text(row));
  return std::string(static_cast<const char*>(column.Row(row)), column.width_bytes());
}

void ExpectSameRow(const Column& a, size_t row_a, const Column& b, size_t row_b) {
  EXPECT_EQ(a.IsValid(row_a), b.IsValid(row_b));
  EXPECT_EQ(RowBytes(a, row_a), RowBytes(b, row_b));
}

Column RandomColumn(const FieldSchema& field, size_t rows, bool nulls, std::mt19937_64& random) {
  Column column(field, rows);
  for (size_t i = 0; i < rows; ++i) nulls&& random() % 3 == 0 ? column.AppendNull() : AppendRandom(column, random);
  return column;
}

std::vector<FieldSchema> EveryField() {
  std::vector<FieldSchema> fields;
  for (const DataType type : kEveryType) {
    if (type != DataType::kArray) fields.push_back(Field(type));
  }
  for (const DataType element : {DataType::kBool, DataType::kInt8, DataType::kInt16, DataType::kInt32, DataType::kInt64, DataType::kFloat,
                                 DataType::kDouble, DataType::kVarChar}) {
    fields.push_back(Field(DataType::kArray, element));
  }
  return fields;
}

TEST(DataType, NamesGoThereAndBack) {
  for (const DataType type : kEveryType) EXPECT_EQ(DataTypeFromName(DataTypeName(type)), type);
  EXPECT_EQ(DataTypeName(DataType::kJson), "JSON");
  EXPECT_EQ(DataTypeFromName("float"), DataType::kNone);
  EXPECT_EQ(DataTypeName(static_cast<DataType>(99)), "None");
}

TEST(CollectionSchema, FindsFieldsAndFunctions) {
  CollectionSchema schema;
  schema.fields = {Field(DataType::kInt64), Field(DataType::kVarChar), Field(DataType::kJson)};
  schema.fields[0].id = 100;
  schema.fields[0].name = "id";
  schema.fields[0].is_primary_key = true;
  schema.fields[1].id = 101;
  schema.fields[1].name = "tenant";
  schema.fields[1].is_partition_key = true;
  schema.fields[2].id = 102;
  schema.fields[2].name = kDynamicFieldName;
  schema.fields[2].is_dynamic = true;
  schema.functions.emplace_back();
  schema.functions[0].name = "f";
  schema.functions[0].outputs = {"sparse"};
  EXPECT_EQ(schema.FieldIndex("tenant"), 1);
  EXPECT_EQ(schema.FieldIndex("none"), -1);
  EXPECT_EQ(schema.FindId(102)->name, "$meta");
  EXPECT_EQ(schema.FindId(103), nullptr);
  EXPECT_EQ(schema.PrimaryKey().name, "id");
  EXPECT_EQ(schema.PartitionKey()->id, 101);
  EXPECT_EQ(schema.DynamicField()->id, 102);
  EXPECT_EQ(schema.FunctionFor("sparse")->name, "f");
  EXPECT_EQ(schema.FunctionFor("dense"), nullptr);
  EXPECT_EQ(FindValue({{"a", "1"}}, "b"), nullptr);
  EXPECT_EQ(*FindValue({{"a", "1"}}, "a"), "1");
}

TEST(Column, EveryTypeSurvivesEncodingWithAndWithoutNulls) {
  std::mt19937_64 random(7);
  for (const FieldSchema& field : EveryField()) {
    for (const bool nulls : {false, true}) {
      for (const size_t rows : {size_t{0}, size_t{1}, size_t{100}}) {
        const Column column = RandomColumn(field, rows, nulls, random);
        std::string bytes = "before";
        column.EncodeTo(&bytes);
        std::string_view in = std::string_view(bytes).substr(6);
        Result<Column> decoded = Column::Decode(&in);
        ASSERT_TRUE(decoded.ok()) << DataTypeName(field.type) << decoded.status().message();
        EXPECT_TRUE(in.empty());
        ASSERT_EQ(decoded->row_count(), rows);
        EXPECT_EQ(decoded->type(), field.type);
        EXPECT_EQ(decoded->element_type(), field.element_type);
        for (size_t i = 0; i < rows; ++i) ExpectSameRow(column, i, *decoded, i);
      }
    }
  }
}

TEST(Column, RangesKeepValuesAndNullsAndMaterialiseValidityLate) {
  std::mt19937_64 random(8);
  for (const FieldSchema& field : EveryField()) {
    const Column plain = RandomColumn(field, 50, false, random);
    const Column nulls = RandomColumn(field, 50, true, random);
    Column column(field);
    column.AppendRange(plain, 5, 20);
    column.AppendRange(nulls, 0, 0);
    EXPECT_FALSE(column.has_nulls());
    column.AppendNull();
    EXPECT_TRUE(column.has_nulls());
    column.AppendRange(nulls, 10, 40);
    column.AppendFrom(plain, 49);
    column.AppendFrom(nulls, 3);
    ASSERT_EQ(column.row_count(), 63u);
    for (size_t i = 0; i < 20; ++i) ExpectSameRow(column, i, plain, i + 5);
    EXPECT_FALSE(column.IsValid(20));
    for (size_t i = 0; i < 40; ++i) ExpectSameRow(column, 21 + i, nulls, 10 + i);
    ExpectSameRow(column, 61, plain, 49);
    ExpectSameRow(column, 62, nulls, 3);
  }
}

TEST(Column, ReadsNumbersOfEveryWidth) {
  Column small(Field(DataType::kInt8));
  const int8_t minus = -5;
  small.AppendFixed(&minus);
  EXPECT_EQ(small.GetInteger(0), -5);
  EXPECT_EQ(small.GetNumber(0), -5.0);
  Column real(Field(DataType::kFloat));
  const float half = 0.5F;
  real.AppendFixed(&half);
  EXPECT_EQ(real.GetNumber(0), 0.5);
  EXPECT_EQ(real.Span<float>()[0], 0.5F);
}

TEST(ColumnDeathTest, RefusesToMixTypes) {
  Column a(Field(DataType::kInt32));
  const Column b(Field(DataType::kFloat));
  EXPECT_DEATH(a.AppendRange(b, 0, 0), "CHECK failed");
}

TEST(Array, BuildsAndReadsBack) {
  ArrayBuilder strings(DataType::kVarChar);
  strings.AddString("ab");
  strings.AddString("");
  strings.AddString("c");
  const std::string row = strings.Finish();
  const ArrayView view(row, DataType::kVarChar);
  ASSERT_TRUE(view.Valid());
  ASSERT_EQ(view.size(), 3u);
  EXPECT_EQ(view.GetString(0), "ab");
  EXPECT_EQ(view.GetString(1), "");
  EXPECT_EQ(view.GetString(2), "c");
  ArrayBuilder ints(DataType::kInt16);
  ints.AddInteger(-3);
  ints.AddInteger(300);
  const std::string packed = ints.Finish();
  EXPECT_EQ(packed.size(), 4u);
  EXPECT_EQ(ArrayView(packed, DataType::kInt16).GetInteger(0), -3);
  EXPECT_EQ(ArrayView(packed, DataType::kInt16).GetNumber(1), 300.0);
  EXPECT_EQ(ArrayView("", DataType::kVarChar).size(), 0u);
  EXPECT_EQ(ArrayView(ArrayBuilder(DataType::kVarChar).Finish(), DataType::kVarChar).size(), 0u);
}

TEST(Array, BrokenRowsAreNotValid) {
  EXPECT_FALSE(ArrayView("abc", DataType::kInt16).Valid());
  EXPECT_FALSE(ArrayView("\2", DataType::kBool).Valid());
  EXPECT_FALSE(ArrayView("abc", DataType::kVarChar).Valid());
  EXPECT_FALSE(ArrayView(std::string_view("\xff\xff\xff\xff", 4), DataType::kVarChar).Valid());
  EXPECT_FALSE(ArrayView(std::string_view("\1\0\0\0\2\0\0\0a", 9), DataType::kVarChar).Valid());
  EXPECT_FALSE(ArrayView(std::string_view("\1\0\0\0\1\0\0\0ab", 10), DataType::kVarChar).Valid());
}

RowBatch EverythingBatch(std::mt19937_64& random, size_t rows) {
  RowBatch batch;
  batch.row_count = rows;
  for (const FieldSchema& field : EveryField()) {
    batch.field_ids.push_back(100 + static_cast<int64_t>(batch.columns.size()));
    batch.columns.push_back(RandomColumn(field, rows, batch.columns.size() % 2 == 0, random));
  }
  return batch;
}

TEST(RowBatch, SurvivesEncodingAndFindsColumns) {
  std::mt19937_64 random(9);
  const RowBatch batch = EverythingBatch(random, 17);
  std::string bytes;
  batch.EncodeTo(&bytes);
  bytes += "next";
  std::string_view in = bytes;
  Result<RowBatch> decoded = RowBatch::Decode(&in);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(in, "next");
  EXPECT_EQ(decoded->field_ids, batch.field_ids);
  EXPECT_EQ(decoded->Find(103)->type(), DataType::kInt32);
  EXPECT_EQ(decoded->Find(99), nullptr);
  EXPECT_EQ(PrimaryKeyAt(*decoded->Find(104), 3), PrimaryKeyAt(batch.columns[4], 3));
}

TEST(RowBatch, EveryTruncationIsDataLoss) {
  std::mt19937_64 random(10);
  std::string bytes;
  EverythingBatch(random, 3).EncodeTo(&bytes);
  for (size_t length = 0; length < bytes.size(); ++length) {
    std::string_view in = std::string_view(bytes).substr(0, length);
    EXPECT_EQ(RowBatch::Decode(&in).status().code(), StatusCode::kDataLoss) << length;
  }
}

TEST(RowBatch, DamagedBytesNeverCrashAndDecodeOnlyToReadableRows) {
  const uint64_t seed = std::random_device()();
  std::mt19937_64 random(seed);
  std::string good;
  EverythingBatch(random, 3).EncodeTo(&good);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      const uint64_t hostile = random() % 2 == 0 ? random() : ~uint64_t{0} - random() % 16;
      const size_t at = random() % (bytes.size() - 8);
      std::memcpy(bytes.data() + at, &hostile, 1 + random() % 8);
    }
    std::string_view in = bytes;
    Result<RowBatch> decoded = RowBatch::Decode(&in);
    if (!decoded.ok()) {
      ASSERT_EQ(decoded.status().code(), StatusCode::kDataLoss) << "seed " << seed;
      continue;
    }
    for (const Column& column : decoded->columns) {
      for (size_t row = 0; row < column.row_count(); ++row) {
        const std::string value = RowBytes(column, row);
        if (column.type() != DataType::kArray) continue;
        const ArrayView view(value, column.element_type());
        ASSERT_TRUE(view.Valid()) << "seed " << seed;
        for (size_t i = 0; IsString(column.element_type()) && i < view.size(); ++i) ASSERT_LE(view.GetString(i).size(), value.size());
      }
    }
  }
}

TEST(RowBatch, BytesOfVersionOneStayAsTheyAre) {
  Column ids(Field(DataType::kInt64));
  Column names(Field(DataType::kVarChar));
  for (int64_t i = 0; i < 3; ++i) {
    ids.AppendFixed(&i);
    i == 1 ? names.AppendNull() : names.AppendVariable("name");
  }
  RowBatch batch{.field_ids = {100, 101}, .columns = {ids, names}, .row_count = 3};
  std::string bytes;
  batch.EncodeTo(&bytes);
  EXPECT_EQ(bytes.size(), 16u + 8 + 32 + 24 + 8 + 32 + 8 + 32 + 3);
  EXPECT_EQ(Checksum(bytes), 13293686750322120732u);
}

}  // namespace
}  // namespace saker
