#include "embed/tokenizer/trie.h"

#include <algorithm>

namespace saker::embed {
namespace {

struct Range {
  size_t begin, end;  // of the sorted entries that share the path to `node`
  size_t depth;
  uint32_t node;
};

}  // namespace

Trie::Trie(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end());
  Reserve(512);
  nodes_[kRoot].parent = kRoot;  // taken, and no child of another
  std::vector<Range> ranges = {{0, entries.size(), 0, kRoot}};
  std::vector<uint8_t> bytes;
  std::vector<size_t> starts;
  while (!ranges.empty()) {
    Range range = ranges.back();
    ranges.pop_back();
    if (range.begin < range.end && entries[range.begin].first.size() == range.depth) {
      nodes_[range.node].id = entries[range.begin].second;
      ++range.begin;
    }
    if (range.begin == range.end) continue;
    bytes.clear();
    starts.clear();
    for (size_t i = range.begin; i < range.end; ++i) {
      const auto byte = static_cast<uint8_t>(entries[i].first[range.depth]);
      if (bytes.empty() || bytes.back() != byte) {
        bytes.push_back(byte);
        starts.push_back(i);
      }
    }
    starts.push_back(range.end);
    const uint32_t base = FindBase(bytes);
    nodes_[range.node].base = base;
    for (size_t k = 0; k < bytes.size(); ++k) nodes_[base + bytes[k]].parent = range.node;
    for (size_t k = 0; k < bytes.size(); ++k) ranges.push_back({starts[k], starts[k + 1], range.depth + 1, base + bytes[k]});
  }
}

void Trie::Reserve(size_t size) {
  if (nodes_.size() < size) nodes_.resize(std::max(size, nodes_.size() * 3 / 2));
}

uint32_t Trie::FindBase(const std::vector<uint8_t>& bytes) {
  while (nodes_[first_free_].parent != kNone) Reserve(++first_free_ + 512);
  // First fit from the first hole; a base is at least 1, so that no child lands on the root.
  uint32_t base = first_free_ > bytes.front() ? first_free_ - bytes.front() : 1;
  uint32_t tried = 0;
  for (;; ++base) {
    Reserve(size_t{base} + 512);
    if (std::all_of(bytes.begin(), bytes.end(), [&](uint8_t b) { return nodes_[base + b].parent == kNone; })) return base;
    // A hole that nothing fits in is left behind: building stays linear and wastes a few nodes.
    if (++tried % 64 == 0 && bytes.size() > 1) ++first_free_, Reserve(size_t{first_free_} + 512);
  }
}

uint32_t Trie::Walk(uint32_t node, std::string_view bytes) const {
  for (const char c : bytes) {
    node = Child(node, static_cast<uint8_t>(c));
    if (node == kNone) return kNone;
  }
  return node;
}

int32_t Trie::LongestPrefix(uint32_t node, std::string_view text, size_t* length) const {
  int32_t best = -1;
  for (size_t i = 0; i < text.size(); ++i) {
    node = Child(node, static_cast<uint8_t>(text[i]));
    if (node == kNone) break;
    if (nodes_[node].id >= 0) {
      best = nodes_[node].id;
      *length = i + 1;
    }
  }
  return best;
}

}  // namespace saker::embed
