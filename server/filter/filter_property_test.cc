// Random schemas, rows and expressions against a naive evaluator: one row at a time, straight from the definitions.
#include <cmath>
#include <functional>
#include <random>
#include <regex>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/filter/filter.h"

namespace saker::filter {
namespace {

using Document = nlohmann::json;

// Sanitizers slow the naive side most of all.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kRounds = 6;
#else
constexpr uint64_t kRounds = 30;
#endif

enum class Truth { kFalse, kNull, kTrue };
Truth Of(bool value) {
  return value ? Truth::kTrue : Truth::kFalse;
}
Truth Not(Truth a) {
  return static_cast<Truth>(2 - static_cast<int>(a));
}

// A row as documents: null, number, string, bool, array or JSON, by field number.
using Row = std::vector<Document>;

struct Expression {
  std::string text;
  std::function<Truth(const Row&)> value;
  bool chain = false;  // an `and` without parentheses
};

// A document's number against a constant: integers exactly, else as doubles.
int Order(const Document& a, const Document& b) {
  if (a.is_number_integer() && b.is_number_integer()) {
    return a.get<int64_t>() < b.get<int64_t>() ? -1 : a.get<int64_t>() > b.get<int64_t>() ? 1 : 0;
  }
  if (a.is_number()) return a.get<double>() < b.get<double>() ? -1 : a.get<double>() > b.get<double>() ? 1 : 0;
  if (a.is_boolean()) return static_cast<int>(a.get<bool>()) - static_cast<int>(b.get<bool>());
  return a.get_ref<const std::string&>().compare(b.get_ref<const std::string&>());
}

bool SameKind(const Document& a, const Document& b) {
  return (a.is_number() && b.is_number()) || (a.is_string() && b.is_string()) || (a.is_boolean() && b.is_boolean());
}

bool Holds(const std::string& op, int order) {
  if (op == "==") return order == 0;
  if (op == "!=") return order != 0;
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  return order >= 0;
}

bool Compare(const std::string& op, const Document& a, const Document& b) {
  return SameKind(a, b) ? Holds(op, Order(a, b)) : op == "!=";
}

bool Equal(const Document& a, const Document& b) {
  if (a.is_array() && b.is_array()) {
    bool equal = a.size() == b.size();
    for (size_t i = 0; equal && i < a.size(); ++i) equal = Equal(a[i], b[i]);
    return equal;
  }
  return Compare("==", a, b);
}

bool HasContent(const Document& a) {
  if (!a.is_structured()) return !a.is_null();
  return std::any_of(a.begin(), a.end(), [](const Document& item) { return HasContent(item); });
}

bool Like(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') return Like(pattern.substr(1), text) || (!text.empty() && Like(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) && Like(pattern.substr(1), text.substr(1));
}

std::string Literal(const Document& value) {
  if (value.is_number_float()) {
    std::string text = value.dump();
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  }
  if (!value.is_array()) return value.dump();
  std::string text = "[";
  for (size_t i = 0; i < value.size(); ++i) text += (i == 0 ? "" : ", ") + Literal(value[i]);
  return text + "]";
}

// Costs nothing to ask, so that every leaf that can be answered is.
class FreeIndex final : public scalar_index::ScalarIndex {
 public:
  explicit FreeIndex(std::shared_ptr<const ScalarIndex> index) : ScalarIndex(index->spec()), index_(std::move(index)) {}
  size_t row_count() const override { return index_->row_count(); }
  uint64_t memory_bytes() const override { return index_->memory_bytes(); }
  std::optional<scalar_index::Estimate> EstimateMatches(const scalar_index::Query& query) const override {
    std::optional<scalar_index::Estimate> estimate = index_->EstimateMatches(query);
    if (estimate) *estimate = {.rows = estimate->rows, .work_ns = 0, .unsure = 0};
    return estimate;
  }
  scalar_index::Matches Find(const scalar_index::Query& query) const override {
    const scalar_index::Matches matches = index_->Find(query);
    EXPECT_LE(matches.matching.Count(), index_->EstimateMatches(query)->rows);
    return index_->Find(query);
  }

