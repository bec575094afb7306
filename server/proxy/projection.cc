#include "server/proxy/projection.h"

#include <algorithm>
#include <cstring>

#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

bool IsIdentifier(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c == '_' || c == '-' || c == '.' || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

// $meta["color"] names the dynamic key color.
std::string_view DynamicKey(std::string_view name) {
  constexpr std::string_view kStart = "$meta[";
  if (name.substr(0, kStart.size()) != kStart || name.size() < kStart.size() + 4 || name.back() != ']') return name;
  const char quote = name[kStart.size()];
  if ((quote != '"' && quote != '\'') || name[name.size() - 2] != quote) return name;
  return name.substr(kStart.size() + 1, name.size() - kStart.size() - 3);
}

}  // namespace

Result<Projection> Project(const CollectionSchema& schema, const std::vector<std::string>& output_fields, PrimaryKeyColumn key) {
  Projection projection;
  const FieldSchema& primary = schema.PrimaryKey();
  const FieldSchema* meta = schema.DynamicField();
  bool with_key = key == PrimaryKeyColumn::kAlways;
  const auto add_field = [&](const FieldSchema& field) {
    if (field.is_primary_key) {
      with_key = true;
    } else if (std::find(projection.fields.begin(), projection.fields.end(), &field) == projection.fields.end()) {
      projection.fields.push_back(&field);
      projection.field_ids.push_back(field.id);
    }
  };
  const auto add_name = [&](std::string_view name) {
    const bool known = std::find(projection.names.begin(), projection.names.end(), name) != projection.names.end();
    if (!known && name != primary.name) projection.names.emplace_back(name);
  };
  for (const std::string& requested : output_fields) {
    const size_t begin = requested.find_first_not_of(' ');
    const std::string_view name = begin == std::string::npos
                                      ? std::string_view()
                                      : std::string_view(requested).substr(begin, requested.find_last_not_of(' ') + 1 - begin);
    if (name == "*") {
      for (const FieldSchema& field : schema.fields) {
        if (schema.IsBm25Output(field)) continue;
        add_field(field);
        add_name(field.name);
      }
      continue;
    }
    if (const FieldSchema* field = schema.Find(name)) {
      if (schema.IsBm25Output(*field)) return Refused("not allowed to retrieve raw data of field ", name);
      add_field(*field);
      add_name(name);
      continue;
    }
    if (meta == nullptr) return Refused("field ", name, " not exist");
    const std::string_view dynamic = DynamicKey(name);
    if (!IsIdentifier(dynamic)) return Refused("parse output field name failed: ", name);
    add_field(*meta);
    add_name(dynamic);
  }
  if (with_key) {
    projection.fields.push_back(&primary);
    projection.names.push_back(primary.name);
  }
  return projection;
}

NamedColumn NameColumn(const FieldSchema& field, Column column) {
  NamedColumn named;
  named.name = field.name;
  named.is_dynamic = field.is_dynamic;
  named.dim = field.dim;
  if (field.type == DataType::kSparseFloatVector) {
    for (size_t row = 0; row < column.row_count(); ++row) {
      const std::string_view pairs = column.Text(row);
      if (pairs.size() < 8) continue;
      uint32_t last = 0;
      std::memcpy(&last, pairs.data() + pairs.size() - 8, sizeof last);
      named.dim = std::max<int64_t>(named.dim, int64_t{last} + 1);
    }
  }
  named.column = std::move(column);
  return named;
}

std::vector<NamedColumn> TakeColumns(const Projection& projection, RowBatch rows) {
  std::vector<NamedColumn> columns;
  columns.reserve(projection.fields.size());
  for (const FieldSchema* field : projection.fields) {
    const auto found = std::find(rows.field_ids.begin(), rows.field_ids.end(), field->id);
    if (found == rows.field_ids.end()) {
      columns.push_back(NameColumn(*field, Column(*field)));
    } else {
      columns.push_back(NameColumn(*field, std::move(rows.columns[static_cast<size_t>(found - rows.field_ids.begin())])));
    }
  }
  return columns;
}

}  // namespace saker::proxy
