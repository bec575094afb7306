// A set of byte strings with an id each, as a double array: one step of a walk is two loads.
//
// Immutable once built; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace saker::embed {

class Trie {
 public:
  using Entry = std::pair<std::string_view, int32_t>;

  Trie() = default;
  // Keys must be distinct and not empty; ids not negative. Keys may be in any order.
  explicit Trie(std::vector<Entry> entries);

  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t Child(uint32_t node, uint8_t byte) const {
    const uint32_t next = nodes_[node].base + byte;
    return nodes_[next].parent == node ? next : kNone;
  }
  // The node reached by `bytes` from `node`, or kNone.
  uint32_t Walk(uint32_t node, std::string_view bytes) const;
  // The id that ends at this node, or -1.
  int32_t id(uint32_t node) const { return nodes_[node].id; }
  // The id of the longest key that starts `text` below `node`, or -1; `length` is that key's.
  int32_t LongestPrefix(uint32_t node, std::string_view text, size_t* length) const;

  uint64_t memory_bytes() const { return nodes_.size() * sizeof(Node); }

 private:
  struct Node {
    uint32_t base = 0;
    uint32_t parent = kNone;
    int32_t id = -1;
  };
  void Reserve(size_t size);
  uint32_t FindBase(const std::vector<uint8_t>& bytes);

  std::vector<Node> nodes_;  // 256 spare ones at the end, so that a step needs no bounds check
  uint32_t first_free_ = 1;
};

}  // namespace saker::embed
