#include "server/proxy/rank.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <unordered_map>

#include "server/proxy/merge.h"
#include "server/proxy/rescore.h"
#include "server/proxy/search_params.h"

namespace saker::proxy {
namespace {

struct Candidate {
  PrimaryKey key;
  double score = 0;
  Pick pick;
};

// What one hit adds to its row's score.
class Scorer {
 public:
  Scorer(const std::vector<Leg>& legs, const RankParams& params) : params_(params) {
    const size_t distances =
        static_cast<size_t>(std::count_if(legs.begin(), legs.end(), [](const Leg& leg) { return index::SmallerIsBetter(leg.metric); }));
    mixed_ = distances != 0 && distances != legs.size();
    ascending_ = params.strategy == RankParams::Strategy::kWeighted && !params.normalize && distances == legs.size();
  }
  bool ascending() const { return ascending_; }

  double Score(size_t leg, index::Metric metric, size_t rank, double score) const {
    if (params_.strategy == RankParams::Strategy::kRrf) return 1.0 / (params_.k + static_cast<double>(rank + 1));
    if (params_.normalize || (mixed_ && index::SmallerIsBetter(metric))) score = NormalizeScore(metric, score);
    return params_.weights[leg] * score;
  }

 private:
  const RankParams& params_;
  bool mixed_ = false;
  bool ascending_ = false;
};

std::vector<Candidate> GroupCandidates(const std::vector<Candidate>& sorted, const std::vector<Leg>& legs, const RankParams& params,
                                       int64_t group_field, bool ascending) {
  struct Group {
    std::vector<Candidate> members;
    double score = 0;
  };
  std::unordered_map<std::string, size_t> places;
  std::vector<Group> groups;
  for (const Candidate& candidate : sorted) {
    const Column& column = *legs[candidate.pick.part].result.rows.Find(group_field);
    const auto [place, fresh] = places.emplace(GroupKey(column, candidate.pick.row), groups.size());
    if (fresh) groups.emplace_back();
    Group& group = groups[place->second];
    if (group.members.size() < static_cast<size_t>(params.group_size)) group.members.push_back(candidate);
  }
  for (Group& group : groups) {
    double sum = 0;
    for (const Candidate& member : group.members) sum += member.score;
    group.score = group.members.front().score;
    if (params.group_score == RankParams::GroupScore::kSum) group.score = sum;
    if (params.group_score == RankParams::GroupScore::kAverage) group.score = sum / static_cast<double>(group.members.size());
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const Group& a, const Group& b) { return ascending ? a.score < b.score : a.score > b.score; });
  std::vector<Candidate> out;
  const size_t end = std::min(groups.size(), static_cast<size_t>(params.offset + params.limit));
  for (size_t g = static_cast<size_t>(params.offset); g < end; ++g) {
    out.insert(out.end(), groups[g].members.begin(), groups[g].members.end());
  }
  return out;
}

}  // namespace

Fused FuseLegs(std::vector<Leg> legs, const RankParams& params, int64_t primary_key_id, std::optional<int64_t> group_by_field_id) {
  const Scorer scorer(legs, params);
  Fused fused;
  fused.smaller_is_better = scorer.ascending();
  std::vector<Pick> picks;
  std::vector<size_t> begin(legs.size(), 0);
  const size_t queries = legs.front().result.hits_per_query.size();
  for (size_t query = 0; query < queries; ++query) {
    std::map<PrimaryKey, Candidate> by_key;
    for (uint32_t leg = 0; leg < legs.size(); ++leg) {
      const shard::SearchResult& result = legs[leg].result;
      const size_t hits = result.hits_per_query[query];
      const Column* keys = result.rows.Find(primary_key_id);
      for (size_t rank = 0; rank < hits; ++rank) {
        const size_t row = begin[leg] + rank;
        const double score = scorer.Score(leg, legs[leg].metric, rank, static_cast<double>(result.scores[row]));
        const PrimaryKey key = PrimaryKeyAt(*keys, row);
        const auto [place, fresh] = by_key.emplace(key, Candidate{key, 0, {leg, static_cast<uint32_t>(row)}});
        place->second.score += score;
      }
      begin[leg] += hits;
    }
    std::vector<Candidate> sorted;
    sorted.reserve(by_key.size());
    for (auto& [key, candidate] : by_key) sorted.push_back(std::move(candidate));
    // Ascending keys so far: a stable sort keeps that order for equal scores.
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](const Candidate& a, const Candidate& b) { return scorer.ascending() ? a.score < b.score : a.score > b.score; });
    if (group_by_field_id) {
      sorted = GroupCandidates(sorted, legs, params, *group_by_field_id, scorer.ascending());
    } else {
      sorted.erase(sorted.begin(), sorted.begin() + std::min<std::ptrdiff_t>(params.offset, static_cast<std::ptrdiff_t>(sorted.size())));
      if (sorted.size() > static_cast<size_t>(params.limit)) sorted.resize(static_cast<size_t>(params.limit));
    }
    fused.result.hits_per_query.push_back(sorted.size());
    for (const Candidate& candidate : sorted) {
      picks.push_back(candidate.pick);
      fused.result.scores.push_back(static_cast<float>(candidate.score));
    }
  }
  std::vector<const RowBatch*> batches;
  for (const Leg& leg : legs) batches.push_back(&leg.result.rows);
  fused.result.rows = GatherRows(batches, picks);
  return fused;
}

}  // namespace saker::proxy
