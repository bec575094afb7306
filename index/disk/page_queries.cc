#include "index/disk/page_queries.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <numeric>

#include "common/metrics.h"
#include "index/disk/page_reader.h"

namespace saker::index {
namespace {

constexpr size_t kWalks = 16;    // at a time on one thread
constexpr size_t kTogether = 8;  // reads in one call

struct Counters {
  Counter& reads = GetCounter("saker_index_disk_reads_total", "pages read from disk by searches of disk indexes");
  Counter& bytes = GetCounter("saker_index_disk_read_bytes_total", "bytes of those pages");
  Counter& failures = GetCounter("saker_index_disk_failures_total", "pages that could not be read or were damaged");
};

Counters& Count() {
  static Counters counters;
  return counters;
}

// Pages in flight: which buffer belongs to whom.
class PageFlow {
 public:
  PageFlow(const DiskGraph& graph, ReaderPool::Lease reader) : graph_(graph), reader_(std::move(reader)), free_(PageReader::kDepth) {
    std::iota(free_.rbegin(), free_.rend(), 0u);
  }

  size_t room() const { return free_.size(); }
  bool idle() const { return free_.size() == PageReader::kDepth; }

  void Queue(uint32_t page, uint32_t owner) {
    const uint32_t buffer = free_.back();
    free_.pop_back();
    wanted_[buffer] = {page, owner};
    Read(buffer);
    ++queued_;
  }
  // Hands reads over once there are a few: a call each would cost more than it brings, all at the end would leave the disk idle.
  void StartSome() {
    if (queued_ < kTogether) return;
    reader_->Start();
    queued_ = 0;
  }

  // f(owner, page, bytes) for at least one page.
  template <typename F>
  Status Wait(SearchStats* stats, F&& f) {
    done_.clear();
    queued_ = 0;
    TRY(reader_->Wait(&done_));
    for (size_t i = 0; i < done_.size(); ++i) {
      const PageReader::Done done = done_[i];
      if (i + 1 < done_.size()) Prefetch(done_[i + 1].buffer);
      const Wanted wanted = wanted_[done.buffer];
      if (done.result == -EAGAIN || done.result == -EINTR) {
        Read(done.buffer);
        continue;
      }
      const Status status = Check(wanted.page, done.result);
      if (!status.ok()) {
        Count().failures.Add();
        return status;
      }
      ++stats->reads;
      stats->bytes += graph_.shape.page_bytes;
      const Status used = f(wanted.owner, wanted.page, reader_->Buffer(done.buffer));
      if (!used.ok()) {
        Count().failures.Add();
        return used;
      }
      free_.push_back(done.buffer);
    }
    return OkStatus();
  }

 private:
  struct Wanted {
    uint32_t page;
    uint32_t owner;
  };
  // What the disk has written is in no cache yet.
  void Prefetch(uint32_t buffer) const {
    const std::byte* const page = reader_->Buffer(buffer);
    for (size_t at = 0; at < std::min<size_t>(graph_.shape.page_bytes, 4096); at += 64) __builtin_prefetch(page + at);
  }
  uint64_t OffsetOf(uint32_t page) const { return graph_.first_byte + uint64_t{page} * graph_.shape.page_bytes; }
  void Read(uint32_t buffer) { reader_->Queue(*graph_.file, OffsetOf(wanted_[buffer].page), graph_.shape.page_bytes, buffer); }
  Status Check(uint32_t page, int result) const {
    if (result < 0) return Unavailable("read ", graph_.name, " at offset ", OffsetOf(page), ": ", std::strerror(-result));
    if (static_cast<uint32_t>(result) == graph_.shape.page_bytes) return OkStatus();
    return Corruption(graph_.name, " ends ", result, " bytes after offset ", OffsetOf(page), ", page ", page, " has ",
                      graph_.shape.page_bytes);
  }

  const DiskGraph& graph_;
  ReaderPool::Lease reader_;
  std::vector<uint32_t> free_;
  size_t queued_ = 0;  // and not handed over
  Wanted wanted_[PageReader::kDepth];
  std::vector<PageReader::Done> done_;
};

class Walks {
 public:
  Walks(const DiskGraph& graph, const SearchRequest& request, const DiskWalkOptions& options, SearchStats* stats,
        std::vector<std::vector<Hit>>* results, ReaderPool::Lease reader)
      : graph_(graph), request_(request), options_(options), stats_(stats), results_(results), flow_(graph, std::move(reader)) {
    for (size_t i = 0; i < std::min(kWalks, request.query_count); ++i) walks_.push_back(std::make_unique<DiskWalk>(graph));
    query_of_.resize(walks_.size(), request.query_count);
  }

