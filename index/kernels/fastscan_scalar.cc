// The definition of correct.
#include "index/kernels/fastscan.h"

namespace saker::index {
namespace {

size_t Scan(const FastScanList& list, float limit, float* keys, uint32_t* rows) {
  size_t found = 0;
  for (size_t row = 0; row < list.rows; ++row) {
    const uint8_t* block = list.codes + row / kFastScanRows * list.groups * 64;
    const size_t in_block = row % kFastScanRows;
    uint32_t sum = 0;
    for (size_t s = 0; s < list.groups * 4; ++s) {
      const uint8_t byte = block[FastScanByte(FastScanLayout::kLanes, in_block, s)];
      sum += list.tables[s * 16 + (in_block < 16 ? byte & 15u : byte >> 4u)];
    }
    float key = list.step * static_cast<float>(sum) + list.offset;
    if (list.multiply != nullptr) key *= list.multiply[row];
    key += list.add != nullptr ? list.base + list.add[row] : list.base;
    if (!(key <= limit)) continue;
    keys[found] = key;
    rows[found++] = static_cast<uint32_t>(row);
  }
  return found;
}

void Tables(const float* query, const float* codebook, size_t subspaces, size_t sub_dim, float* floats, uint8_t* tables, float* step,
            float* offset) {
  float widest = 0, lowest = 0;
  for (size_t s = 0; s < subspaces; ++s) {
    float* entries = floats + s * 16;
    for (size_t e = 0; e < 16; ++e) entries[e] = 0;
    for (size_t d = 0; d < sub_dim; ++d) {
      for (size_t e = 0; e < 16; ++e) entries[e] += query[s * sub_dim + d] * codebook[(s * sub_dim + d) * 16 + e];
    }
    float low = entries[0], high = entries[0];
    for (size_t e = 1; e < 16; ++e) {
      if (entries[e] < low) low = entries[e];
      if (entries[e] > high) high = entries[e];
    }
    lowest += low;
    if (high - low > widest) widest = high - low;
  }
  // Beyond a float's reach, or nothing to tell apart: the tables say nothing.
  const bool usable = widest > 1e-30f && widest < 1e30f && lowest > -1e30f && lowest < 1e30f;
  const float inverse = usable ? 255.0f / widest : 0;
  for (size_t s = 0; s < FastScanGroups(subspaces) * 4; ++s) {
    float low = 0;
    if (s < subspaces) {
      low = floats[s * 16];
      for (size_t e = 1; e < 16; ++e) {
        if (floats[s * 16 + e] < low) low = floats[s * 16 + e];
      }
    }
    for (size_t e = 0; e < 16; ++e) {
      const float value = usable && s < subspaces ? (floats[s * 16 + e] - low) * inverse + 0.5f : 0;
      tables[s * 16 + e] = static_cast<uint8_t>(value < 255.0f ? value : 255.0f);
    }
  }
  *step = usable ? widest / 255.0f : 0;
  *offset = usable ? lowest : 0;
}

uint32_t SmallestSum(const float* a, const float* b, size_t n) {
  size_t best = 0;
  float smallest = a[0] + b[0];
  for (size_t i = 1; i < n; ++i) {
    const float sum = a[i] + b[i];
    if (!(sum < smallest)) continue;
    smallest = sum;
    best = i;
  }
  return static_cast<uint32_t>(best);
}

}  // namespace

const FastScanKernels kScalarFastScan = {"scalar", FastScanLayout::kLanes, Scan, Tables, SmallestSum};

}  // namespace saker::index
