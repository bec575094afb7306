// Constants of an expression: literals, folded values and templates, and the lists of them.
//
// A list keeps elements of one type packed, so that a list of a million keys is one vector. Values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/result.h"
#include "server/filter/filter.h"
#include "server/schema/types.h"

namespace saker::filter {

class List;

struct Constant {
  std::variant<bool, int64_t, double, std::string, std::shared_ptr<const List>> value;

  const bool* boolean() const { return std::get_if<bool>(&value); }
  const int64_t* integer() const { return std::get_if<int64_t>(&value); }
  const double* real() const { return std::get_if<double>(&value); }
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const List* list() const {
    const auto* shared = std::get_if<std::shared_ptr<const List>>(&value);
    return shared == nullptr ? nullptr : shared->get();
  }
  bool is_number() const { return integer() != nullptr || real() != nullptr; }
  double number() const { return integer() != nullptr ? static_cast<double>(*integer()) : std::get<double>(value); }
  DataType type() const;
};

class List {
 public:
  void Add(Constant constant);
  void Set(size_t i, Constant constant);
  size_t size() const;
  Constant At(size_t i) const;
  // The packed elements when all are of that type (any of them for an empty list), else nullptr.
  const std::vector<int64_t>* ints() const { return std::get_if<std::vector<int64_t>>(&items_); }
  const std::vector<double>* reals() const { return std::get_if<std::vector<double>>(&items_); }
  const std::vector<std::string>* texts() const { return std::get_if<std::vector<std::string>>(&items_); }

 private:
  template <typename T>
  bool AddTo(T* value);
  std::variant<std::vector<int64_t>, std::vector<double>, std::vector<std::string>, std::vector<Constant>> items_;
};

// As Milvus prints its GenericValue: `int64_val:5`, `string_val:"a"`.
std::string ValueText(const Constant& constant);

Result<Constant> ConstantFromTemplate(const TemplateValue& value, int depth = 0);

}  // namespace saker::filter
