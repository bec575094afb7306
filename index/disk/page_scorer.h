// Scores the rows of a page against a query: exact keys, bit for bit those of a scan over the vectors. One thread.
#pragma once

#include <vector>

#include "index/disk/disk_graph.h"
#include "index/scorer.h"

namespace saker::index {

class PageScorer {
 public:
  explicit PageScorer(const DiskGraph& graph) : graph_(graph), rows_(graph), scorer_(rows_, graph.metric, nullptr) {}
  // `query` has the graph's type and must stay.
  void SetQuery(const void* query) { scorer_.SetQuery(query); }
  // One key a node of the page; `keys` has room for shape.nodes.
  void Keys(const PageView& page, float* keys) {
    const uint32_t count = page.count();
    rows_.Set(page, count);
    scorer_.Keys(rows_.numbers(), count, keys);
  }

 private:
  class PageRows final : public VectorSource {
   public:
    explicit PageRows(const DiskGraph& graph) : graph_(graph), row_bytes_(RowBytes(graph.type, graph.dim)) {
      for (uint32_t node = 0; node < graph.shape.nodes; ++node) numbers_.push_back(node);
      if (graph.shape.encoding == VectorEncoding::kBytes) decoded_.resize(graph.shape.nodes * row_bytes_ + 64);
    }
    VectorType type() const override { return graph_.type; }
    size_t dim() const override { return graph_.dim; }
    size_t row_count() const override { return graph_.shape.nodes; }
    const void* Row(size_t node) const override { return first_ + node * stride_; }
    const uint32_t* numbers() const { return numbers_.data(); }

    void Set(const PageView& page, uint32_t count) {
      if (graph_.shape.encoding == VectorEncoding::kRaw) {
        first_ = page.Vector(0);
        stride_ = graph_.shape.node_bytes();
        return;
      }
      for (uint32_t node = 0; node < count; ++node) {
        DecodeVector(graph_.shape, graph_.type, graph_.dim, page.Vector(node), decoded_.data() + node * row_bytes_);
      }
      first_ = decoded_.data();
      stride_ = row_bytes_;
    }

   private:
    const DiskGraph& graph_;
    const size_t row_bytes_;
    std::vector<uint32_t> numbers_;
    std::vector<std::byte> decoded_;
    const std::byte* first_ = nullptr;
    size_t stride_ = 0;
  };

  const DiskGraph& graph_;
  PageRows rows_;
  Scorer scorer_;
};

}  // namespace saker::index
