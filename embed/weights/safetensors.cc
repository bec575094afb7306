#include "embed/weights/safetensors.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "embed/weights/json_file.h"

namespace saker::embed {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kMaxRank = 8;

struct ElementType {
  std::string_view name;
  DType dtype;
  uint64_t bytes;
};
constexpr ElementType kTypes[] = {
    {"F32", DType::kFloat32, 4}, {"F16", DType::kFloat16, 2},   {"BF16", DType::kBFloat16, 2}, {"F64", DType::kOther, 8},
    {"I64", DType::kOther, 8},   {"U64", DType::kOther, 8},     {"I32", DType::kOther, 4},     {"U32", DType::kOther, 4},
    {"I16", DType::kOther, 2},   {"U16", DType::kOther, 2},     {"I8", DType::kOther, 1},      {"U8", DType::kOther, 1},
    {"BOOL", DType::kOther, 1},  {"F8_E4M3", DType::kOther, 1}, {"F8_E5M2", DType::kOther, 1},
};

// Element count times size, or an error when the product does not fit 64 bits.
Result<uint64_t> ByteCount(const std::vector<uint64_t>& shape, uint64_t element_bytes, const std::string& where) {
  uint64_t bytes = element_bytes;
  for (const uint64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return Corruption(where, ": the shape's product exceeds 64 bits");
  }
  return bytes;
}

Result<Tensor> ReadEntry(std::string_view name, simdjson::dom::element entry, std::span<const std::byte> data, const std::string& file) {
  const std::string where = file + ": tensor \"" + std::string(name) + "\"";
  std::string_view type_name;
  simdjson::dom::array shape;
  simdjson::dom::array offsets;
  if (entry["dtype"].get(type_name) != simdjson::SUCCESS || entry["shape"].get(shape) != simdjson::SUCCESS ||
      entry["data_offsets"].get(offsets) != simdjson::SUCCESS || offsets.size() != 2) {
    return Corruption(where, " lacks dtype, shape or two data_offsets");
  }
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const ElementType& t) { return t.name == type_name; });
  if (type == std::end(kTypes)) return Unimplemented(where, " has the unknown dtype \"", type_name, "\"");
  if (shape.size() > kMaxRank) return Corruption(where, " has ", shape.size(), " dimensions; at most ", kMaxRank, " are read");
  Tensor tensor;
  tensor.name = std::string(name);
  tensor.dtype = type->dtype;
  for (const simdjson::dom::element extent : shape) {
    uint64_t value;
    if (extent.get(value) != simdjson::SUCCESS) return Corruption(where, ": a dimension is not a number from 0");
    tensor.shape.push_back(value);
  }
  uint64_t begin;
  uint64_t end;
  if (offsets.at(0).get(begin) != simdjson::SUCCESS || offsets.at(1).get(end) != simdjson::SUCCESS) {
    return Corruption(where, ": the offsets are not numbers from 0");
  }
  if (begin > end || end > data.size()) {
    return Corruption(where, ": bytes ", begin, " to ", end, " are not inside the file's ", data.size(), " bytes of data");
  }
  const uint64_t needed = TRY(ByteCount(tensor.shape, type->bytes, where));
  if (needed != end - begin) {
    return Corruption(where, ": shape ", tensor.ShapeText(), " of ", type_name, " needs ", needed, " bytes, its offsets give ",
                      end - begin);
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

// The tensors must cover the data exactly once, as the format demands: no hole, no overlap, no trailing byte.
Status CheckCoverage(const std::map<std::string, Tensor>& tensors, std::span<const std::byte> data, const std::string& file) {
  std::vector<const Tensor*> sorted;
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.bytes.empty()) sorted.push_back(&tensor);
  }
  std::sort(sorted.begin(), sorted.end(), [](const Tensor* a, const Tensor* b) { return a->bytes.data() < b->bytes.data(); });
  uint64_t covered = 0;
  for (const Tensor* tensor : sorted) {
    const auto begin = static_cast<uint64_t>(tensor->bytes.data() - data.data());
    if (begin != covered) {
      return Corruption(file, ": tensor \"", tensor->name, "\" begins at ", begin,
                        begin < covered ? ", inside another that ends at " : ", after a hole from ", covered);
    }
    covered = begin + tensor->bytes.size();
  }
  if (covered != data.size()) return Corruption(file, ": the tensors end at ", covered, " of ", data.size(), " bytes of data");
  return OkStatus();
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  std::shared_ptr<const MappedFile> mapping = TRY(FileSystem::Posix().Map(path));
  SafetensorsFile file = TRY(Parse(mapping->bytes(), path));
  file.mapping_ = std::move(mapping);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::Parse(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (IsGitLfsPointer(text)) return GitLfsPointerError(name);
  uint64_t header_bytes = 0;
  if (bytes.size() < sizeof header_bytes) return Corruption(name, " has ", bytes.size(), " bytes; a safetensors file begins with 8");
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  const uint64_t rest = bytes.size() - sizeof header_bytes;
  if (header_bytes > kMaxHeaderBytes || header_bytes > rest) {
    return Corruption(name, ": the header claims ", header_bytes, " bytes; ", std::min(rest, kMaxHeaderBytes), " are possible");
  }
  const JsonDocument document = TRY(JsonDocument::Parse(text.substr(sizeof header_bytes, header_bytes), name + "'s header"));
  simdjson::dom::object root;
  if (document.root().get(root) != simdjson::SUCCESS) return Corruption(name, "'s header is not a JSON object");
  const auto data = bytes.subspan(sizeof header_bytes + header_bytes);
  SafetensorsFile file;
  for (const auto& field : root) {
    if (field.key == "__metadata__") continue;
    Tensor tensor = TRY(ReadEntry(field.key, field.value, data, name));
    std::string key = tensor.name;
    if (!file.tensors_.emplace(std::move(key), std::move(tensor)).second)
      return Corruption(name, ": tensor \"", field.key, "\" appears twice");
  }
  TRY(CheckCoverage(file.tensors_, data, name));
  return file;
}

}  // namespace saker::embed