 private:
  const std::shared_ptr<const ScalarIndex> index_;
};

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {
    const DataType types[] = {DataType::kInt8, DataType::kInt16,   DataType::kInt32, DataType::kInt64, DataType::kFloat, DataType::kDouble,
                              DataType::kBool, DataType::kVarChar, DataType::kArray, DataType::kArray, DataType::kJson,  DataType::kInt64};
    const DataType elements[] = {DataType::kInt32, DataType::kVarChar, DataType::kBool, DataType::kDouble};
    const size_t count = 6 + Pick(10);
    for (size_t i = 0; i < count; ++i) {
      FieldSchema field;
      field.id = 100 + static_cast<int64_t>(i);
      field.name = "f" + std::to_string(i);
      field.type = i == 0 ? DataType::kInt64 : types[Pick(std::size(types))];
      if (field.type == DataType::kArray) field.element_type = elements[Pick(std::size(elements))];
      field.is_primary_key = i == 0;
      field.nullable = i != 0 && Pick(2) == 0;
      schema.fields.push_back(field);
    }
    schema.enable_dynamic_field = true;
    FieldSchema meta;
    meta.id = 200;
    meta.name = kDynamicFieldName;
    meta.type = DataType::kJson;
    meta.is_dynamic = true;
    schema.fields.push_back(meta);
  }

  size_t Pick(size_t n) { return static_cast<size_t>(random_() % n); }

  void AddRows(size_t count) {
    batch.row_count = count;
    for (const FieldSchema& field : schema.fields) {
      batch.field_ids.push_back(field.id);
      batch.columns.emplace_back(field);
    }
    const size_t absent = 1 + Pick(schema.fields.size() * 2);  // a field added later: null for all these rows
    const bool drops = absent < schema.fields.size() && schema.fields[absent].nullable;
    for (size_t i = 0; i < count; ++i) {
      Row row;
      for (size_t f = 0; f < schema.fields.size(); ++f) {
        row.push_back(drops && f == absent ? Document() : RandomValue(schema.fields[f]));
        Append(schema.fields[f], row.back(), &batch.columns[f]);
      }
      rows.push_back(std::move(row));
    }
    if (!drops) return;
    batch.field_ids.erase(batch.field_ids.begin() + static_cast<ptrdiff_t>(absent));
    batch.columns.erase(batch.columns.begin() + static_cast<ptrdiff_t>(absent));
  }

  // Over most fields, and over many paths of the JSON ones.
  void AddIndexes();

  Expression Random(int depth);

  CollectionSchema schema;
  RowBatch batch;
  std::vector<Row> rows;
  scalar_index::IndexMap indexes;

 private:
  int64_t RandomInteger() {
    const int64_t special[] = {
        127, 128, -128, -129, 32768, 2147483647, 2147483648, INT64_MAX, INT64_MIN + 1, int64_t{1} << 53, (int64_t{1} << 53) + 1};
    return Pick(12) == 0 ? special[Pick(std::size(special))] : static_cast<int64_t>(Pick(8)) - 3;
  }
  double RandomReal() { return static_cast<double>(RandomInteger() % 1000) / 4; }
  std::string RandomText() {
    std::string text;
    for (size_t n = Pick(4); n > 0; --n) text.push_back("abc"[Pick(3)]);
    return text;
  }
  Document RandomScalar() {
    switch (Pick(5)) {
      case 0: return RandomReal();
      case 1: return RandomText();
      case 2: return Pick(2) == 0;
      default: return RandomInteger();
    }
  }
  Document RandomJson(int depth) {
    const size_t kind = Pick(depth > 0 ? 8 : 5);
    if (kind == 0) return nullptr;
    if (kind < 5) return RandomScalar();
    Document out = kind < 7 ? Document::object() : Document::array();
    for (size_t n = Pick(4); n > 0; --n) {
      if (out.is_array()) {
        out.push_back(RandomJson(depth - 1));
      } else {
        out[std::string(1, "xyz"[Pick(3)])] = RandomJson(depth - 1);
      }
    }
    return out;
  }
  Document RandomOf(DataType type) {
    switch (type) {
      case DataType::kInt8: return static_cast<int8_t>(RandomInteger());
      case DataType::kInt16: return static_cast<int16_t>(RandomInteger());
      case DataType::kInt32: return static_cast<int32_t>(RandomInteger());
      case DataType::kInt64: return RandomInteger();
      case DataType::kFloat:
      case DataType::kDouble: return RandomReal();
      case DataType::kBool: return Pick(2) == 0;
      default: return RandomText();
    }
  }
  Document RandomArray(DataType element) {
    Document out = Document::array();
    for (size_t n = Pick(5); n > 0; --n) out.push_back(RandomOf(element));
    return out;
  }
  Document RandomValue(const FieldSchema& field) {
    if (field.nullable && Pick(4) == 0) return nullptr;
    if (field.type == DataType::kArray) return RandomArray(field.element_type);
    if (field.type != DataType::kJson) return RandomOf(field.type);
    // A JSON null at the root is no SQL null, and null here means that: keep the two apart.
    Document value = RandomJson(3);
    return field.is_dynamic || value.is_null() ? Document{{"x", value}, {"y", RandomJson(2)}} : value;
  }
  static void Append(const FieldSchema& field, const Document& value, Column* column);
  void AddIndex(const FieldSchema& field, const std::string& type, const KeyValues& params);

