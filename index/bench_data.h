// The shared data sets as sources, for benchmarks and tests.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "index/index.h"

namespace saker::index {

class FloatSource final : public VectorSource {
 public:
  explicit FloatSource(const std::vector<std::vector<float>>& rows) : dim_(rows.empty() ? 0 : rows[0].size()), rows_(rows.size()) {
    for (const auto& row : rows) values_.insert(values_.end(), row.begin(), row.end());
  }
  VectorType type() const override { return VectorType::kFloat32; }
  size_t dim() const override { return dim_; }
  size_t row_count() const override { return rows_; }
  const void* Row(size_t row) const override { return values_.data() + row * dim_; }
  const void* Contiguous() const override { return values_.data(); }

 private:
  size_t dim_;
  size_t rows_;
  std::vector<float> values_;
};

// The folder of one set of the optional shared data, or nothing.
inline std::optional<std::string> SharedFolder(const std::string& name) {
  const char* shared = std::getenv("SAKER_SHARED");
  const std::string path = std::string(shared != nullptr ? shared : "../shared") + "/data/ann/" + name;
  if (std::filesystem::exists(path + "/README.md")) return path;
  return std::nullopt;
}

// .fvecs, .ivecs, .bvecs: for each row an int32 dimension, then that many elements.
template <typename T>
std::vector<std::vector<T>> ReadVectors(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::vector<T>> rows;
  int32_t dim = 0;
  while (in.read(reinterpret_cast<char*>(&dim), 4)) {
    rows.emplace_back(static_cast<size_t>(dim));
    in.read(reinterpret_cast<char*>(rows.back().data()), static_cast<std::streamsize>(rows.back().size() * sizeof(T)));
  }
  return rows;
}

// `<path>.fvecs`, or `<path>.bvecs` as floats.
inline std::vector<std::vector<float>> ReadFloatRows(const std::string& path) {
  if (std::filesystem::exists(path + ".fvecs")) return ReadVectors<float>(path + ".fvecs");
  std::vector<std::vector<float>> rows;
  for (const auto& row : ReadVectors<uint8_t>(path + ".bvecs")) rows.emplace_back(row.begin(), row.end());
  return rows;
}

inline std::shared_ptr<const VectorSource> ReadFloatSource(const std::string& path) {
  return std::make_shared<FloatSource>(ReadFloatRows(path));
}

}  // namespace saker::index
