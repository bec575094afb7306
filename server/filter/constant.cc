#include "server/filter/constant.h"

#include <charconv>
#include <utility>

#include <simdjson.h>

namespace saker::filter {
namespace {

constexpr int kMaxDepth = 64;

Result<Constant> ConstantFromJson(const simdjson::dom::element& element, int depth) {
  using simdjson::dom::element_type;
  if (depth > kMaxDepth) return InvalidArgument("a JSON template value is nested deeper than ", kMaxDepth);
  switch (element.type()) {
    case element_type::BOOL: return Constant{element.get_bool().value_unsafe()};
    case element_type::INT64: return Constant{element.get_int64().value_unsafe()};
    case element_type::UINT64: return Constant{static_cast<double>(element.get_uint64().value_unsafe())};
    case element_type::DOUBLE: return Constant{element.get_double().value_unsafe()};
    case element_type::STRING: return Constant{std::string(element.get_string().value_unsafe())};
    case element_type::ARRAY: {
      auto list = std::make_shared<List>();
      const simdjson::dom::array items = element.get_array().value_unsafe();
      for (const simdjson::dom::element item : items) list->Add(TRY(ConstantFromJson(item, depth + 1)));
      return Constant{std::shared_ptr<const List>(std::move(list))};
    }
    default: return InvalidArgument("a JSON template value must be made of numbers, strings, booleans and lists");
  }
}

}  // namespace

DataType Constant::type() const {
  constexpr DataType kTypes[] = {DataType::kBool, DataType::kInt64, DataType::kDouble, DataType::kVarChar, DataType::kArray};
  return kTypes[value.index()];
}

template <typename T>
bool List::AddTo(T* value) {
  if (value == nullptr) return false;
  if (size() == 0 && !std::holds_alternative<std::vector<T>>(items_)) items_ = std::vector<T>();
  auto* packed = std::get_if<std::vector<T>>(&items_);
  if (packed == nullptr) return false;
  packed->push_back(std::move(*value));
  return true;
}

void List::Add(Constant constant) {
  if (AddTo(std::get_if<int64_t>(&constant.value)) || AddTo(std::get_if<double>(&constant.value)) ||
      AddTo(std::get_if<std::string>(&constant.value))) {
    return;
  }
  if (!std::holds_alternative<std::vector<Constant>>(items_)) {
    std::vector<Constant> mixed;
    mixed.reserve(size() + 1);
    for (size_t i = 0; i < size(); ++i) mixed.push_back(At(i));
    items_ = std::move(mixed);
  }
  std::get<std::vector<Constant>>(items_).push_back(std::move(constant));
}

void List::Set(size_t i, Constant constant) {
  std::get<std::vector<Constant>>(items_)[i] = std::move(constant);
}

size_t List::size() const {
  return std::visit([](const auto& items) { return items.size(); }, items_);
}

Constant List::At(size_t i) const {
  return std::visit(
      [i](const auto& items) -> Constant {
        if constexpr (std::is_same_v<std::decay_t<decltype(items)>, std::vector<Constant>>) {
          return items[i];
        } else {
          return Constant{items[i]};
        }
      },
      items_);
}

std::string ValueText(const Constant& constant) {
  if (const bool* boolean = constant.boolean()) return *boolean ? "bool_val:true" : "bool_val:false";
  if (const int64_t* integer = constant.integer()) return "int64_val:" + std::to_string(*integer);
  if (const double* real = constant.real()) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), *real).ptr;
    return "float_val:" + std::string(buffer, end);
  }
  if (const std::string* text = constant.text()) return "string_val:\"" + text->substr(0, 256) + "\"";
  std::string out = "array_val:{";
  const List& list = *constant.list();
  for (size_t i = 0; i < std::min<size_t>(list.size(), 8); ++i) out += (i == 0 ? "array:{" : " array:{") + ValueText(list.At(i)) + "}";
  return out + (list.size() > 8 ? " ...}" : "}");
}

Result<Constant> ConstantFromTemplate(const TemplateValue& value, int depth) {
  if (depth > kMaxDepth) return InvalidArgument("a template value is nested deeper than ", kMaxDepth);
  if (const auto* boolean = std::get_if<bool>(&value.value)) return Constant{*boolean};
  if (const auto* integer = std::get_if<int64_t>(&value.value)) return Constant{*integer};
  if (const auto* real = std::get_if<double>(&value.value)) return Constant{*real};
  if (const auto* text = std::get_if<std::string>(&value.value)) return Constant{*text};
  if (const auto* json = std::get_if<Json>(&value.value)) {
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    if (parser.parse(json->text).get(element) != simdjson::SUCCESS) return InvalidArgument("a JSON template value is not valid JSON");
    return ConstantFromJson(element, depth);
  }
  auto list = std::make_shared<List>();
  for (const TemplateValue& item : std::get<TemplateValue::List>(value.value)) list->Add(TRY(ConstantFromTemplate(item, depth + 1)));
  return Constant{std::shared_ptr<const List>(std::move(list))};
}

}  // namespace saker::filter