  // A field of the kind, or -1.
  int FieldOf(const std::function<bool(const FieldSchema&)>& wanted) {
    std::vector<int> found;
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      if (wanted(schema.fields[i])) found.push_back(static_cast<int>(i));
    }
    return found.empty() ? -1 : found[Pick(found.size())];
  }
  // What an operator needs: a text, its value in a row (null: SQL's null), and the type of constants to hold against it.
  struct Source {
    std::string text;
    std::function<Document(const Row&)> value;
    DataType type;
    bool json = false;
  };
  Source RandomSource();
  Source JsonSource();
  Document ConstantFor(const Source& source) {
    if (source.json) return RandomScalar();
    if (source.type == DataType::kDouble || source.type == DataType::kFloat)
      return Pick(2) == 0 ? Document(RandomReal()) : Document(static_cast<int64_t>(Pick(5)));
    return source.type == DataType::kBool || source.type == DataType::kVarChar ? RandomOf(source.type) : Document(RandomInteger());
  }
  std::string RandomOp() {
    const char* ops[] = {"==", "!=", "<", "<=", ">", ">="};
    return ops[Pick(6)];
  }
  Expression Leaf();
  Expression Comparison();
  Expression Membership();
  Expression Pattern();
  Expression Regex();
  Expression Arithmetic();
  Expression Range();
  Expression Contains();
  Expression Length();
  Expression NullTest();
  Expression Exists();
  Expression TwoFields();

  std::mt19937_64 random_;
};

void World::Append(const FieldSchema& field, const Document& value, Column* column) {
  if (value.is_null()) return column->AppendNull();
  const auto fixed = [column](auto v) { column->AppendFixed(&v); };
  switch (field.type) {
    case DataType::kInt8: return fixed(value.get<int8_t>());
    case DataType::kInt16: return fixed(value.get<int16_t>());
    case DataType::kInt32: return fixed(value.get<int32_t>());
    case DataType::kInt64: return fixed(value.get<int64_t>());
    case DataType::kFloat: return fixed(value.get<float>());
    case DataType::kDouble: return fixed(value.get<double>());
    case DataType::kBool: return fixed(static_cast<uint8_t>(value.get<bool>()));
    case DataType::kVarChar: return column->AppendVariable(value.get<std::string>());
    case DataType::kJson: return column->AppendVariable(value.dump());
    default: break;
  }
  ArrayBuilder array(field.element_type);
  for (const Document& item : value) {
    if (item.is_string()) {
      array.AddString(item.get<std::string>());
    } else if (item.is_boolean()) {
      array.AddBool(item.get<bool>());
    } else if (item.is_number_float()) {
      array.AddNumber(item.get<double>());
    } else {
      array.AddInteger(item.get<int64_t>());
    }
  }
  column->AppendVariable(array.Finish());
}

void World::AddIndex(const FieldSchema& field, const std::string& type, const KeyValues& params) {
  const Column* column = batch.Find(field.id);
  if (column == nullptr) return;  // added later
  class Bytes final : public MappedFile {
   public:
    explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}
    std::span<const std::byte> bytes() const override { return std::as_bytes(std::span(bytes_)); }

   private:
    const std::string bytes_;
  };
  const scalar_index::Spec spec = scalar_index::MakeSpec(field, type, params).value();
  auto file = std::make_shared<const Bytes>(scalar_index::BuildScalarIndex(spec, *column, Context()).value());
  auto index = scalar_index::OpenScalarIndex(std::move(file), "index", spec, batch.row_count).value();
  indexes[static_cast<int64_t>(indexes.size())] = std::make_shared<const FreeIndex>(std::move(index));
}

