#include "index/disk/packing.h"

#include <algorithm>
#include <deque>

namespace saker::index {
namespace {

constexpr uint32_t kNone = 0xffffffffu;

class Packer {
 public:
  Packer(const uint32_t* links, size_t node_count, uint32_t degree, uint32_t nodes_per_page)
      : links_(links), count_(node_count), degree_(degree), per_page_(nodes_per_page), packed_(node_count), tie_(node_count) {}

  std::vector<uint32_t> Run(uint32_t begun) {
    order_.reserve(count_);
    while (order_.size() < count_) {
      FillPage(per_page_ - begun);
      begun = 0;
    }
    return std::move(order_);
  }

 private:
  void FillPage(uint32_t room) {
    candidates_.clear();
    for (; room > 0 && order_.size() < count_; --room) {
      size_t best = candidates_.size();
      for (size_t i = 0; i < candidates_.size(); ++i) {
        if (packed_[candidates_[i]] != 0) continue;
        if (best == candidates_.size() || tie_[candidates_[i]] > tie_[candidates_[best]]) best = i;
      }
      Take(best == candidates_.size() ? NextSeed() : candidates_[best]);
    }
    for (const uint32_t node : candidates_) {
      tie_[node] = 0;
      if (packed_[node] == 0 && frontier_.size() < kFrontier) frontier_.push_back(node);
    }
  }

  // A node beside the pages so far, or the first of the rest.
  uint32_t NextSeed() {
    while (!frontier_.empty()) {
      const uint32_t node = frontier_.front();
      frontier_.pop_front();
      if (packed_[node] == 0) return node;
    }
    while (packed_[next_] != 0) ++next_;
    return static_cast<uint32_t>(next_);
  }

  void Take(uint32_t node) {
    packed_[node] = 1;
    order_.push_back(node);
    const uint32_t* own = links_ + size_t{node} * degree_;
    for (uint32_t i = 0; i < degree_ && own[i] != kNone; ++i) {
      if (own[i] >= count_ || packed_[own[i]] != 0) continue;
      if (tie_[own[i]] == 0) candidates_.push_back(own[i]);
      tie_[own[i]] += degree_ - i + (LinksTo(own[i], node) ? degree_ : 0);
    }
  }

  bool LinksTo(uint32_t from, uint32_t to) const {
    const uint32_t* own = links_ + size_t{from} * degree_;
    return std::find(own, own + degree_, to) != own + degree_;
  }

  static constexpr size_t kFrontier = 1 << 16;

  const uint32_t* const links_;
  const size_t count_;
  const uint32_t degree_;
  const uint32_t per_page_;
  size_t next_ = 0;
  std::vector<uint8_t> packed_;
  std::vector<uint32_t> tie_;  // to the page being filled
  std::vector<uint32_t> candidates_, order_;
  std::deque<uint32_t> frontier_;
};

}  // namespace

std::vector<uint32_t> PackNodes(const uint32_t* links, size_t node_count, uint32_t degree, uint32_t nodes_per_page, uint32_t begun) {
  return Packer(links, node_count, degree, nodes_per_page).Run(begun);
}

}  // namespace saker::index
