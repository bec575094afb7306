#include "index/graph/leaves.h"

#include <algorithm>

#include "index/graph/far_candidates.h"

namespace saker::index {
namespace {

constexpr size_t kRowsALeader = 512;
constexpr size_t kMaxLeaders = 1024;
constexpr size_t kAssignGrain = 2048;

using Group = std::vector<uint32_t>;

std::vector<uint32_t> DrawLeaders(const Group& rows, std::mt19937& random) {
  const size_t count = std::clamp<size_t>(rows.size() / kRowsALeader, 2, kMaxLeaders);
  std::vector<uint32_t> leaders;
  std::sample(rows.begin(), rows.end(), std::back_inserter(leaders), count, random);
  return leaders;
}

// What one thread needs for leaves.
class LeafWorker {
 public:
  LeafWorker(const PairMaker& make_pairs, const LeafShape& shape, CandidateTable& table)
      : pairs_(make_pairs()), shape_(shape), table_(table) {}

  PairDistances& pairs() { return *pairs_; }

  // Splits until the pieces are leaves, and offers what is near within each.
  void Process(Group group, std::mt19937& random) {
    if (group.size() <= shape_.leaf) return ProcessLeaf(group);
    const std::vector<uint32_t> leaders = DrawLeaders(group, random);
    pairs_->Nearest(group.data(), group.size(), leaders.data(), leaders.size(), 1, &nearest_);
    std::vector<Group> pieces(leaders.size());
    for (size_t i = 0; i < group.size(); ++i) {
      // A leader is its own group's; a row that is far from everything goes anywhere.
      const auto own = std::find(leaders.begin(), leaders.end(), group[i]);
      const uint32_t place = own != leaders.end() ? static_cast<uint32_t>(own - leaders.begin()) : nearest_.places[i];
      pieces[place == NearestRows::kNone ? i % leaders.size() : place].push_back(group[i]);
    }
    const bool stuck =
        std::any_of(pieces.begin(), pieces.end(), [&](const Group& piece) { return piece.size() + leaders.size() > group.size(); });
    group = stuck ? std::move(group) : Group();
    if (stuck) {  // equal rows: any cut will do
      for (size_t at = 0; at < group.size(); at += shape_.leaf) {
        ProcessLeaf(Group(group.begin() + static_cast<std::ptrdiff_t>(at),
                          group.begin() + static_cast<std::ptrdiff_t>(std::min(at + shape_.leaf, group.size()))));
      }
      return;
    }
    for (Group& piece : pieces) Process(std::move(piece), random);
  }

 private:
  void ProcessLeaf(const Group& leaf) {
    if (leaf.size() < 2) return;
    const size_t width = std::min(shape_.nearest, leaf.size() - 1);
    pairs_->Nearest(leaf.data(), leaf.size(), leaf.data(), leaf.size(), width, &nearest_);
    // Both ways: what is near to a row has the row for a candidate too. Counted, then placed, so that each row is offered once.
    starts_.assign(leaf.size() + 1, 0);
    for (size_t i = 0; i < leaf.size(); ++i) {
      for (size_t j = 0; j < width; ++j) {
        const uint32_t place = nearest_.places[i * width + j];
        if (place == NearestRows::kNone) continue;
        ++starts_[i + 1];
        ++starts_[place + 1];
      }
    }
    for (size_t i = 0; i < leaf.size(); ++i) starts_[i + 1] += starts_[i];
    offers_.resize(starts_.back());
    fill_.assign(starts_.begin(), starts_.end() - 1);
    for (size_t i = 0; i < leaf.size(); ++i) {
      for (size_t j = 0; j < width; ++j) {
        const uint32_t place = nearest_.places[i * width + j];
        if (place == NearestRows::kNone) continue;
        const float distance = nearest_.distances[i * width + j];
        offers_[fill_[i]++] = {distance, leaf[place]};
        offers_[fill_[place]++] = {distance, leaf[i]};
      }
    }
    for (size_t i = 0; i < leaf.size(); ++i) {
      if (i + 2 < leaf.size()) table_.Prefetch(leaf[i + 2]);
      table_.Offer(leaf[i], offers_.data() + starts_[i], starts_[i + 1] - starts_[i]);
    }
    far_.Offer(leaf, nearest_, *pairs_, &table_);
  }

  const std::unique_ptr<PairDistances> pairs_;
  const LeafShape& shape_;
  CandidateTable& table_;
  NearestRows nearest_;
  std::vector<uint32_t> starts_, fill_;
  std::vector<Candidate> offers_;
  FarCandidates far_;
};

}  // namespace

Status CollectCandidates(const std::vector<uint32_t>& rows, const PairMaker& make_pairs, const LeafShape& shape, uint32_t seed,
                         const BuildOptions& options, StageShare share, const LeafRounds& rounds, CandidateTable* table) {
  std::vector<std::unique_ptr<LeafWorker>> workers;
  for (int t = 0; t < std::max(options.threads, 1); ++t) workers.push_back(std::make_unique<LeafWorker>(make_pairs, shape, *table));
  const double step = (share.to - share.from) / static_cast<double>(shape.rounds);
  for (size_t round = rounds.done; round < shape.rounds; ++round) {
    const StageShare own{share.from + step * static_cast<double>(round), share.from + step * static_cast<double>(round + 1)};
    std::mt19937 random(seed + static_cast<uint32_t>(round));
    if (rows.size() <= shape.leaf) {
      workers[0]->Process(rows, random);
      return OkStatus();  // one leaf holds all pairs: another round finds nothing new
    }
    const std::vector<uint32_t> leaders = DrawLeaders(rows, random);
    const size_t fanout = std::min(shape.fanout, leaders.size());
    std::vector<uint32_t> places(rows.size() * fanout);
    TRY(ForRanges(rows.size(), kAssignGrain, options, {own.from, own.from + step / 4}, [&](size_t thread, size_t begin, size_t end) {
      NearestRows nearest;
      workers[thread]->pairs().Nearest(rows.data() + begin, end - begin, leaders.data(), leaders.size(), fanout, &nearest);
      std::copy(nearest.places.begin(), nearest.places.end(), places.begin() + static_cast<std::ptrdiff_t>(begin * fanout));
    }));
    std::vector<Group> groups(leaders.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t f = 0; f < fanout; ++f) {
        const uint32_t place = places[i * fanout + f];
        groups[place == NearestRows::kNone ? i % leaders.size() : place].push_back(rows[i]);
      }
    }
    std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.size() > b.size(); });
    TRY(ForRanges(groups.size(), 1, options, {own.from + step / 4, own.to}, [&](size_t thread, size_t begin, size_t) {
      std::mt19937 own_random(seed ^ static_cast<uint32_t>(round * kMaxLeaders + begin));
      workers[thread]->Process(std::move(groups[begin]), own_random);
    }));
    if (rounds.after) rounds.after(round + 1);
  }
  return OkStatus();
}

}  // namespace saker::index