void World::AddIndexes() {
  const char* const casts[] = {"BOOL", "DOUBLE", "VARCHAR", "ARRAY_BOOL", "ARRAY_DOUBLE", "ARRAY_VARCHAR", "JSON"};
  for (const FieldSchema& field : schema.fields) {
    if (field.type == DataType::kJson) {
      for (int i = 0; i < 8; ++i) {
        std::string keys = Pick(3) == 0 ? "[" + std::to_string(Pick(3)) + "]" : std::string("[\"") + "xyz"[Pick(3)] + "\"]";
        if (Pick(4) == 0) keys += "['" + std::string(1, "xyz"[Pick(3)]) + "']";
        AddIndex(field, "INVERTED", {{"json_path", field.name + keys}, {"json_cast_type", casts[Pick(std::size(casts))]}});
      }
      AddIndex(field, "NGRAM",
               {{"json_path", field.name + "[\"x\"]"}, {"json_cast_type", "VARCHAR"}, {"min_gram", "1"}, {"max_gram", "2"}});
    } else if (field.type == DataType::kVarChar && Pick(2) == 0) {
      AddIndex(field, "NGRAM", {{"min_gram", std::to_string(1 + Pick(2))}, {"max_gram", "2"}});
    } else if (Pick(5) > 0) {
      AddIndex(field, "INVERTED", {});
    }
  }
}

const Document kMissing = Document::binary({});  // absent from JSON, or JSON's null: not SQL's null

World::Source World::JsonSource() {
  const int f = FieldOf([](const FieldSchema& field) { return field.type == DataType::kJson; });
  const FieldSchema& field = schema.fields[static_cast<size_t>(f)];
  Source source{.text = field.name, .value = nullptr, .type = DataType::kJson, .json = true};
  std::vector<Document> keys;
  for (size_t n = 1 + Pick(3); n > 0; --n) keys.push_back(Pick(3) == 0 ? Document(Pick(3)) : Document(std::string(1, "xyz"[Pick(3)])));
  if (field.is_dynamic && keys[0].is_string() && Pick(2) == 0) source.text.clear();
  for (const Document& key : keys) { source.text += source.text.empty() ? key.get<std::string>() : "[" + key.dump() + "]"; }
  source.value = [f, keys](const Row& row) {
    const Document* at = &row[static_cast<size_t>(f)];
    if (at->is_null()) return Document();
    for (const Document& key : keys) {
      const std::string name = key.is_string() ? key.get<std::string>() : key.dump();
      if (at->is_object() && at->contains(name)) {
        at = &(*at)[name];
      } else if (at->is_array() && key.is_number() && key.get<size_t>() < at->size()) {
        at = &(*at)[key.get<size_t>()];
      } else {
        return kMissing;
      }
    }
    return at->is_null() ? kMissing : *at;
  };
  return source;
}

World::Source World::RandomSource() {
  if (Pick(3) == 0) return JsonSource();
  const int f = FieldOf([](const FieldSchema& field) { return field.type != DataType::kJson; });
  const auto at = static_cast<size_t>(f);
  const FieldSchema& field = schema.fields[at];
  if (field.type != DataType::kArray) return {field.name, [at](const Row& row) { return row[at]; }, field.type};
  const size_t i = Pick(4);
  return {field.name + "[" + std::to_string(i) + "]",
          [at, i](const Row& row) { return row[at].is_null() || i >= row[at].size() ? Document() : row[at][i]; }, field.element_type};
}

Expression World::Comparison() {
  const Source source = RandomSource();
  const std::string op = RandomOp();
  const Document constant = ConstantFor(source);
  const bool mirrored = Pick(4) == 0;
  std::string other = op;
  if (mirrored && op[0] == '<') other[0] = '>';
  if (mirrored && op[0] == '>') other[0] = '<';
  return {mirrored ? Literal(constant) + " " + other + " " + source.text : source.text + " " + op + " " + Literal(constant),
          [source, op, constant](const Row& row) {
            const Document value = source.value(row);
            return value.is_null() ? Truth::kNull : Of(Compare(op, value, constant));
          }};
}

