#include "index/disk/disk_walk.h"

#include <algorithm>
#include <cstring>

#include "index/ivf/row_floats.h"

namespace saker::index {
namespace {

constexpr double kLeastShare = 0.6;  // of the allowed rows that a filter which has nothing to do with the vectors would show

constexpr size_t kSeeds = 8;
constexpr size_t kFirstBeam = 4;
constexpr size_t kJudged = 10;    // arrivals between two changes of the beam
constexpr size_t kWide = 3;       // rows in view for each that may be expanded
constexpr float kLeastWorth = 2;  // of a page that is read, times 1 / effort

}  // namespace

void PageSet::Reset() {
  if (slots_.empty()) slots_.resize(256);
  for (const uint32_t slot : filled_) slots_[slot].page = kAbsent;
  filled_.clear();
}

uint32_t PageSet::Find(uint32_t page) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = page * 0x9e3779b1u & mask;; at = (at + 1) & mask) {
    if (slots_[at].page == page) return slots_[at].place;
    if (slots_[at].page == kAbsent) return kAbsent;
  }
}

void PageSet::Set(uint32_t page, uint32_t place) {
  if (2 * (filled_.size() + 1) > slots_.size()) {
    std::vector<Slot> old;
    for (const uint32_t slot : filled_) old.push_back(slots_[slot]);
    slots_.assign(slots_.size() * 2, Slot());
    filled_.clear();
    for (const Slot& slot : old) Set(slot.page, slot.place);
  }
  const size_t mask = slots_.size() - 1;
  size_t at = page * 0x9e3779b1u & mask;
  while (slots_[at].page != kAbsent && slots_[at].page != page) at = (at + 1) & mask;
  if (slots_[at].page == kAbsent) filled_.push_back(static_cast<uint32_t>(at));
  slots_[at] = {page, place};
}

void DiskWalk::Begin(const void* query, const DiskWalkOptions& options, SearchStats* stats) {
  options_ = options;
  stats_ = stats;
  best_ = TopK(options.k);
  visited_.Reset(graph_.shape.positions);
  pages_.Reset();
  arena_pages_ = size_ = next_ = awaited_ = arrivals_ = useless_ = 0;
  capacity_ = kWide * options.effort;
  pool_.resize(capacity_ + 1);
  ranker_.Reset(graph_.metric, options.k, capacity_);
  beam_ = std::min(kFirstBeam, options.beam);
  exhausted_ = false;
  met_ = met_allowed_ = 0;
  links_.resize(graph_.shape.degree + 1);
  fresh_.resize(std::max<size_t>(graph_.shape.degree, kSeeds) + 1);
  keys_.resize(std::max<size_t>({graph_.shape.degree, graph_.shape.nodes, kSeeds}) + 1);
  scorer_.SetQuery(query);
  query_.resize(graph_.dim);
  VectorToFloats(graph_.type, query, graph_.dim, query_.data());
  graph_.navigation.Nearest(query_.data(), kSeeds, &seeds_, stats_);
  if (graph_.metric == Metric::kCosine) Normalise(query_.data(), graph_.dim);
  table_.Set(query_.data());
  for (const uint32_t seed : seeds_) {
    if (visited_.Meet(seed)) Insert(table_.Key(seed), seed);
  }
}

size_t DiskWalk::Insert(float key, uint32_t position) {
  const uint64_t packed = PackKey(key, position);
  if (size_ == capacity_ && packed >= pool_[size_ - 1]) return size_;
  const auto place = std::lower_bound(pool_.begin(), pool_.begin() + static_cast<std::ptrdiff_t>(size_), packed) - pool_.begin();
  std::memmove(pool_.data() + place + 1, pool_.data() + place, (size_ - static_cast<size_t>(place)) * sizeof(uint64_t));
  pool_[static_cast<size_t>(place)] = packed;
  if (size_ < capacity_) ++size_;
  return static_cast<size_t>(place);
}

Status DiskWalk::Expand(uint32_t position, uint32_t place, size_t* lowest) {
  const PageView page(graph_.shape, arena_.data() + size_t{place} * graph_.shape.page_bytes);
  size_t count = 0;
  if (!page.Links(position % graph_.shape.nodes, links_.data(), &count)) {
    return Corruption(graph_.name, ": page ", graph_.shape.PageOf(position), " links outside of ", graph_.shape.positions, " nodes");
  }
  ++stats_->hops;
  const size_t fresh = visited_.MeetAll(links_.data(), count, fresh_.data());
  table_.Keys(fresh_.data(), fresh, keys_.data());
  stats_->distances += fresh;
  for (size_t i = 0; i < fresh; ++i) *lowest = std::min(*lowest, Insert(keys_[i], fresh_[i]));
  return OkStatus();
}

