// Fusing the lists of a hybrid search into one: reciprocal ranks or weighted scores.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "server/proxy/params.h"
#include "server/proxy/requests.h"
#include "server/shard/request.h"

namespace saker::proxy {

struct RankParams {
  enum class Strategy { kRrf, kWeighted };
  Strategy strategy = Strategy::kRrf;
  double k = 60;
  std::vector<double> weights;
  bool normalize = false;
  int64_t limit = 0;
  int64_t offset = 0;
  int round_decimal = -1;
  std::string group_by_field;
  int64_t group_size = 1;
  bool strict_group_size = false;
  enum class GroupScore { kMax, kSum, kAverage };
  GroupScore group_score = GroupScore::kMax;
};

// Texts and bounds as Milvus': k in (0, 16384), weights in [0, 1], one for each request.
Result<RankParams> ReadRankParams(const KeyValues& source, const std::optional<FunctionScore>& score, size_t requests);

// One leg's answer; `nq` lists of hits.
struct Leg {
  index::Metric metric;
  shard::SearchResult result;
};

// Each primary key once, best first; ties by the smaller key. `smaller_is_better` tells how the scores run: only where
// raw distances were summed.
struct Fused {
  shard::SearchResult result;  // one metric-free score per hit
  bool smaller_is_better = false;
};
Fused FuseLegs(std::vector<Leg> legs, const RankParams& params, int64_t primary_key_id, std::optional<int64_t> group_by_field_id);

}  // namespace saker::proxy
