#include "server/rest/vector_json.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "server/rest/base64.h"

namespace saker::rest {

namespace {

namespace dom = simdjson::dom;

template <typename T>
void AppendBytes(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

Result<float> ToFloat(const JsonElement& value) {
  double number = 0;
  if (value.get(number) != simdjson::SUCCESS) {
    int64_t integer = 0;
    uint64_t large = 0;
    if (value.get(integer) == simdjson::SUCCESS) {
      number = static_cast<double>(integer);
    } else if (value.get(large) == simdjson::SUCCESS) {
      number = static_cast<double>(large);
    } else {
      return InvalidArgument("a vector's elements should be numbers, one is ", TypeName(value));
    }
  }
  if (std::abs(number) > std::numeric_limits<float>::max()) return InvalidArgument("value '", number, "' is not a number or infinity");
  return static_cast<float>(number);
}

// Round to nearest, ties to even. False when a finite value would become infinite.
bool ToHalf(float value, uint16_t* half) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const float magnitude = std::abs(value);
  if (magnitude >= 65520.0F) return false;
  if (magnitude < 6.103515625e-05F) {
    // Subnormal: a multiple of 2^-24; nearbyint rounds ties to even.
    *half = static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 24))));
    return true;
  }
  const uint32_t absolute = bits & 0x7fffffff;
  const uint32_t rounded = absolute + 0xfff + (absolute >> 13 & 1);
  *half = static_cast<uint16_t>(sign | (rounded - (112u << 23)) >> 13);
  return true;
}

bool ToBFloat16(float value, uint16_t* out) {
  const auto bits = std::bit_cast<uint32_t>(value);
  *out = static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  return (*out & 0x7f80) != 0x7f80;
}

Status WrongDim(int64_t got, int64_t wanted) {
  return InvalidArgument("the vector has dimension ", got, " and the field has dimension ", wanted, ": vector dimension mismatch");
}

Status AppendFloatList(dom::array list, int64_t dim, std::string* out) {
  int64_t count = 0;
  for (const JsonElement element : list) {
    AppendBytes(out, TRY(ToFloat(element)));
    ++count;
  }
  if (dim > 0 && count != dim) return WrongDim(count, dim);
  if (count == 0) return InvalidArgument("the vector is empty");
  return OkStatus();
}

Status AppendByteList(dom::array list, int64_t low, int64_t high, std::string* out) {
  for (const JsonElement element : list) {
    int64_t number = 0;
    if (element.get(number) != simdjson::SUCCESS || number < low || number > high) {
      return InvalidArgument("the vector's elements should be integers from ", low, " to ", high, ", one is ", simdjson::minify(element));
    }
    out->push_back(static_cast<char>(number));
  }
  return OkStatus();
}

// Float16, BFloat16: a list of dim floats, or base64 or a list of 2 * dim bytes. What fits the length is meant.
Status AppendHalves(DataType type, dom::array list, int64_t dim, std::string* out) {
  const auto count = static_cast<int64_t>(list.size());
  if (dim > 0 && count == 2 * dim) return AppendByteList(list, 0, 255, out);
  if (dim > 0 && count != dim) return WrongDim(count, dim);
  for (const JsonElement element : list) {
    const float value = TRY(ToFloat(element));
    uint16_t half = 0;
    if (!(type == DataType::kFloat16Vector ? ToHalf(value, &half) : ToBFloat16(value, &half))) {
      return InvalidArgument(value, " is too large for an element of a ", DataTypeName(type));
    }
    AppendBytes(out, half);
  }
  return OkStatus();
}

Status AppendSparse(std::vector<std::pair<uint32_t, float>> pairs, std::string* out, int64_t* sparse_dim) {
  std::sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (i > 0 && pairs[i].first == pairs[i - 1].first) return InvalidArgument("the sparse vector has index ", pairs[i].first, " twice");
    AppendBytes(out, pairs[i].first);
    AppendBytes(out, pairs[i].second);
  }
  if (sparse_dim != nullptr && !pairs.empty()) *sparse_dim = std::max(*sparse_dim, static_cast<int64_t>(pairs.back().first) + 1);
  return OkStatus();
}

Result<uint32_t> ToSparseIndex(int64_t index) {
  if (index < 0 || index >= std::numeric_limits<uint32_t>::max()) {
    return InvalidArgument("the sparse vector's index ", index, " is not in [0, ", std::numeric_limits<uint32_t>::max(), ")");
  }
  return static_cast<uint32_t>(index);
}