  Status Run(const Context& context) {
    for (uint32_t w = 0; w < walks_.size(); ++w) TRY(Continue(w));
    while (!flow_.idle()) {
      TRY(context.Check());
      runnable_.clear();
      TRY(flow_.Wait(stats_, [&](uint32_t walk, uint32_t page, const std::byte* bytes) -> Status {
        TRY(walks_[walk]->Arrived(page, bytes));
        graph_.cache->Put(page, bytes);
        runnable_.push_back(walk);
        return OkStatus();
      }));
      std::sort(runnable_.begin(), runnable_.end());
      runnable_.erase(std::unique(runnable_.begin(), runnable_.end()), runnable_.end());
      for (const uint32_t walk : runnable_) TRY(Continue(walk));
    }
    return OkStatus();
  }

 private:
  // Lets a walk go on, and when it has ended the next query take its place.
  Status Continue(uint32_t w) {
    for (;;) {
      DiskWalk& walk = *walks_[w];
      if (query_of_[w] < request_.query_count) {
        wanted_.clear();
        // Everybody gets a buffer: room for all walks is kept.
        TRY(walk.Advance(flow_.room(), &wanted_));
        for (const uint32_t page : wanted_) flow_.Queue(page, w);
        flow_.StartSome();
        if (!walk.finished()) return OkStatus();
        (*results_)[query_of_[w]] = walk.Finish();
      }
      query_of_[w] = next_++;
      if (query_of_[w] >= request_.query_count) return OkStatus();
      const size_t row_bytes = RowBytes(graph_.type, graph_.dim);
      walk.Begin(static_cast<const char*>(request_.queries) + query_of_[w] * row_bytes, options_, stats_);
    }
  }

  const DiskGraph& graph_;
  const SearchRequest& request_;
  const DiskWalkOptions& options_;
  SearchStats* const stats_;
  std::vector<std::vector<Hit>>* const results_;
  PageFlow flow_;
  std::vector<std::unique_ptr<DiskWalk>> walks_;
  std::vector<size_t> query_of_;
  size_t next_ = 0;
  std::vector<uint32_t> wanted_, runnable_;
};

}  // namespace

Status WalkPages(const DiskGraph& graph, const SearchRequest& request, const DiskWalkOptions& options, const Context& context,
                 SearchStats* stats, std::vector<std::vector<Hit>>* results) {
  const SearchStats before = *stats;
  DiskWalkOptions own = options;
  // No walk may starve: all of them together never want more pages than there are buffers.
  own.beam = std::clamp<size_t>(options.beam, 1, PageReader::kDepth / std::min(kWalks, std::max<size_t>(request.query_count, 1)));
  const Status status = Walks(graph, request, own, stats, results, TRY(ReaderPool::Instance().Take(graph.shape.page_bytes))).Run(context);
  Count().reads.Add(static_cast<double>(stats->reads - before.reads));
  Count().bytes.Add(static_cast<double>(stats->bytes - before.bytes));
  return status;
}

Status ReadPages(const DiskGraph& graph, const std::vector<uint32_t>& pages, const Context& context, SearchStats* stats,
                 const std::function<void(uint32_t, const PageView&)>& visit) {
  const SearchStats before = *stats;
  PageFlow flow(graph, TRY(ReaderPool::Instance().Take(graph.shape.page_bytes)));
  Status status = OkStatus();
  for (size_t next = 0; status.ok() && (next < pages.size() || !flow.idle());) {
    while (next < pages.size() && flow.room() > 0) flow.Queue(pages[next++], 0);
    status = context.Check();
    if (!status.ok()) break;
    status = flow.Wait(stats, [&](uint32_t, uint32_t page, const std::byte* bytes) -> Status {
      const PageView view(graph.shape, bytes);
      if (!view.Intact(page, graph.rows)) {
        return Corruption(graph.name, " at offset ", graph.first_byte + uint64_t{page} * graph.shape.page_bytes, ": page ", page,
                          " does not have the checksum it carries");
      }
      visit(page, view);
      return OkStatus();
    });
  }
  Count().reads.Add(static_cast<double>(stats->reads - before.reads));
  Count().bytes.Add(static_cast<double>(stats->bytes - before.bytes));
  return status;
}

}  // namespace saker::index