Expression World::Membership() {
  const Source source = RandomSource();
  Document list = Document::array();
  for (size_t n = Pick(6); n > 0; --n) list.push_back(ConstantFor(source));
  const bool negated = Pick(2) == 0;
  return {source.text + (negated ? " not in " : " in ") + Literal(list), [source, list, negated](const Row& row) {
            const Document value = source.value(row);
            if (value.is_null()) return Truth::kNull;
            return Of(std::any_of(list.begin(), list.end(), [&](const Document& item) { return Compare("==", value, item); }) != negated);
          }};
}

Expression World::Pattern() {
  Source source = RandomSource();
  if (!source.json && source.type != DataType::kVarChar) source = JsonSource();
  std::string pattern;
  for (size_t n = Pick(5); n > 0; --n) pattern.push_back("abc%_%"[Pick(6)]);
  return {source.text + " like \"" + pattern + "\"", [source, pattern](const Row& row) {
            const Document value = source.value(row);
            return value.is_null() ? Truth::kNull : Of(value.is_string() && Like(pattern, value.get_ref<const std::string&>()));
          }};
}

Expression World::Regex() {
  Source source = RandomSource();
  if (!source.json && source.type != DataType::kVarChar) source = JsonSource();
  static const char* const kAtoms[] = {"a", "b", "c", "[ab]", "a*", "(b|c)", "b+", "c?"};
  std::string pattern = Pick(4) == 0 ? "^" : "";
  for (size_t n = Pick(5); n > 0; --n) pattern += kAtoms[Pick(8)];
  if (Pick(4) == 0) pattern += "$";
  const bool negated = Pick(2) == 0;
  return {source.text + (negated ? " !~ \"" : " =~ \"") + pattern + "\"", [source, pattern, negated](const Row& row) {
            const Document value = source.value(row);
            if (value.is_null()) return Truth::kNull;
            const bool found = value.is_string() && std::regex_search(value.get_ref<const std::string&>(), std::regex(pattern));
            return Of(found != negated);
          }};
}

Expression World::Arithmetic() {
  Source source = RandomSource();
  if (!source.json && !IsInteger(source.type)) source = JsonSource();
  const std::string op = RandomOp();
  const char sign = "+-*/%"[Pick(5)];
  const int64_t by = sign == '/' || sign == '%' ? static_cast<int64_t>(1 + Pick(4)) * (Pick(2) == 0 ? 1 : -1) : RandomInteger();
  const int64_t constant = RandomInteger();
  return {source.text + " " + sign + " " + std::to_string(by) + " " + op + " " + std::to_string(constant), [=](const Row& row) {
            const Document value = source.value(row);
            if (value.is_null()) return Truth::kNull;
            if (!value.is_number() || (sign == '%' && value.is_number_float())) return Of(op == "!=");
            if (value.is_number_float()) {
              const double x = value.get<double>();
              const auto y = static_cast<double>(by);
              const double result = sign == '+' ? x + y : sign == '-' ? x - y : sign == '*' ? x * y : x / y;
              return Of(Compare(op, result, constant));
            }
            const __int128 x = value.get<int64_t>();
            const __int128 result = sign == '+' ? x + by : sign == '-' ? x - by : sign == '*' ? x * by : sign == '/' ? x / by : x % by;
            return Of(Holds(op, result < constant ? -1 : result > constant ? 1 : 0));
          }};
}

Expression World::Range() {
  Source source = RandomSource();
  if (source.type == DataType::kBool) source = JsonSource();
  Document low = ConstantFor(source);
  Document high = ConstantFor(source);
  if (low.is_boolean() || !SameKind(low, high) || Order(low, high) >= 0) return Comparison();
  const bool low_closed = Pick(2) == 0;
  const bool high_closed = Pick(2) == 0;
  const auto value = [=](const Row& row) {
    const Document v = source.value(row);
    if (v.is_null()) return Truth::kNull;
    return Of(SameKind(v, low) && Compare(low_closed ? ">=" : ">", v, low) && Compare(high_closed ? "<=" : "<", v, high));
  };
  if (Pick(2) == 0) {
    return {Literal(high) + (high_closed ? " >= " : " > ") + source.text + (low_closed ? " >= " : " > ") + Literal(low), value};
  }
  return {Literal(low) + (low_closed ? " <= " : " < ") + source.text + (high_closed ? " <= " : " < ") + Literal(high), value};
}