// {"1": 0.5, "7": 0.25} or {"indices": [1, 7], "values": [0.5, 0.25]}.
Status AppendSparseObject(dom::object object, std::string* out, int64_t* sparse_dim) {
  std::vector<std::pair<uint32_t, float>> pairs;
  dom::array indices;
  dom::array values;
  const bool has_indices = object["indices"].get(indices) == simdjson::SUCCESS;
  if (has_indices != (object["values"].get(values) == simdjson::SUCCESS)) {
    return InvalidArgument("a sparse vector needs both of `indices` and `values` as lists");
  }
  if (!has_indices) {
    for (const auto field : object) {
      int64_t index = 0;
      if (!ParseInteger(field.key, &index)) return InvalidArgument("the sparse vector's index '", field.key, "' is not an integer");
      pairs.emplace_back(TRY(ToSparseIndex(index)), TRY(ToFloat(field.value)));
    }
    return AppendSparse(std::move(pairs), out, sparse_dim);
  }
  if (indices.size() != values.size())
    return InvalidArgument("a sparse vector has ", indices.size(), " indices and ", values.size(), " values");
  auto value = values.begin();
  for (const JsonElement element : indices) {
    int64_t index = 0;
    if (element.get(index) != simdjson::SUCCESS)
      return InvalidArgument("a sparse vector's index should be an integer, one is ", TypeName(element));
    pairs.emplace_back(TRY(ToSparseIndex(index)), TRY(ToFloat(*value)));
    ++value;
  }
  return AppendSparse(std::move(pairs), out, sparse_dim);
}

size_t BytesOfVector(DataType type, int64_t dim) {
  switch (type) {
    case DataType::kBinaryVector: return static_cast<size_t>(dim) / 8;
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector: return static_cast<size_t>(dim) * 2;
    case DataType::kInt8Vector: return static_cast<size_t>(dim);
    default: return static_cast<size_t>(dim) * 4;
  }
}

}  // namespace

Status AppendFloats(const JsonElement& value, std::string* out) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return InvalidArgument("a vector should be a list of numbers, it is ", TypeName(value));
  return AppendFloatList(list, 0, out);
}

Status AppendVectorBytes(DataType type, int64_t dim, const JsonElement& value, std::string* out, int64_t* sparse_dim) {
  if (type == DataType::kSparseFloatVector) {
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS) {
      return InvalidArgument("a sparse vector should be an object like {\"1\": 0.5}, it is ", TypeName(value));
    }
    return AppendSparseObject(object, out, sparse_dim);
  }
  const size_t start = out->size();
  dom::array list;
  std::string_view text;
  if (value.get(list) == simdjson::SUCCESS) {
    if (type == DataType::kFloatVector) return AppendFloatList(list, dim, out);
    if (type == DataType::kFloat16Vector || type == DataType::kBFloat16Vector) return AppendHalves(type, list, dim, out);
    TRY(type == DataType::kInt8Vector ? AppendByteList(list, -128, 127, out) : AppendByteList(list, 0, 255, out));
  } else if (type != DataType::kFloatVector && value.get(text) == simdjson::SUCCESS) {
    const auto bytes = DecodeBase64(text);
    if (!bytes) return InvalidArgument("a vector given as text should be base64");
    out->append(*bytes);
  } else {
    return InvalidArgument("a vector should be a list of numbers, it is ", TypeName(value));
  }
  if (dim > 0 && out->size() - start != BytesOfVector(type, dim)) {
    return InvalidArgument("the vector has ", out->size() - start, " bytes, a ", DataTypeName(type), " of dimension ", dim, " has ",
                           BytesOfVector(type, dim), ": vector dimension mismatch");
  }
  return OkStatus();
}

void WriteVector(DataType type, std::string_view bytes, JsonWriter* out) {
  const auto load = [&bytes](size_t at, auto value) {
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
  };
  if (type == DataType::kFloatVector) {
    out->BeginArray();
    for (size_t i = 0; i + 4 <= bytes.size(); i += 4) out->Number(load(i, 0.0F));
    out->EndArray();
  } else if (type == DataType::kInt8Vector) {
    out->BeginArray();
    for (const char byte : bytes) out->Number(static_cast<int>(static_cast<signed char>(byte)));
    out->EndArray();
  } else if (type == DataType::kSparseFloatVector) {
    out->BeginObject();
    for (size_t i = 0; i + 8 <= bytes.size(); i += 8) out->Key(std::to_string(load(i, uint32_t{}))).Number(load(i + 4, 0.0F));
    out->EndObject();
  } else {
    std::string text;
    AppendBase64(&text, bytes);
    out->String(text);
  }
}

}  // namespace saker::rest
