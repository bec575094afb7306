#include "index/disk/navigation.h"

#include <algorithm>
#include <numeric>

#include "index/graph/builder.h"
#include "index/graph/pool.h"
#include "index/graph/visited_rows.h"
#include "index/scorer.h"

namespace saker::index {
namespace {

constexpr size_t kPool = 24;

struct Scratch {
  VisitedRows visited;
  SortedPool pool;
  std::vector<uint32_t> fresh, keys, sequence;
};

}  // namespace

Result<Navigation> Navigation::Build(const VectorSource& sample, Metric metric, std::vector<uint32_t> positions, uint32_t degree,
                                     const BuildOptions& options) {
  Navigation navigation;
  navigation.positions_ = std::move(positions);
  std::vector<float> norms;
  if (metric == Metric::kCosine) norms = InverseNorms(sample);
  const float* const inverse_norms = norms.empty() ? nullptr : norms.data();
  navigation.codes_ = TRY(NodeCodes::Make(sample, metric, inverse_norms, options));
  GraphPlan plan;
  plan.degree = degree;
  plan.entries = 64;
  BuildOptions quiet = options;
  quiet.progress = nullptr;
  navigation.graph_ = TRY(BuildFlatGraph(sample, metric, inverse_norms, navigation.codes_, plan, quiet));
  return navigation;
}

Result<Navigation> Navigation::Load(const VectorSource& sample, Metric metric, std::vector<uint32_t> positions, FlatGraph graph) {
  Navigation navigation;
  navigation.positions_ = std::move(positions);
  navigation.graph_ = std::move(graph);
  std::vector<float> norms;
  if (metric == Metric::kCosine) norms = InverseNorms(sample);
  navigation.codes_ = TRY(NodeCodes::Make(sample, metric, norms.empty() ? nullptr : norms.data(), BuildOptions()));
  return navigation;
}

void Navigation::Nearest(const float* query, size_t wanted, std::vector<uint32_t>* positions, SearchStats* stats) const {
  positions->clear();
  std::optional<CodeQuery> codes;
  if (!codes_.empty()) {
    codes.emplace(codes_);
    if (!codes->Set(query)) codes.reset();
  }
  if (!codes) {
    for (const uint32_t entry : graph_.entries) positions->push_back(positions_[entry]);
    return;
  }
  thread_local Scratch scratch;
  scratch.visited.Reset(positions_.size());
  scratch.pool.Reset(std::max(kPool, wanted));
  const size_t most = std::max<size_t>(graph_.degree, graph_.entries.size());
  if (scratch.fresh.size() < most + 16) {
    scratch.fresh.resize(most + 16);
    scratch.keys.resize(most + 16);
  }
  const auto score = [&](const uint32_t* rows, size_t count) {
    const size_t fresh = scratch.visited.MeetAll(rows, count, scratch.fresh.data());
    codes->Keys(scratch.fresh.data(), fresh, scratch.keys.data());
    for (size_t i = 0; i < fresh; ++i) scratch.pool.Insert(scratch.keys[i], scratch.fresh[i]);
    stats->distances += fresh;
  };
  score(graph_.entries.data(), graph_.entries.size());
  uint32_t key = 0, row = 0;
  while (scratch.pool.Pop(&key, &row)) {
    const uint32_t* const links = graph_.Links(row);
    score(links, static_cast<size_t>(std::find(links, links + graph_.degree, FlatGraph::kNone) - links));
  }
  for (size_t i = 0; i < std::min(wanted, scratch.pool.size()); ++i) positions->push_back(positions_[scratch.pool.RowAt(i)]);
}

}  // namespace saker::index
