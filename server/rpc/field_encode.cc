#include <algorithm>
#include <cstring>

#include "server/rpc/field_data.h"

namespace saker::rpc {
namespace {

using pb::schema::FieldData;
using pb::schema::ScalarField;

template <typename T>
void CopyAll(const Column& column, google::protobuf::RepeatedField<T>* out) {
  const auto count = static_cast<int>(column.row_count());
  out->Resize(count, T{});
  if (count != 0) std::memcpy(out->mutable_data(), column.bytes().data(), column.bytes().size());
}

void EncodeArrayRow(const Column& column, size_t row, ScalarField* out) {
  const DataType element = column.element_type();
  const ArrayView view(column.Text(row), element);
  const size_t size = column.IsValid(row) ? view.size() : 0;
  const auto each = [&](auto* values, auto get) {
    values->Reserve(static_cast<int>(size));
    for (size_t i = 0; i < size; ++i) values->AddAlreadyReserved(get(i));
  };
  switch (element) {
    case DataType::kBool: each(out->mutable_bool_data()->mutable_data(), [&](size_t i) { return view.GetBool(i); }); break;
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
      each(out->mutable_int_data()->mutable_data(), [&](size_t i) { return static_cast<int32_t>(view.GetInteger(i)); });
      break;
    case DataType::kInt64: each(out->mutable_long_data()->mutable_data(), [&](size_t i) { return view.GetInteger(i); }); break;
    case DataType::kFloat:
      each(out->mutable_float_data()->mutable_data(), [&](size_t i) { return static_cast<float>(view.GetNumber(i)); });
      break;
    case DataType::kDouble: each(out->mutable_double_data()->mutable_data(), [&](size_t i) { return view.GetNumber(i); }); break;
    default: {
      auto* strings = out->mutable_string_data();
      for (size_t i = 0; i < size; ++i) {
        const std::string_view text = view.GetString(i);
        strings->add_data(text.data(), text.size());
      }
    }
  }
}

void EncodeScalars(const Column& column, ScalarField* out) {
  switch (column.type()) {
    case DataType::kBool: CopyAll(column, out->mutable_bool_data()->mutable_data()); break;
    case DataType::kInt8:
    case DataType::kInt16: {
      auto* values = out->mutable_int_data()->mutable_data();
      values->Reserve(static_cast<int>(column.row_count()));
      for (size_t i = 0; i < column.row_count(); ++i) values->AddAlreadyReserved(static_cast<int32_t>(column.GetInteger(i)));
      break;
    }
    case DataType::kInt32: CopyAll(column, out->mutable_int_data()->mutable_data()); break;
    case DataType::kInt64: CopyAll(column, out->mutable_long_data()->mutable_data()); break;
    case DataType::kTimestamptz: CopyAll(column, out->mutable_timestamptz_data()->mutable_data()); break;
    case DataType::kFloat: CopyAll(column, out->mutable_float_data()->mutable_data()); break;
    case DataType::kDouble: CopyAll(column, out->mutable_double_data()->mutable_data()); break;
    case DataType::kArray: {
      auto* arrays = out->mutable_array_data();
      arrays->set_element_type(static_cast<pb::schema::DataType>(column.element_type()));
      for (size_t i = 0; i < column.row_count(); ++i) EncodeArrayRow(column, i, arrays->add_data());
      break;
    }
    case DataType::kJson: {
      auto* json = out->mutable_json_data();
      for (size_t i = 0; i < column.row_count(); ++i) json->add_data(column.Text(i).data(), column.Text(i).size());
      break;
    }
    default: {
      auto* strings = out->mutable_string_data();
      for (size_t i = 0; i < column.row_count(); ++i) strings->add_data(column.Text(i).data(), column.Text(i).size());
    }
  }
}

// The bytes of the valid rows, one after the other.
void AppendValidRows(const Column& column, char* out) {
  if (!column.has_nulls()) {
    if (!column.bytes().empty()) std::memcpy(out, column.bytes().data(), column.bytes().size());
    return;
  }
  for (size_t i = 0; i < column.row_count(); ++i) {
    if (!column.IsValid(i)) continue;
    std::memcpy(out, column.Row(i), column.width_bytes());
    out += column.width_bytes();
  }
}

void EncodeSparse(const proxy::NamedColumn& named, pb::schema::SparseFloatArray* out) {
  const Column& column = named.column;
  int64_t dim = named.dim;
  for (size_t i = 0; i < column.row_count(); ++i) {
    if (!column.IsValid(i)) continue;
    const std::string_view row = column.Text(i);
    if (row.size() >= 8) {
      uint32_t last = 0;
      std::memcpy(&last, row.data() + row.size() - 8, sizeof(last));
      dim = std::max(dim, int64_t{last} + 1);
    }
    out->add_contents(row.data(), row.size());
  }
  out->set_dim(dim);
}

void EncodeVectors(const proxy::NamedColumn& named, pb::schema::VectorField* out) {
  const Column& column = named.column;
  out->set_dim(named.dim);
  size_t rows = 0;
  for (size_t i = 0; i < column.row_count(); ++i) rows += column.IsValid(i) ? 1 : 0;
  const size_t size = rows * column.width_bytes();
  std::string* bytes = nullptr;
  switch (column.type()) {
    case DataType::kSparseFloatVector:
      EncodeSparse(named, out->mutable_sparse_float_vector());
      out->set_dim(out->sparse_float_vector().dim());
      return;
    case DataType::kFloatVector: {
      auto* values = out->mutable_float_vector()->mutable_data();
      values->Resize(static_cast<int>(size / sizeof(float)), 0);
      if (size != 0) AppendValidRows(column, reinterpret_cast<char*>(values->mutable_data()));
      return;
    }
    case DataType::kBinaryVector: bytes = out->mutable_binary_vector(); break;
    case DataType::kFloat16Vector: bytes = out->mutable_float16_vector(); break;
    case DataType::kBFloat16Vector: bytes = out->mutable_bfloat16_vector(); break;
    default: bytes = out->mutable_int8_vector(); break;
  }
  bytes->resize(size);
  if (size != 0) AppendValidRows(column, bytes->data());
}

}  // namespace

void EncodeField(const proxy::NamedColumn& named, FieldData* out) {
  const Column& column = named.column;
  out->set_type(static_cast<pb::schema::DataType>(column.type()));
  out->set_field_name(named.name);
  out->set_is_dynamic(named.is_dynamic);
  if (column.has_nulls()) {
    auto* valid = out->mutable_valid_data();
    valid->Resize(static_cast<int>(column.row_count()), true);
    for (size_t i = 0; i < column.row_count(); ++i) valid->Set(static_cast<int>(i), column.IsValid(i));
  }
  if (IsVector(column.type())) {
    EncodeVectors(named, out->mutable_vectors());
  } else {
    EncodeScalars(column, out->mutable_scalars());
  }
}

void EncodeIds(const PrimaryKeys& keys, pb::schema::IDs* out) {
  if (keys.type == DataType::kInt64) {
    out->mutable_int_id()->mutable_data()->Add(keys.ints.begin(), keys.ints.end());
    return;
  }
  auto* strings = out->mutable_str_id()->mutable_data();
  strings->Reserve(static_cast<int>(keys.strings.size()));
  for (const std::string& key : keys.strings) *strings->Add() = key;
}

}  // namespace saker::rpc