Expression World::Contains() {
  Source source = JsonSource();
  const int f = FieldOf([](const FieldSchema& field) { return field.type == DataType::kArray; });
  if (f >= 0 && Pick(2) == 0) {
    const auto at = static_cast<size_t>(f);
    source = {schema.fields[at].name, [at](const Row& row) { return row[at]; }, schema.fields[at].element_type};
  }
  Document wanted = Document::array();
  const size_t mode = Pick(3);
  for (size_t n = mode == 0 ? 1 : Pick(4); n > 0; --n)
    wanted.push_back(source.json && Pick(6) == 0 ? RandomArray(DataType::kInt32) : ConstantFor(source));
  const char* names[] = {"contains", "contains_all", "contains_any"};
  return {(Pick(2) == 0 ? "json_" : "array_") + std::string(names[mode]) + "(" + source.text + ", " +
              Literal(mode == 0 ? wanted[0] : wanted) + ")",
          [=](const Row& row) {
            const Document value = source.value(row);
            if (value.is_null()) return Truth::kNull;
            if (!value.is_array()) return Truth::kFalse;
            const auto found = [&](const Document& item) {
              return std::any_of(value.begin(), value.end(), [&](const Document& element) { return Equal(element, item); });
            };
            return Of(mode == 1 ? std::all_of(wanted.begin(), wanted.end(), found) : std::any_of(wanted.begin(), wanted.end(), found));
          }};
}

Expression World::Length() {
  Source source = JsonSource();
  const int f = FieldOf([](const FieldSchema& field) { return field.type == DataType::kArray; });
  if (f >= 0 && Pick(2) == 0) {
    const auto at = static_cast<size_t>(f);
    source = {schema.fields[at].name, [at](const Row& row) { return row[at]; }, DataType::kInt64};
  }
  const std::string op = RandomOp();
  const auto length = static_cast<int64_t>(Pick(4));
  return {"array_length(" + source.text + ") " + op + " " + std::to_string(length), [=](const Row& row) {
            const Document value = source.value(row);
            if (value.is_null()) return Truth::kNull;
            return Of(value.is_array() ? Compare(op, static_cast<int64_t>(value.size()), length) : op == "!=");
          }};
}

Expression World::NullTest() {
  const Source source = RandomSource();
  const bool negated = Pick(2) == 0;
  return {source.text + (negated ? " is not null" : " is null"), [=](const Row& row) {
            const Document value = source.value(row);
            return Of((value.is_null() || value.is_binary()) != negated);
          }};
}

Expression World::Exists() {
  const Source source = JsonSource();
  return {"exists " + source.text, [=](const Row& row) {
            const Document value = source.value(row);
            return value.is_null() ? Truth::kNull : Of(!value.is_binary() && HasContent(value));
          }};
}

Expression World::TwoFields() {
  const auto number = [](const FieldSchema& field) { return IsNumber(field.type); };
  const auto text = [](const FieldSchema& field) { return IsString(field.type); };
  const bool texts = Pick(3) == 0 && FieldOf(text) >= 0;
  const auto a = static_cast<size_t>(texts ? FieldOf(text) : FieldOf(number));
  const auto b = static_cast<size_t>(texts ? FieldOf(text) : FieldOf(number));
  const std::string op = RandomOp();
  return {schema.fields[a].name + " " + op + " " + schema.fields[b].name,
          [=](const Row& row) { return row[a].is_null() || row[b].is_null() ? Truth::kNull : Of(Compare(op, row[a], row[b])); }};
}

Expression World::Leaf() {
  switch (Pick(16)) {
    case 0: return Membership();
    case 1: return Regex();
    case 2: return Pattern();
    case 3: return Arithmetic();
    case 4: return Arithmetic();
    case 5: return Range();
    case 6: return Contains();
    case 7: return Contains();
    case 8: return Length();
    case 9: return NullTest();
    case 10: return Exists();
    case 11: return TwoFields();
    case 12: return Pick(4) == 0 ? Expression{"true", [](const Row&) { return Truth::kTrue; }} : Comparison();
    default: return Comparison();
  }
}

