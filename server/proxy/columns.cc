#include "server/proxy/columns.h"

#include <algorithm>

#include "server/proxy/json_text.h"
#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

Status CheckRowCount(std::string_view field, size_t rows, size_t row_count) {
  if (rows == row_count) return OkStatus();
  return Invalid("the num_rows (", rows, ") of field (", field, ") is not equal to passed num_rows (", row_count, ")");
}

// $meta of each row: what came as $meta, with the columns that are no fields added as keys.
Result<Column> ComposeDynamic(const CollectionSchema& schema, std::optional<Column> given, const std::vector<NamedColumn>& extra,
                              size_t row_count) {
  const FieldSchema& meta = *schema.DynamicField();
  Column composed(meta, row_count);
  std::string text;
  for (size_t row = 0; row < row_count; ++row) {
    const std::string_view old = given && given->IsValid(row) ? given->Text(row) : std::string_view("{}");
    TRY(CheckJson(old, meta.name, &schema));
    if (extra.empty()) {
      composed.AppendVariable(old);
      continue;
    }
    // The object was checked: it ends with a brace, perhaps with blanks behind it.
    text.assign(old.substr(0, old.rfind('}')));
    bool empty = text.find_first_not_of(" \t\r\n", text.find('{') + 1) == std::string::npos;
    for (const NamedColumn& column : extra) {
      if (!empty) text += ',';
      empty = false;
      AppendJsonString(column.name, &text);
      text += ':';
      const Status appended = AppendJsonValue(column.column, row, &text);
      if (!appended.ok()) return MilvusError(MilvusErrorCode::kInvalidParameter, "dynamic field ", column.name, ": ", appended.message());
    }
    text += '}';
    if (text.size() > kMaxJsonBytes) TRY(CheckJson(text, meta.name, &schema));
    composed.AppendVariable(text);
  }
  return composed;
}

}  // namespace

Result<MatchedColumns> MatchColumns(const CollectionSchema& schema, std::vector<NamedColumn> columns, size_t row_count) {
  MatchedColumns matched(schema.fields.size());
  const FieldSchema* meta = schema.DynamicField();
  std::vector<NamedColumn> extra;
  std::optional<Column> dynamic;
  for (NamedColumn& named : columns) {
    const bool is_meta = named.is_dynamic || named.name == kDynamicFieldName;
    TRY(CheckRowCount(named.name, named.column.row_count(), row_count));
    if (is_meta && meta != nullptr && named.column.type() == DataType::kJson) {
      if (dynamic) return Invalid("duplicated field ", named.name, " passed in");
      dynamic = std::move(named.column);
      continue;
    }
    const int place = is_meta ? -1 : schema.FieldIndex(named.name);
    if (place < 0) {
      if (meta == nullptr || is_meta) return Invalid("field ", named.name, " is not in the schema of collection ", schema.name);
      extra.push_back(std::move(named));
      continue;
    }
    const FieldSchema& field = schema.fields[static_cast<size_t>(place)];
    std::optional<Column>& slot = matched[static_cast<size_t>(place)];
    if (slot) return Invalid("duplicated field ", named.name, " passed in");
    if (field.is_function_output) {
      return Invalid("field ", field.name, " is filled by function ", schema.FunctionFor(field.name)->name, " and cannot be passed in");
    }
    slot = TRY(CheckColumn(field, std::move(named.column), named.dim));
  }
  if (meta != nullptr && (dynamic || !extra.empty())) {
    matched[static_cast<size_t>(schema.FieldIndex(meta->name))] = TRY(ComposeDynamic(schema, std::move(dynamic), extra, row_count));
  }
  return matched;
}

Result<Column> MissingColumn(const FieldSchema& field, size_t row_count) {
  Column column(field, row_count);
  const bool has_default = !std::holds_alternative<std::monostate>(field.default_value);
  if (!has_default && !field.nullable && !field.is_dynamic) {
    return Invalid("fieldSchema(", field.name, ") has no corresponding fieldData pass in");
  }
  for (size_t row = 0; row < row_count; ++row) {
    if (field.is_dynamic) {
      column.AppendVariable("{}");
    } else if (has_default) {
      AppendDefault(field, &column);
    } else {
      column.AppendNull();
    }
  }
  return column;
}

void AppendDefault(const FieldSchema& field, Column* column) {
  if (const bool* b = std::get_if<bool>(&field.default_value)) {
    const uint8_t value = *b ? 1 : 0;
    column->AppendFixed(&value);
  } else if (const int64_t* i = std::get_if<int64_t>(&field.default_value)) {
    column->AppendFixed(i);  // little-endian: the low bytes are the narrower value
  } else if (const double* d = std::get_if<double>(&field.default_value)) {
    const float narrow = static_cast<float>(*d);
    if (field.type == DataType::kFloat) {
      column->AppendFixed(&narrow);
    } else {
      column->AppendFixed(d);
    }
  } else if (const std::string* text = std::get_if<std::string>(&field.default_value)) {
    column->AppendVariable(*text);
  }
}

}  // namespace saker::proxy