Status DiskWalk::ExpandFetched() {
  for (size_t at = next_; at < std::min(size_, options_.effort);) {
    if ((pool_[at] & kExpanded) != 0) {
      if (at == next_) ++next_;
      ++at;
      continue;
    }
    const auto position = static_cast<uint32_t>(pool_[at]);
    const uint32_t place = pages_.Find(graph_.shape.PageOf(position));
    if (place >= PageSet::kAwaited) {
      ++at;
      continue;
    }
    pool_[at] |= kExpanded;
    size_t lowest = at + 1;
    TRY(Expand(position, place, &lowest));
    at = lowest;
    next_ = std::min(next_, at);
  }
  return OkStatus();
}

void DiskWalk::RankPages() {
  ranker_.Begin();
  for (size_t at = next_; at < size_; ++at) {
    if ((pool_[at] & kExpanded) != 0) continue;
    const uint32_t page = graph_.shape.PageOf(static_cast<uint32_t>(pool_[at]));
    if (pages_.Find(page) == PageSet::kAbsent && !ranker_.Add(page, KeyOf(pool_[at]))) return;
  }
}

// For one page more at the end of the arena.
void DiskWalk::MakeRoom() {
  const size_t bytes = (arena_pages_ + 1) * graph_.shape.page_bytes;
  if (arena_.size() < bytes) arena_.resize(bytes);
}

// False when the cache does not have the page.
bool DiskWalk::TakeCached(uint32_t page, Status* status) {
  MakeRoom();
  if (!graph_.cache->Get(page, arena_.data() + arena_pages_ * graph_.shape.page_bytes)) return false;
  *status = Take(page);
  return true;
}

Status DiskWalk::Advance(size_t room, std::vector<uint32_t>* wanted) {
  const float least = kLeastWorth / static_cast<float>(options_.effort);
  for (bool again = true; again;) {
    TRY(ExpandFetched());
    again = false;
    if (awaited_ >= beam_ || room == 0) break;
    RankPages();
    for (const PageRanker::Worth& one : ranker_.Best(std::min(room, beam_ - awaited_))) {
      if (one.value < least) break;
      Status taken;
      again = TakeCached(one.page, &taken) || again;  // what it brought changes what the others are worth
      TRY(taken);
      if (pages_.Find(one.page) != PageSet::kAbsent) continue;
      pages_.Set(one.page, PageSet::kAwaited);
      wanted->push_back(one.page);
      ++awaited_;
      --room;
    }
  }
  exhausted_ = awaited_ == 0;
  return OkStatus();
}

Status DiskWalk::Arrived(uint32_t page, const std::byte* bytes) {
  --awaited_;
  const uint32_t first = page * graph_.shape.nodes;
  table_.PrefetchRun(first, std::min(graph_.shape.nodes, graph_.shape.positions - first));
  MakeRoom();
  std::memcpy(arena_.data() + arena_pages_ * graph_.shape.page_bytes, bytes, graph_.shape.page_bytes);
  Judge(page);
  return Take(page);
}

// The page at the end of the arena has come.
Status DiskWalk::Take(uint32_t page) {
  const PageView view(graph_.shape, arena_.data() + arena_pages_ * graph_.shape.page_bytes);
  if (!view.Intact(page, graph_.rows)) {
    return Corruption(graph_.name, " at offset ", graph_.first_byte + uint64_t{page} * graph_.shape.page_bytes, ": page ", page,
                      " does not have the checksum it carries");
  }
  pages_.Set(page, static_cast<uint32_t>(arena_pages_++));
  scorer_.Keys(view, keys_.data());
  const uint32_t count = view.count();
  stats_->distances += count;
  for (uint32_t node = 0; node < count; ++node) {
    const uint32_t row = view.Row(node);
    const float key = WalkKey(graph_.metric, keys_[node]);
    ++met_;
    if (options_.allowed == nullptr || options_.allowed->Test(row)) {
      ++met_allowed_;
      best_.Offer(keys_[node], row);
      ranker_.Found(key);
    }
    const uint32_t position = page * graph_.shape.nodes + node;
    ranker_.Learn(table_.Key(position), key);
    if (visited_.Meet(position)) next_ = std::min(next_, Insert(key, position));
  }
  return OkStatus();
}

std::vector<Hit> DiskWalk::Finish() {
  if (options_.allowed != nullptr) {
    const double share = static_cast<double>(options_.allowed->count()) / static_cast<double>(graph_.shape.positions);
    if (static_cast<double>(met_allowed_) < kLeastShare * share * static_cast<double>(met_)) return {};
  }
  return best_.Finish(graph_.metric);
}

// Was the page still wanted when it came?
void DiskWalk::Judge(uint32_t page) {
  bool useful = false;
  for (size_t i = 0; i < size_ && !useful; ++i) {
    useful = (pool_[i] & kExpanded) == 0 && graph_.shape.PageOf(static_cast<uint32_t>(pool_[i])) == page;
  }
  useless_ += useful ? 0 : 1;
  if (++arrivals_ < kJudged) return;
  if (useless_ * 10 <= arrivals_) beam_ = std::min(beam_ + 1, options_.beam);
  if (useless_ * 10 > 3 * arrivals_) beam_ = std::max<size_t>(beam_ - 1, 1);
  arrivals_ = useless_ = 0;
}

}  // namespace saker::index
