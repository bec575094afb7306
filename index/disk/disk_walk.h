// The search of one query through a disk graph, as a state machine: it says which pages it needs, is given them in any order,
// and never waits. Whoever drives it has the reader (page_queries.h).
//
// In view is a pool of the rows that their codes or their true keys put nearest. Of a page that has come all nodes count: their true
// keys go to the result, those near enough to the pool; the first `effort` of the pool are expanded as soon as their page is
// there. Read is the page that promises most (page_ranker.h), until none promises more than a share of 1 / effort. Up to `beam`
// pages are asked for at a time: more while what comes is still wanted, fewer when it no longer is (dynamic width as in PipeANN,
// Guo and Lu 2025). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/disk/disk_graph.h"
#include "index/disk/page_ranker.h"
#include "index/disk/page_scorer.h"
#include "index/flat/allowed_rows.h"
#include "index/graph/visited_rows.h"
#include "index/topk.h"

namespace saker::index {

struct DiskWalkOptions {
  size_t effort = 64;  // Milvus' search_list
  size_t beam = 8;
  size_t k = 10;
  const AllowedRows* allowed = nullptr;  // null: every row
};

// The pages that a walk has, and those it waits for.
class PageSet {
 public:
  static constexpr uint32_t kAbsent = 0xffffffffu, kAwaited = 0xfffffffeu;
  void Reset();
  uint32_t Find(uint32_t page) const;  // its place, kAwaited or kAbsent
  void Set(uint32_t page, uint32_t place);

 private:
  struct Slot {
    uint32_t page = kAbsent;
    uint32_t place = 0;
  };
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::vector<uint32_t> filled_;
};

class DiskWalk {
 public:
  explicit DiskWalk(const DiskGraph& graph) : graph_(graph), scorer_(graph), table_(graph.codes) {}

  void Begin(const void* query, const DiskWalkOptions& options, SearchStats* stats);
  // Goes as far as it can without a disk, then appends the pages that it wants read, `room` at most.
  Status Advance(size_t room, std::vector<uint32_t>* wanted);
  // DataLoss when the page is not what it should be.
  Status Arrived(uint32_t page, const std::byte* bytes);
  // Nothing is awaited and no page is worth a read.
  bool finished() const { return awaited_ == 0 && exhausted_; }
  // Nothing when the walk met far fewer allowed rows than there are: they are elsewhere, and it looked in the wrong place.
  std::vector<Hit> Finish();

 private:
  static constexpr uint64_t kExpanded = uint64_t{1} << 31;
  size_t Insert(float key, uint32_t position);
  Status Expand(uint32_t position, uint32_t place, size_t* lowest);
  Status ExpandFetched();
  void RankPages();
  void MakeRoom();
  bool TakeCached(uint32_t page, Status* status);
  Status Take(uint32_t page);
  void Judge(uint32_t page);

  const DiskGraph& graph_;
  DiskWalkOptions options_;
  SearchStats* stats_ = nullptr;
  PageScorer scorer_;
  CodeTable table_;
  TopK best_{0};
  size_t met_ = 0, met_allowed_ = 0;  // rows of pages that came
  PageRanker ranker_;
  VisitedRows visited_;  // by position
  PageSet pages_;
  std::vector<std::byte> arena_;  // pages that have come, one after the other
  size_t arena_pages_ = 0;
  std::vector<uint64_t> pool_;  // ordered key << 32 | expanded | position, nearest first
  size_t capacity_ = 0;
  size_t size_ = 0;
  size_t next_ = 0;  // everything before it is expanded
  size_t awaited_ = 0;
  size_t beam_ = 4;
  size_t arrivals_ = 0, useless_ = 0;  // since the beam was judged last
  bool exhausted_ = false;
  std::vector<float> query_, keys_;
  std::vector<uint32_t> links_, fresh_, seeds_;
};

}  // namespace saker::index
