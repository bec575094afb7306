#include "server/filter/cell.h"

namespace saker::filter {

// `element` must outlive the cell when it is an array or an object.
Cell Cell::FromJson(const simdjson::dom::element& element) {
  using simdjson::dom::element_type;
  Cell cell;
  switch (element.type()) {
    case element_type::NULL_VALUE: cell.kind = Kind::kMissing; break;
    case element_type::BOOL:
      cell.kind = Kind::kBool;
      cell.boolean = element.get_bool().value_unsafe();
      break;
    case element_type::INT64:
      cell.kind = Kind::kInteger;
      cell.integer = element.get_int64().value_unsafe();
      break;
    case element_type::UINT64:
      cell.kind = Kind::kReal;
      cell.real = static_cast<double>(element.get_uint64().value_unsafe());
      break;
    case element_type::DOUBLE:
      cell.kind = Kind::kReal;
      cell.real = element.get_double().value_unsafe();
      break;
    case element_type::STRING:
      cell.kind = Kind::kText;
      cell.text = element.get_string().value_unsafe();
      break;
    case element_type::ARRAY:
      cell.kind = Kind::kArray;
      cell.json = &element;
      break;
    case element_type::OBJECT:
      cell.kind = Kind::kObject;
      cell.json = &element;
      break;
  }
  return cell;
}

Cell Cell::FromElement(const ArrayView& array, size_t i) {
  Cell cell;
  const DataType type = array.element_type();
  if (type == DataType::kBool) {
    cell.kind = Kind::kBool;
    cell.boolean = array.GetBool(i);
  } else if (IsInteger(type)) {
    cell.kind = Kind::kInteger;
    cell.integer = array.GetInteger(i);
  } else if (IsFloating(type)) {
    cell.kind = Kind::kReal;
    cell.real = array.GetNumber(i);
  } else {
    cell.kind = Kind::kText;
    cell.text = array.GetString(i);
  }
  return cell;
}

bool CompareCell(Op op, const Cell& cell, const Constant& constant) {
  if (cell.kind == Cell::Kind::kInteger && constant.integer() != nullptr) return Ordered(op, cell.integer, *constant.integer());
  if (cell.is_number() && constant.is_number()) return Ordered(op, cell.number(), constant.number());
  if (cell.kind == Cell::Kind::kText && constant.text() != nullptr) return Ordered(op, cell.text, std::string_view(*constant.text()));
  if (cell.kind == Cell::Kind::kBool && constant.boolean() != nullptr) return Ordered(op, cell.boolean, *constant.boolean());
  return op == Op::kNe;
}

size_t ElementCount(const Cell& array) {
  // dom::array::size() stops counting at 2^24 - 1 elements, more than a row can hold.
  return array.json != nullptr ? array.json->get_array().value_unsafe().size() : ArrayView(array.text, array.element_type).size();
}

bool EqualsConstant(const Cell& cell, const Constant& constant) {
  const List* list = constant.list();
  if (list == nullptr) return CompareCell(Op::kEq, cell, constant);
  if (cell.kind != Cell::Kind::kArray || ElementCount(cell) != list->size()) return false;
  size_t i = 0;
  bool equal = true;
  ForEachElement(cell, [&](const Cell& element) {
    equal = EqualsConstant(element, list->At(i++));
    return equal;
  });
  return equal;
}

}  // namespace saker::filter
