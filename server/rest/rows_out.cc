#include "server/rest/rows_out.h"

#include <simdjson.h>

#include <algorithm>

#include "server/rest/vector_json.h"

namespace saker::rest {

namespace {

// An array has the shape of Milvus' protobuf message: {"Data":{"LongData":{"data":[1,2]}}}.
void WriteArray(const ArrayView& view, JsonWriter* out) {
  const DataType type = view.element_type();
  const char* kind = type == DataType::kBool     ? "BoolData"
                     : type == DataType::kInt64  ? "LongData"
                     : IsInteger(type)           ? "IntData"
                     : type == DataType::kFloat  ? "FloatData"
                     : type == DataType::kDouble ? "DoubleData"
                                                 : "StringData";
  out->BeginObject().Key("Data").BeginObject().Key(kind).BeginObject().Key("data").BeginArray();
  for (size_t i = 0; i < view.size(); ++i) {
    if (type == DataType::kBool) {
      out->Bool(view.GetBool(i));
    } else if (IsInteger(type)) {
      out->Number(view.GetInteger(i));
    } else if (type == DataType::kFloat) {
      out->Number(static_cast<float>(view.GetNumber(i)));
    } else if (type == DataType::kDouble) {
      out->Number(view.GetNumber(i));
    } else {
      out->String(view.GetString(i));
    }
  }
  out->EndArray().EndObject().EndObject().EndObject();
}

}  // namespace

void WriteInt64(int64_t value, Int64As as, JsonWriter* out) {
  if (as == Int64As::kText) {
    out->String(std::to_string(value));
  } else {
    out->Number(value);
  }
}

void WritePrimaryKey(const PrimaryKeys& keys, size_t at, Int64As as, JsonWriter* out) {
  if (keys.type == DataType::kInt64) {
    WriteInt64(keys.ints[at], as, out);
  } else {
    out->String(keys.strings[at]);
  }
}

void WriteValue(const Column& column, size_t row, Int64As as, JsonWriter* out) {
  if (!column.IsValid(row)) {
    out->Null();
    return;
  }
  const DataType type = column.type();
  if (IsVector(type)) {
    WriteVector(type,
                column.variable() ? column.Text(row) : std::string_view(static_cast<const char*>(column.Row(row)), column.width_bytes()),
                out);
  } else if (type == DataType::kBool) {
    out->Bool(column.GetInteger(row) != 0);
  } else if (type == DataType::kInt64) {
    WriteInt64(column.GetInteger(row), as, out);
  } else if (IsInteger(type)) {
    out->Number(column.GetInteger(row));
  } else if (type == DataType::kFloat) {
    out->Number(column.Get<float>(row));
  } else if (type == DataType::kDouble) {
    out->Number(column.Get<double>(row));
  } else if (type == DataType::kArray) {
    WriteArray(ArrayView(column.Text(row), column.element_type()), out);
  } else {
    out->String(column.Text(row));
  }
}

RowWriter::RowWriter(const std::vector<proxy::NamedColumn>& columns, const std::vector<std::string>& output_fields, Int64As int64_as)
    : columns_(columns), output_fields_(output_fields), int64_as_(int64_as) {
  all_dynamic_ = std::find(output_fields.begin(), output_fields.end(), kDynamicFieldName) != output_fields.end();
}

void RowWriter::Write(size_t row, const std::string& skip, JsonWriter* out) const {
  for (const proxy::NamedColumn& named : columns_) {
    if (named.name == skip || row >= named.column.row_count()) continue;
    if (named.is_dynamic || named.name == kDynamicFieldName) {
      WriteDynamic(named.column, row, out);
    } else {
      out->Key(named.name);
      WriteValue(named.column, row, int64_as_, out);
    }
  }
}

// Dynamic keys stand beside the fields; a field of the same name wins.
void RowWriter::WriteDynamic(const Column& column, size_t row, JsonWriter* out) const {
  if (!column.IsValid(row)) return;
  const std::string_view text = column.Text(row);
  if (text.empty() || text == "{}") return;
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(text.data(), text.size(), true).get(object) != simdjson::SUCCESS) {
    out->Key(kDynamicFieldName).String(text);
    return;
  }
  for (const auto member : object) {
    const auto same = [&member](const proxy::NamedColumn& named) { return named.name == member.key; };
    if (std::any_of(columns_.begin(), columns_.end(), same)) continue;
    if (!all_dynamic_ && std::find(output_fields_.begin(), output_fields_.end(), member.key) == output_fields_.end()) continue;
    out->Key(member.key).Raw(simdjson::minify(member.value));
  }
}

}  // namespace saker::rest
