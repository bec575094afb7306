#include "server/scalar_index/entries.h"

#include <algorithm>
#include <cmath>

#include <simdjson.h>

#include "common/checksum.h"

namespace saker::scalar_index {
namespace {

constexpr int64_t kExact = int64_t{1} << 53;  // integers below are doubles exactly
constexpr size_t kRowsBetweenChecks = 8192;

using Element = simdjson::dom::element;

class Collector {
 public:
  Collector(const Spec& spec, Entries* out) : spec_(spec), out_(out) {}

  void AddInteger(int64_t value) { out_->integers.emplace_back(value, row_); }
  void AddReal(double value) {
    if (!std::isnan(value)) out_->reals.emplace_back(value == 0 ? 0.0 : value, row_);  // one zero
  }
  void AddText(std::string_view text) {
    if (!spec_.ngram()) {
      out_->texts.emplace_back(text, row_);
      return;
    }
    if (!simdjson::validate_utf8(text.data(), text.size())) {
      MarkUnsure();
      return;
    }
    grams_.clear();
    for (uint32_t length = spec_.min_gram; length <= spec_.max_gram; ++length) {
      const size_t before = grams_.size();
      AppendGrams(text, length, &grams_);
      if (grams_.size() == before) break;
    }
    std::sort(grams_.begin(), grams_.end());
    grams_.erase(std::unique(grams_.begin(), grams_.end()), grams_.end());
    for (const int64_t gram : grams_) AddInteger(gram);
  }
  void MarkUnsure() {
    if (out_->unsure.empty() || out_->unsure.back() != row_) out_->unsure.push_back(row_);
  }

  void AddColumnRow(const Column& column, size_t row) {
    row_ = static_cast<uint32_t>(row);
    const DataType type = column.type();
    if (type == DataType::kArray) {
      AddArray(ArrayView(column.Text(row), column.element_type()));
    } else if (IsFloating(type)) {
      AddReal(column.GetNumber(row));
    } else if (column.variable()) {
      AddText(column.Text(row));
    } else {
      AddInteger(column.GetInteger(row));
    }
  }

  // False when the row is no JSON: it reads as null.
  bool AddJsonRow(const Column& column, size_t row) {
    row_ = static_cast<uint32_t>(row);
    Element root;
    const std::string_view text = column.Text(row);
    if (parser_.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return false;
    Element at;
    if (!Descend(root, spec_.path, &at)) return true;
    if (!spec_.of_elements()) {
      AddJson(at);
    } else if (at.is_array()) {
      const simdjson::dom::array elements = at.get_array().value_unsafe();
      for (const Element element : elements) AddJson(element);
    }
    return true;
  }

 private:
  void AddArray(const ArrayView& array) {
    const size_t size = array.size();
    for (size_t i = 0; i < size; ++i) {
      if (array.element_type() == DataType::kBool) {
        AddInteger(array.GetBool(i) ? 1 : 0);
      } else if (IsInteger(array.element_type())) {
        AddInteger(array.GetInteger(i));
      } else if (IsFloating(array.element_type())) {
        AddReal(array.GetNumber(i));
      } else {
        AddText(array.GetString(i));
      }
    }
  }

  void AddJson(const Element& element) {
    using simdjson::dom::element_type;
    const JsonCast cast = spec_.cast;
    const bool any = cast == JsonCast::kAny;
    const bool numbers = any || cast == JsonCast::kDouble || cast == JsonCast::kArrayDouble;
    switch (element.type()) {
      case element_type::BOOL:
        if (any || cast == JsonCast::kBool || cast == JsonCast::kArrayBool) AddInteger(element.get_bool().value_unsafe() ? 1 : 0);
        return;
      case element_type::INT64: {
        const int64_t value = element.get_int64().value_unsafe();
        if (!numbers) return;
        if (value > -kExact && value < kExact) {
          AddReal(static_cast<double>(value));
        } else {
          MarkUnsure();
        }
        return;
      }
      case element_type::UINT64:
        if (numbers) AddReal(static_cast<double>(element.get_uint64().value_unsafe()));
        return;
      case element_type::DOUBLE:
        if (numbers) AddReal(element.get_double().value_unsafe());
        return;
      case element_type::STRING:
        if (spec_.string_to_double) {
          if (const std::optional<double> value = StringToDouble(element.get_string().value_unsafe())) AddReal(*value);
          return;
        }
        if (!any && cast != JsonCast::kVarChar && cast != JsonCast::kArrayVarChar) return;
        if (spec_.ngram()) {
          AddText(element.get_string().value_unsafe());
        } else {
          AddText(out_->owned.emplace_back(element.get_string().value_unsafe()));
        }
        return;
      default: return;
    }
  }

  const Spec& spec_;
  Entries* const out_;
  uint32_t row_ = 0;
  simdjson::dom::parser parser_;
  std::vector<int64_t> grams_;
};

}  // namespace

Result<Entries> CollectEntries(const Spec& spec, const Column& column, const Context& context) {
  Entries entries;
  entries.known = index::Bitset(column.row_count(), true);
  Collector collector(spec, &entries);
  for (size_t row = 0; row < column.row_count(); ++row) {
    if (row % kRowsBetweenChecks == 0) TRY(context.Check());
    if (!column.IsValid(row)) {
      entries.known.Clear(row);
    } else if (column.type() != DataType::kJson) {
      collector.AddColumnRow(column, row);
    } else if (!collector.AddJsonRow(column, row)) {
      entries.known.Clear(row);
    }
  }
  return entries;
}

void AppendGrams(std::string_view text, uint32_t length, std::vector<int64_t>* grams) {
  std::vector<size_t> begins;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 0 || (static_cast<uint8_t>(text[i]) & 0xC0) != 0x80) begins.push_back(i);
  }
  begins.push_back(text.size());
  for (size_t i = 0; i + length < begins.size(); ++i) {
    grams->push_back(static_cast<int64_t>(Checksum(text.substr(begins[i], begins[i + length] - begins[i]))));
  }
}

size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

}  // namespace saker::scalar_index
