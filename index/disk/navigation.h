// The graph in memory that a search of a disk graph starts from: a sample of the rows with 7-bit codes and links, walked before
// the first page is read.
//
// Immutable, thread-safe. The file holds the sample's vectors; memory their codes only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/graph/flat_graph.h"
#include "index/graph/node_codes.h"
#include "index/index.h"

namespace saker::index {

class Navigation {
 public:
  Navigation() = default;
  // `positions`: of the rows of `sample`, ascending in nothing. `sample` must outlive the call only.
  static Result<Navigation> Build(const VectorSource& sample, Metric metric, std::vector<uint32_t> positions, uint32_t degree,
                                  const BuildOptions& options);
  // The graph of a file, validated by the caller against sample.row_count().
  static Result<Navigation> Load(const VectorSource& sample, Metric metric, std::vector<uint32_t> positions, FlatGraph graph);

  // Positions of some of the sample's rows nearest to the query, nearest first. `query`: floats.
  void Nearest(const float* query, size_t wanted, std::vector<uint32_t>* positions, SearchStats* stats) const;

  const FlatGraph& graph() const { return graph_; }
  std::span<const uint32_t> positions() const { return positions_; }
  size_t memory_bytes() const { return graph_.memory_bytes() + codes_.memory_bytes() + positions_.size() * sizeof(uint32_t); }

 private:
  std::vector<uint32_t> positions_;
  FlatGraph graph_;
  NodeCodes codes_;  // empty where 7 bits are too few: then the first of the sample are the start
};

// A VectorSource over bytes: rows one after the other.
class RowBlock final : public VectorSource {
 public:
  RowBlock(VectorType type, size_t dim, const void* rows, size_t count) : type_(type), dim_(dim), rows_(rows), count_(count) {}
  VectorType type() const override { return type_; }
  size_t dim() const override { return dim_; }
  size_t row_count() const override { return count_; }
  const void* Row(size_t row) const override { return static_cast<const char*>(rows_) + row * RowBytes(type_, dim_); }
  const void* Contiguous() const override { return rows_; }

 private:
  const VectorType type_;
  const size_t dim_;
  const void* const rows_;
  const size_t count_;
};

// Some rows of another source, under new numbers. Borrows both.
class RowSubset final : public VectorSource {
 public:
  RowSubset(const VectorSource& all, const std::vector<uint32_t>& rows) : all_(all), rows_(rows) {}
  VectorType type() const override { return all_.type(); }
  size_t dim() const override { return all_.dim(); }
  size_t row_count() const override { return rows_.size(); }
  const void* Row(size_t row) const override { return all_.Row(rows_[row]); }

 private:
  const VectorSource& all_;
  const std::vector<uint32_t>& rows_;
};

}  // namespace saker::index
