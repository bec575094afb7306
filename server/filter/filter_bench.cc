// Nanoseconds per row of the common filters over a million rows: items_per_second is rows.
#include <benchmark/benchmark.h>

#include <random>

#include "server/filter/filter.h"

namespace saker::filter {
namespace {

constexpr size_t kRows = 1'000'000;

struct Data {
  CollectionSchema schema;
  RowBatch rows;

  Column& Add(const std::string& name, DataType type) {
    FieldSchema field;
    field.id = 100 + static_cast<int64_t>(schema.fields.size());
    field.name = name;
    field.type = type;
    field.nullable = true;
    schema.fields.push_back(field);
    rows.field_ids.push_back(field.id);
    return rows.columns.emplace_back(field);
  }
  Data() {
    std::mt19937_64 random(1);
    rows.row_count = kRows;
    rows.columns.reserve(8);
    Column& big = Add("i64", DataType::kInt64);
    Column& small = Add("i8", DataType::kInt8);
    Column& real = Add("f", DataType::kFloat);
    Column& nullable = Add("nullable", DataType::kInt64);
    Column& text = Add("s", DataType::kVarChar);
    Column& json = Add("j", DataType::kJson);
    Column& more = Add("t", DataType::kVarChar);
    for (size_t i = 0; i < kRows; ++i) {
      const auto value = static_cast<int64_t>(random() % 1'000'000);
      const auto tiny = static_cast<int8_t>(value);
      const auto single = static_cast<float>(value);
      big.AppendFixed(&value);
      small.AppendFixed(&tiny);
      real.AppendFixed(&single);
      value % 10 == 0 ? nullable.AppendNull() : nullable.AppendFixed(&value);
      text.AppendVariable("name of row " + std::to_string(value));
      more.AppendVariable("name of row " + std::to_string(value));
      json.AppendVariable(R"({"color":"red","price":)" + std::to_string(value) + R"(,"tags":["a","b","c"],"in_stock":true})");
    }
  }
};

class Bytes final : public MappedFile {
 public:
  explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}
  std::span<const std::byte> bytes() const override { return std::as_bytes(std::span(bytes_)); }

 private:
  const std::string bytes_;
};

// An index of its field or path for every filter of the second half.
scalar_index::IndexMap Indexes(const Data& data) {
  scalar_index::IndexMap indexes;
  const auto add = [&](const char* name, const char* type, const KeyValues& params) {
    const FieldSchema& field = *data.schema.Find(name);
    const auto spec = *scalar_index::MakeSpec(field, type, params);
    auto file = std::make_shared<const Bytes>(*scalar_index::BuildScalarIndex(spec, *data.rows.Find(field.id), Context()));
    indexes[static_cast<int64_t>(indexes.size())] = *scalar_index::OpenScalarIndex(std::move(file), name, spec, kRows);
  };
  for (const char* name : {"i64", "i8", "f", "nullable"}) add(name, "STL_SORT", {});
  add("s", "INVERTED", {});
  add("t", "NGRAM", {{"min_gram", "2"}, {"max_gram", "3"}});
  for (const char* path : {"price", "color"}) {
    add("j", "INVERTED", {{"json_path", std::string("j['") + path + "']"}, {"json_cast_type", path[0] == 'p' ? "DOUBLE" : "VARCHAR"}});
  }
  add("j", "INVERTED", {{"json_path", "j['tags']"}, {"json_cast_type", "ARRAY_VARCHAR"}});
  return indexes;
}

std::string List(size_t count, int64_t step) {
  std::string text = "i64 in [0";
  for (size_t i = 1; i < count; ++i) text += "," + std::to_string(static_cast<int64_t>(i) * step);
  return text + "]";
}

void Run(benchmark::State& state, const std::string& text, bool indexed = false) {
  static const Data data;
  const auto filter = *Filter::Compile(text, data.schema, {}, 1);
  static scalar_index::IndexMap indexes;
  if (indexed && indexes.empty()) indexes = Indexes(data);
  const scalar_index::IndexMap* asked = indexed ? &indexes : nullptr;
  for (auto _ : state) benchmark::DoNotOptimize(filter->Evaluate(data.rows, {.scalars = asked}, Context())->Count());
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
  state.counters["ns_per_row"] = benchmark::Counter(static_cast<double>(kRows) * 1e-9 * static_cast<double>(state.iterations()),
                                                    benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(Run, int64_less, "i64 < 500000");
BENCHMARK_CAPTURE(Run, int8_equal, "i8 == 5");
BENCHMARK_CAPTURE(Run, float_range, "1000 < f < 500000");
BENCHMARK_CAPTURE(Run, int64_nullable, "nullable >= 500000");
BENCHMARK_CAPTURE(Run, int64_modulo, "i64 % 7 == 3");
BENCHMARK_CAPTURE(Run, in_16_far, List(16, 60'000'007));
BENCHMARK_CAPTURE(Run, in_16384_near, List(16'384, 3));
BENCHMARK_CAPTURE(Run, in_16384_far, List(16'384, 60'000'007));
BENCHMARK_CAPTURE(Run, text_equal, "s == 'name of row 77'");
BENCHMARK_CAPTURE(Run, like_prefix, "s like 'name of row 9%'");
BENCHMARK_CAPTURE(Run, like_infix, "s like '%99%'");
BENCHMARK_CAPTURE(Run, regex, "s =~ '99'");
BENCHMARK_CAPTURE(Run, and_of_three, "i64 < 500000 and f > 1000 and i8 != 3");
BENCHMARK_CAPTURE(Run, json_number, "j['price'] < 500000");
BENCHMARK_CAPTURE(Run, json_three_paths, "j['price'] < 500000 and j['color'] == 'red' and json_contains(j['tags'], 'c')");
BENCHMARK_CAPTURE(Run, json_behind_a_narrow_filter, "j['price'] < 500000 and i64 < 1000");

BENCHMARK_CAPTURE(Run, json_rare, "j['price'] == 500000");

// The same by an index: names end in _indexed.
BENCHMARK_CAPTURE(Run, int8_equal_indexed, "i8 == 5", true);
BENCHMARK_CAPTURE(Run, int64_equal, "i64 == 5000");
BENCHMARK_CAPTURE(Run, int64_equal_indexed, "i64 == 5000", true);
BENCHMARK_CAPTURE(Run, int64_range_1_percent, "i64 < 10000");
BENCHMARK_CAPTURE(Run, int64_range_1_percent_indexed, "i64 < 10000", true);
BENCHMARK_CAPTURE(Run, text_equal_indexed, "s == 'name of row 77'", true);
BENCHMARK_CAPTURE(Run, like_prefix_indexed, "s like 'name of row 9%'", true);
BENCHMARK_CAPTURE(Run, like_rare_prefix, "s like 'name of row 777%'");
BENCHMARK_CAPTURE(Run, like_rare_prefix_indexed, "s like 'name of row 777%'", true);
BENCHMARK_CAPTURE(Run, like_infix_ngram, "t like '%9999%'");
BENCHMARK_CAPTURE(Run, like_infix_ngram_indexed, "t like '%9999%'", true);
BENCHMARK_CAPTURE(Run, json_number_indexed, "j['price'] < 500000", true);
BENCHMARK_CAPTURE(Run, json_rare_indexed, "j['price'] == 500000", true);
BENCHMARK_CAPTURE(Run, json_three_paths_indexed, "j['price'] < 500000 and j['color'] == 'red' and json_contains(j['tags'], 'c')", true);

}  // namespace
}  // namespace saker::filter

BENCHMARK_MAIN();
