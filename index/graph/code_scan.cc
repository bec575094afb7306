#include "index/graph/code_scan.h"

#include <algorithm>

#include "index/topk.h"

namespace saker::index {
namespace {

constexpr size_t kBlockRows = 512;
constexpr size_t kBlocksBetweenChecks = 16;

// take(rows, keys, places, n) for each block: the n places of keys up to `limit`, which take's answer lowers.
template <typename Take>
Status ForBlocks(const CodeQuery& query, const AllowedRows& rows, uint32_t limit, const Context& context, Take take) {
  uint32_t block[kBlockRows], keys[kBlockRows], places[kBlockRows + 16];
  const NodeCodeKernels& kernels = BestNodeCodes();
  size_t next = 0;
  for (size_t at = 0; const size_t n = rows.NextBlock(&next, block, kBlockRows); ++at) {
    if (at % kBlocksBetweenChecks == 0) TRY(context.Check());
    query.Keys(block, n, keys);
    const size_t near = kernels.below(keys, n, limit == 0xffffffffu ? limit : limit + 1, places);
    limit = take(block, keys, places, near);
  }
  return OkStatus();
}

}  // namespace

Result<uint32_t> ScanCodes(const CodeQuery& query, const AllowedRows& rows, size_t count, const Context& context,
                           std::vector<uint64_t>* found) {
  TopK best(count);
  TRY(ForBlocks(query, rows, 0xffffffffu, context, [&](const uint32_t* block, const uint32_t* keys, const uint32_t* places, size_t n) {
    for (size_t i = 0; i < n; ++i) best.OfferPacked(uint64_t{keys[places[i]]} << 32 | block[places[i]]);
    return static_cast<uint32_t>(best.limit() >> 32);
  }));
  best.TakePacked(found);
  return static_cast<uint32_t>(best.limit() >> 32);
}

Result<bool> ScanCodesBetween(const CodeQuery& query, const AllowedRows& rows, KeyRange range, size_t most, const Context& context,
                              std::vector<uint64_t>* found) {
  found->clear();
  TRY(ForBlocks(query, rows, range.highest, context, [&](const uint32_t* block, const uint32_t* keys, const uint32_t* places, size_t n) {
    for (size_t i = 0; i < n && found->size() <= most; ++i) {
      if (keys[places[i]] >= range.lowest) found->push_back(uint64_t{keys[places[i]]} << 32 | block[places[i]]);
    }
    return range.highest;
  }));
  return found->size() <= most;
}

}  // namespace saker::index
