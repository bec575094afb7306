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
    for (size_t i = 0; i < kRows; ++i) {
      const auto value = static_cast<int64_t>(random() % 1'000'000);
      const auto tiny = static_cast<int8_t>(value);
      const auto single = static_cast<float>(value);
      big.AppendFixed(&value);
      small.AppendFixed(&tiny);
      real.AppendFixed(&single);
      value % 10 == 0 ? nullable.AppendNull() : nullable.AppendFixed(&value);
      text.AppendVariable("name of row " + std::to_string(value));
      json.AppendVariable(R"({"color":"red","price":)" + std::to_string(value) + R"(,"tags":["a","b","c"],"in_stock":true})");
    }
  }
};

std::string List(size_t count, int64_t step) {
  std::string text = "i64 in [0";
  for (size_t i = 1; i < count; ++i) text += "," + std::to_string(static_cast<int64_t>(i) * step);
  return text + "]";
}

void Run(benchmark::State& state, const std::string& text) {
  static const Data data;
  const auto filter = *Filter::Compile(text, data.schema, {}, 1);
  for (auto _ : state) benchmark::DoNotOptimize(filter->Evaluate(data.rows, Context())->Count());
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

}  // namespace
}  // namespace saker::filter

BENCHMARK_MAIN();
