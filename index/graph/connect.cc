#include "index/graph/connect.h"

#include <algorithm>

#include "index/graph/visited_rows.h"

namespace saker::index {
namespace {

constexpr size_t kPool = 48;

class Connector {
 public:
  Connector(size_t row_count, const PairMaker& make_pairs, FlatGraph& graph)
      : graph_(graph), pairs_(make_pairs()), reached_(row_count), tree_(row_count * graph.degree) {}

  void Spread(uint32_t from) {
    if (reached_.Test(from)) return;
    reached_.Set(from);
    queue_.assign(1, from);
    while (!queue_.empty()) {
      const uint32_t row = queue_.back();
      queue_.pop_back();
      for (uint32_t i = 0; i < graph_.degree && graph_.Links(row)[i] != FlatGraph::kNone; ++i) {
        const uint32_t to = graph_.Links(row)[i];
        if (reached_.Test(to)) continue;
        reached_.Set(to);
        tree_.Set(size_t{row} * graph_.degree + i);
        queue_.push_back(to);
      }
    }
  }

  bool Reached(uint32_t row) const { return reached_.Test(row); }

  // A link to `row` from a near reached row that has a place to give; that place is part of the tree from then on.
  bool Attach(uint32_t row) {
    Search(row);
    for (const Candidate& near : pool_) {
      if (AttachTo(near.row, row)) return true;
    }
    return false;
  }
  bool AttachTo(uint32_t from, uint32_t row) {
    uint32_t* links = graph_.Links(from);
    for (uint32_t i = graph_.degree; i-- > 0;) {  // the farthest first; free places are behind all
      const size_t place = size_t{from} * graph_.degree + i;
      if (tree_.Test(place)) continue;
      uint32_t target = i;
      if (links[i] == FlatGraph::kNone) {  // the first free place
        while (target > 0 && links[target - 1] == FlatGraph::kNone) --target;
      }
      links[target] = row;
      tree_.Set(size_t{from} * graph_.degree + target);
      return true;
    }
    return false;
  }

 private:
  // The nearest reached rows, found by walking from the entries.
  void Search(uint32_t row) {
    pool_.clear();
    expanded_.clear();
    visited_.Reset(reached_.size());
    Score(row, graph_.entries);
    for (size_t next = 0; next < pool_.size();) {
      if (expanded_[next]) {
        ++next;
        continue;
      }
      expanded_[next] = true;
      const uint32_t* links = graph_.Links(pool_[next].row);
      Score(row, std::vector<uint32_t>(links, std::find(links, links + graph_.degree, FlatGraph::kNone)));
      next = 0;
    }
  }
  void Score(uint32_t row, const std::vector<uint32_t>& rows) {
    std::vector<uint32_t> fresh;
    for (const uint32_t to : rows) {
      if (to != row && reached_.Test(to) && visited_.Meet(to)) fresh.push_back(to);
    }
    std::vector<float> distances(fresh.size());
    pairs_->From(row, fresh.data(), fresh.size(), distances.data());
    for (size_t i = 0; i < fresh.size(); ++i) {
      const Candidate candidate{distances[i], fresh[i]};
      const auto place = std::lower_bound(pool_.begin(), pool_.end(), candidate);
      if (pool_.size() == kPool && place == pool_.end()) continue;
      expanded_.insert(expanded_.begin() + (place - pool_.begin()), false);
      pool_.insert(place, candidate);
      if (pool_.size() <= kPool) continue;
      pool_.pop_back();
      expanded_.pop_back();
    }
  }

  FlatGraph& graph_;
  const std::unique_ptr<PairDistances> pairs_;
  Bitset reached_;
  Bitset tree_;  // links that the reachability of somebody hangs on
  std::vector<uint32_t> queue_;
  VisitedRows visited_;
  std::vector<Candidate> pool_;
  std::vector<bool> expanded_;
};

}  // namespace

Status ConnectAll(size_t row_count, const std::vector<uint32_t>& rows, const PairMaker& make_pairs, const BuildOptions& options,
                  FlatGraph* graph) {
  Connector connector(row_count, make_pairs, *graph);
  for (const uint32_t entry : graph->entries) connector.Spread(entry);
  std::vector<uint32_t> reached_since;  // each has all its places but the tree's to give
  for (size_t i = 0; i < rows.size(); ++i) {
    if (connector.Reached(rows[i])) continue;
    if (reached_since.size() % 1024 == 0 && options.context != nullptr) TRY(options.context->Check());
    bool attached = connector.Attach(rows[i]);
    while (!attached && !reached_since.empty()) {
      attached = connector.AttachTo(reached_since.back(), rows[i]);
      if (!attached) reached_since.pop_back();
    }
    if (!attached) graph->entries.push_back(rows[i]);
    connector.Spread(rows[i]);
    reached_since.push_back(rows[i]);
  }
  return OkStatus();
}

}  // namespace saker::index
