#include "index/quantize/nibble_lists.h"

#include <algorithm>
#include <cstring>

namespace saker::index {

Result<NibbleLists> NibbleLists::Allocate(std::span<const uint32_t> offsets, size_t subspaces, Terms terms) {
  NibbleLists lists;
  lists.subspaces_ = subspaces;
  lists.groups_ = FastScanGroups(subspaces);
  lists.layout_ = BestFastScan().layout;
  size_t blocks = 0;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    lists.sizes_.push_back(offsets[i + 1] - offsets[i]);
    lists.starts_.push_back(static_cast<uint32_t>(blocks));
    blocks += FastScanBlocks(lists.sizes_.back());
  }
  lists.codes_ = TRY(HugeMemory::Allocate(blocks * lists.groups_ * 64, "the codes of a cluster index's rows"));
  if (terms != Terms::kNone) lists.add_.resize(blocks * kFastScanRows);
  if (terms == Terms::kAddAndMultiply) lists.multiply_.resize(blocks * kFastScanRows);
  return lists;
}

uint8_t* NibbleLists::Block(size_t list, size_t row) const {
  const size_t block = starts_[list] + row / kFastScanRows;
  return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(codes_.data())) + block * groups_ * 64;
}

void NibbleLists::Set(size_t list, size_t row, const uint8_t* codes) {
  uint8_t* const block = Block(list, row);
  const size_t in_block = row % kFastScanRows;
  const unsigned shift = in_block < 16 ? 0 : 4;
  for (size_t s = 0; s < subspaces_; ++s) {
    uint8_t& byte = block[FastScanByte(layout_, in_block, s)];
    byte = static_cast<uint8_t>(byte | codes[s] << shift);
  }
}

void NibbleLists::SetTerms(size_t list, size_t row, float add, float multiply) {
  const size_t at = size_t{starts_[list]} * kFastScanRows + row;
  if (!add_.empty()) add_[at] = add;
  if (!multiply_.empty()) multiply_[at] = multiply;
}

FastScanList NibbleLists::List(size_t list) const {
  FastScanList out{};
  out.codes = Block(list, 0);
  out.rows = sizes_[list];
  out.groups = groups_;
  const size_t at = size_t{starts_[list]} * kFastScanRows;
  if (!add_.empty()) out.add = add_.data() + at;
  if (!multiply_.empty()) out.multiply = multiply_.data() + at;
  return out;
}

std::vector<uint8_t> NibbleLists::PackedCodes() const {
  std::vector<uint8_t> packed;
  for (size_t list = 0; list < sizes_.size(); ++list) {
    for (size_t row = 0; row < sizes_[list]; ++row) {
      const uint8_t* const block = Block(list, row);
      const size_t in_block = row % kFastScanRows, at = packed.size();
      packed.resize(at + row_bytes());
      for (size_t s = 0; s < subspaces_; ++s) {
        const unsigned code = (block[FastScanByte(layout_, in_block, s)] >> (in_block < 16 ? 0 : 4)) & 15u;
        packed[at + s / 2] = static_cast<uint8_t>(packed[at + s / 2] | code << (s % 2 * 4));
      }
    }
  }
  return packed;
}

void NibbleLists::Unpack(std::span<const uint8_t> packed, std::span<const float> adds, std::span<const float> multiplies) {
  std::vector<uint8_t> codes(subspaces_ + 1);
  size_t from = 0;
  for (size_t list = 0; list < sizes_.size(); ++list) {
    for (size_t row = 0; row < sizes_[list]; ++row, ++from) {
      const uint8_t* bytes = packed.data() + from * row_bytes();
      for (size_t s = 0; s < subspaces_; s += 2) {
        codes[s] = bytes[s / 2] & 15u;
        codes[s + 1] = static_cast<uint8_t>(bytes[s / 2] >> 4);
      }
      Set(list, row, codes.data());
      SetTerms(list, row, adds.empty() ? 0 : adds[from], multiplies.empty() ? 0 : multiplies[from]);
    }
  }
}

std::vector<float> NibbleLists::Gathered(const std::vector<float>& padded) const {
  std::vector<float> out;
  if (padded.empty()) return out;
  for (size_t list = 0; list < sizes_.size(); ++list) {
    const auto begin = padded.begin() + static_cast<std::ptrdiff_t>(size_t{starts_[list]} * kFastScanRows);
    out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(sizes_[list]));
  }
  return out;
}

size_t NibbleLists::Scan(size_t list, const Query& query, float limit, float* keys, uint32_t* places) const {
  FastScanList rows = List(list);
  rows.tables = query.tables;
  rows.base = query.base;
  rows.step = query.step;
  rows.offset = query.offset;
  return BestFastScan().scan(rows, limit, keys, places);
}

void NibbleLists::Prefetch(size_t list) const {
  constexpr size_t kMostBytes = 1024;  // the rest comes by itself
  const FastScanList rows = List(list);
  const size_t bytes = std::min(FastScanBlocks(rows.rows) * rows.groups * 64, kMostBytes);
  for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(rows.codes + at);
  if (rows.add != nullptr) __builtin_prefetch(rows.add);
  if (rows.multiply != nullptr) __builtin_prefetch(rows.multiply);
}

}  // namespace saker::index
