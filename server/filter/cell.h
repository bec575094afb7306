// One value of one row, from any source: a column, an array element, a JSON path.
#pragma once

#include <cstdint>
#include <string_view>

#include <simdjson.h>

#include "server/filter/ast.h"
#include "server/filter/constant.h"
#include "server/schema/column.h"

namespace saker::filter {

struct Cell {
  enum class Kind : uint8_t {
    kNull,     // SQL's null: a test gives NULL
    kMissing,  // absent from JSON or JSON's null: a test gives FALSE, or TRUE when it is a negated one
    kBool,
    kInteger,
    kReal,
    kText,
    kArray,
    kObject,
  };
  Kind kind = Kind::kNull;
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  std::string_view text;                    // a string, or the encoding of an array field's row
  DataType element_type = DataType::kNone;  // of an array field
  const simdjson::dom::element* json = nullptr;

  bool is_number() const { return kind == Kind::kInteger || kind == Kind::kReal; }
  double number() const { return kind == Kind::kInteger ? static_cast<double>(integer) : real; }

  static Cell FromJson(const simdjson::dom::element& element);
  static Cell FromElement(const ArrayView& array, size_t i);
};

template <typename T>
bool Ordered(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::kEq: return a == b;
    case Op::kNe: return a != b;
    case Op::kLt: return a < b;
    case Op::kLe: return a <= b;
    case Op::kGt: return a > b;
    default: return a >= b;
  }
}

// False on a mismatch of types, but true for kNe. Integers compare exactly, otherwise numbers as doubles.
bool CompareCell(Op op, const Cell& cell, const Constant& constant);
// Calls f(cell) for each element while it answers true; false when the cell is no array.
template <typename F>
bool ForEachElement(const Cell& cell, F&& f) {
  if (cell.kind != Cell::Kind::kArray) return false;
  if (cell.json != nullptr) {
    const simdjson::dom::array elements = cell.json->get_array().value_unsafe();
    for (const simdjson::dom::element element : elements) {
      if (!f(Cell::FromJson(element))) break;
    }
    return true;
  }
  const ArrayView array(cell.text, cell.element_type);
  const size_t size = array.size();
  for (size_t i = 0; i < size && f(Cell::FromElement(array, i)); ++i) {}
  return true;
}
size_t ElementCount(const Cell& array);
bool EqualsConstant(const Cell& cell, const Constant& constant);  // lists too, recursively

}  // namespace saker::filter
