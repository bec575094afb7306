#include "tools/bench/vector_file.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

namespace saker::bench {
namespace {

constexpr int32_t kMaxDim = 1 << 20;

struct Raw {
  size_t dim = 0;
  size_t rows = 0;
  std::vector<uint8_t> elements;  // rows x dim x element_bytes
};

Result<Raw> ReadRows(const std::string& path, size_t element_bytes) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return NotFound("cannot read ", path);
  const auto size = static_cast<uint64_t>(in.tellg());
  in.seekg(0);
  int32_t dim = 0;
  if (size < 4 || !in.read(reinterpret_cast<char*>(&dim), 4)) return Corruption(path, ": ", size, " bytes, a first row needs more than 4");
  if (dim < 1 || dim > kMaxDim) return Corruption(path, ": dimension ", dim, " of row 0; it is 1 to ", kMaxDim);
  Raw raw;
  raw.dim = static_cast<size_t>(dim);
  const uint64_t row_bytes = 4 + raw.dim * element_bytes;
  if (size % row_bytes != 0) return Corruption(path, ": ", size, " bytes are not a whole number of rows of ", row_bytes, " bytes");
  raw.rows = static_cast<size_t>(size / row_bytes);
  raw.elements.resize(raw.rows * raw.dim * element_bytes);
  in.seekg(0);
  for (size_t row = 0; row < raw.rows; ++row) {
    in.read(reinterpret_cast<char*>(&dim), 4);
    in.read(reinterpret_cast<char*>(raw.elements.data() + row * raw.dim * element_bytes),
            static_cast<std::streamsize>(raw.dim * element_bytes));
    if (!in) return Corruption(path, ": cannot read row ", row, " of ", raw.rows);
    if (static_cast<size_t>(dim) != raw.dim) return Corruption(path, ": dimension ", dim, " of row ", row, "; row 0 has ", raw.dim);
  }
  return raw;
}

}  // namespace

Result<VectorRows> VectorRows::Read(const std::string& path, bool bits) {
  const bool bytes = path.ends_with(".bvecs");
  if (!bytes && !path.ends_with(".fvecs")) return InvalidArgument(path, ": the name must end in .fvecs or .bvecs");
  if (bits && !bytes) return InvalidArgument(path, ": binary metrics read bits from a .bvecs");
  Raw raw = TRY(ReadRows(path, bytes ? 1 : 4));
  VectorRows out;
  out.bits_ = bits;
  out.dim_ = raw.dim;
  out.rows_ = raw.rows;
  if (bits) {
    out.bytes_ = std::move(raw.elements);
  } else if (bytes) {
    out.floats_.assign(raw.elements.begin(), raw.elements.end());
  } else {
    out.floats_.resize(raw.rows * raw.dim);
    std::memcpy(out.floats_.data(), raw.elements.data(), raw.elements.size());
    for (size_t i = 0; i < out.floats_.size(); ++i) {
      if (!std::isfinite(out.floats_[i]))
        return InvalidArgument(path, ": row ", i / raw.dim, ", dimension ", i % raw.dim, " is ", out.floats_[i]);
    }
  }
  return out;
}

Result<Truth> ReadTruth(const std::string& path) {
  Raw raw = TRY(ReadRows(path, 4));
  Truth truth;
  truth.width = raw.dim;
  truth.ids.resize(raw.rows * raw.dim);
  std::memcpy(truth.ids.data(), raw.elements.data(), raw.elements.size());
  return truth;
}

}  // namespace saker::bench
