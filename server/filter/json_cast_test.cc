// json_cast_function: strings at a path as numbers, the same with the index and without.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "server/filter/filter.h"

namespace saker::filter {
namespace {

struct World {
  CollectionSchema schema;
  RowBatch rows;
  scalar_index::IndexMap indexes;
  CastPaths casts;

  explicit World(const std::vector<std::string>& values) {
    schema.fields.resize(2);
    schema.fields[0].id = 100;
    schema.fields[0].name = "id";
    schema.fields[0].type = DataType::kInt64;
    schema.fields[0].is_primary_key = true;
    schema.fields[1].id = 101;
    schema.fields[1].name = "j";
    schema.fields[1].type = DataType::kJson;
    schema.fields[1].nullable = true;
    rows.row_count = values.size();
    rows.field_ids = {100, 101};
    rows.columns = {Column(schema.fields[0]), Column(schema.fields[1])};
    for (size_t i = 0; i < values.size(); ++i) {
      const auto id = static_cast<int64_t>(i);
      rows.columns[0].AppendFixed(&id);
      values[i].empty() ? rows.columns[1].AppendNull() : rows.columns[1].AppendVariable("{\"a\":" + values[i] + "}");
    }
    const auto spec =
        scalar_index::MakeSpec(schema.fields[1], "INVERTED",
                               {{"json_path", "j[\"a\"]"}, {"json_cast_type", "DOUBLE"}, {"json_cast_function", "STRING_TO_DOUBLE"}});
    indexes[7] = scalar_index::BuildInMemory(spec.value(), rows.columns[1], Context()).value();
    casts = {{101, spec->path}};
  }

  std::string Chosen(std::string_view text, bool cast, bool indexed) const {
    const auto filter = Filter::Compile(text, schema, {}, 1, cast ? casts : CastPaths());
    if (!filter.ok()) return std::string(filter.status().message());
    const auto bits = (*filter)->Evaluate(rows, RowIndexes{.scalars = indexed ? &indexes : nullptr}, Context());
    if (!bits.ok()) return std::string(bits.status().message());
    std::string out;
    bits->ForEach([&](size_t row) { out += std::to_string(row) + " "; });
    return out;
  }
};

TEST(JsonCast, StringsStandForTheNumbersTheyBeginWith) {
  const World world({"1.5", "\"1.5\"", "\" 2 kg\"", "\"0x10\"", "\"kg 2\"", "\"\"", "true", "", "[\"2\"]", "\"1e999\"", "\"nan\"",
                     "\"-inf\"", "9007199254740993", "\"9007199254740993\""});
  for (const bool indexed : {false, true}) {
    EXPECT_EQ(world.Chosen("j[\"a\"] == 1.5", true, indexed), "0 1 ");
    EXPECT_EQ(world.Chosen("j[\"a\"] == 2", true, indexed), "2 ");
    EXPECT_EQ(world.Chosen("j[\"a\"] in [2, 16]", true, indexed), "2 3 ");
    EXPECT_EQ(world.Chosen("j[\"a\"] < 2", true, indexed), "0 1 11 ");
    EXPECT_EQ(world.Chosen("1 < j[\"a\"] <= 2", true, indexed), "0 1 2 ");
    EXPECT_EQ(world.Chosen("j[\"a\"] > 100", true, indexed), "12 13 ");
    EXPECT_EQ(world.Chosen("j[\"a\"] != 2", true, indexed), "0 1 3 4 5 6 8 9 10 11 12 13 ");
    EXPECT_EQ(world.Chosen("not (j[\"a\"] in [1.5, 2])", true, indexed), "3 4 5 6 8 9 10 11 12 13 ");
    EXPECT_EQ(world.Chosen("j[\"a\"] == \"1.5\"", true, indexed), "1 ") << "asked for as a string";
    EXPECT_EQ(world.Chosen("j[\"a\"] in [1.5, \"1.5\"]", true, indexed), world.Chosen("j[\"a\"] in [1.5, \"1.5\"]", false, false));
    EXPECT_EQ(world.Chosen("j[\"a\"] + 1 == 2.5", true, indexed), "0 ");
    EXPECT_EQ(world.Chosen("json_contains(j[\"a\"], 2)", true, indexed), "");
    EXPECT_EQ(world.Chosen("j[\"a\"] == 1.5", false, indexed), "0 ") << "no such index is defined";
  }
}

TEST(JsonCast, AgreesWithStod) {
  const char* given = std::getenv("SAKER_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  SCOPED_TRACE(testing::Message() << "SAKER_SEED=" << seed);
  std::mt19937_64 random(seed);
  std::vector<std::string> values;
  std::vector<std::optional<double>> numbers;
  for (int i = 0; i < 1500; ++i) {
    std::string text;
    for (size_t n = random() % 5; n > 0; --n) text += "0123.e-+ x"[random() % 10];
    values.push_back("\"" + text + "\"");
    try {
      numbers.emplace_back(std::stod(text));
    } catch (const std::exception&) { numbers.emplace_back(std::nullopt); }
  }
  const World world(values);
  for (const double bound : {-3.0, 0.0, 0.5, 2.0, 31.0}) {
    std::string expected;
    for (size_t row = 0; row < numbers.size(); ++row) {
      if (numbers[row] && *numbers[row] >= bound) expected += std::to_string(row) + " ";
    }
    for (const bool indexed : {false, true})
      EXPECT_EQ(world.Chosen("j[\"a\"] >= " + std::to_string(bound), true, indexed), expected) << bound << indexed;
  }
}

}  // namespace
}  // namespace saker::filter