Expression World::Random(int depth) {
  if (depth == 0 || Pick(4) == 0) return Leaf();
  if (Pick(4) == 0) {
    const Expression inner = Random(depth - 1);
    return {"not (" + inner.text + ")", [inner](const Row& row) { return Not(inner.value(row)); }};
  }
  const bool is_and = Pick(2) == 0;
  std::vector<Expression> operands;
  for (size_t n = 2 + Pick(3); n > 0; --n) operands.push_back(Random(depth - 1));
  std::string text;
  for (const Expression& operand : operands) {
    const bool bare = !is_and && operand.chain;  // and binds tighter than or
    text += (text.empty() ? ""
             : is_and     ? (Pick(2) == 0 ? " and " : " && ")
                          : (Pick(2) == 0 ? " or " : " OR ")) +
            (bare ? operand.text : "(" + operand.text + ")");
  }
  return {text,
          [operands, is_and](const Row& row) {
            Truth result = is_and ? Truth::kTrue : Truth::kFalse;
            for (const Expression& operand : operands)
              result = is_and ? std::min(result, operand.value(row)) : std::max(result, operand.value(row));
            return result;
          },
          is_and};
}

index::Bitset Evaluated(const World& world, const std::string& text) {
  const auto filter = Filter::Compile(text, world.schema);
  EXPECT_TRUE(filter.ok()) << filter.status().message();
  if (!filter.ok()) return index::Bitset(world.batch.row_count);
  index::Bitset chosen = *(*filter)->Evaluate(world.batch, Context());
  index::Bitset by_index = *(*filter)->Evaluate(world.batch, {.scalars = &world.indexes}, Context());
  EXPECT_TRUE(std::equal(chosen.words(), chosen.words() + chosen.word_count(), by_index.words())) << "an index changes " << text;
  return chosen;
}

bool Subset(index::Bitset a, const index::Bitset& b) {
  a.AndNot(b);
  return a.Count() == 0;
}

TEST(FilterProperty, AgreesWithANaiveEvaluator) {
  const uint64_t seed = std::random_device()();
  for (uint64_t round = 0; round < kRounds * 2; ++round) {
    World world(seed + round);
    world.AddRows(round == 0 ? 9000 : 1 + world.Pick(200));
    world.AddIndexes();
    for (int i = 0; i < (round == 0 ? 20 : 60); ++i) {
      const Expression expression = world.Random(4);
      const index::Bitset chosen = Evaluated(world, expression.text);
      for (size_t row = 0; row < world.rows.size(); ++row) {
        ASSERT_EQ(chosen.Test(row), expression.value(world.rows[row]) == Truth::kTrue)
            << "seed " << seed << " round " << round << ": " << expression.text << "\nrow " << row << ": "
            << Document(world.rows[row]).dump();
      }
    }
  }
}

TEST(FilterProperty, EveryLeafAgreesInItsThreeValues) {
  const uint64_t seed = std::random_device()();
  for (uint64_t round = 0; round < kRounds; ++round) {
    World world(seed + round);
    world.AddRows(100);
    world.AddIndexes();
    for (int i = 0; i < 200; ++i) {
      const Expression leaf = world.Random(0);
      const index::Bitset is_true = Evaluated(world, leaf.text);
      const index::Bitset is_false = Evaluated(world, "not (" + leaf.text + ")");
      for (size_t row = 0; row < world.rows.size(); ++row) {
        const Truth value = is_true.Test(row) ? Truth::kTrue : is_false.Test(row) ? Truth::kFalse : Truth::kNull;
        ASSERT_EQ(value, leaf.value(world.rows[row]))
            << "seed " << seed << " round " << round << ": " << leaf.text << "\nrow " << row << ": " << Document(world.rows[row]).dump();
      }
    }
  }
}

TEST(FilterProperty, LooserFiltersNeverLoseRowsAndDeMorganHolds) {
  const uint64_t seed = std::random_device()();
  for (uint64_t round = 0; round < kRounds; ++round) {
    World world(seed + round);
    world.AddRows(150);
    world.AddIndexes();
    for (int i = 0; i < 20; ++i) {
      const std::string a = "(" + world.Random(2).text + ")";
      const std::string b = "(" + world.Random(2).text + ")";
      const index::Bitset only_a = Evaluated(world, a);
      ASSERT_TRUE(Subset(Evaluated(world, a + " and " + b), only_a)) << "seed " << seed << ": " << a << b;
      ASSERT_TRUE(Subset(only_a, Evaluated(world, a + " or " + b))) << "seed " << seed << ": " << a << b;
      const index::Bitset left = Evaluated(world, "not (" + a + " and " + b + ")");
      const index::Bitset right = Evaluated(world, "not " + a + " or not " + b);
      ASSERT_TRUE(Subset(left, right) && Subset(right, left)) << "seed " << seed << ": " << a << b;
    }
  }
}

}  // namespace
}  // namespace saker::filter
