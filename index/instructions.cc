// One piece of work each, for counting its instructions under callgrind: tools/instruction_counts.
//
// Usage: index_instructions CASE. What is prepared (vectors, a graph) is not counted: only what saker_counted() does is.
// The same numbers every time: fixed seeds, one thread.
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "index/graph/builder.h"
#include "index/graph/walk.h"
#include "index/index.h"
#include "index/kernels/kernels.h"
#include "index/kernels/node_codes.h"

// Where counting starts and ends; its name is for callgrind.
extern "C" [[gnu::noinline]] void saker_counted(const std::function<void()>* work) {
  (*work)();
}

namespace saker::index {
namespace {

constexpr size_t kRows = 3000, kDim = 128, kQueries = 16;

class Rows final : public VectorSource {
 public:
  Rows(size_t rows, size_t dim) : rows_(rows), dim_(dim), values_(rows * dim) {
    std::mt19937 random(7);
    std::vector<float> centres(20 * dim);
    const auto value = [&] { return static_cast<float>(random() % 2001) * 1e-3f - 1; };
    for (float& x : centres) x = 2 * value();
    for (size_t row = 0; row < rows; ++row) {
      const float* const centre = &centres[random() % 20 * dim];
      for (size_t i = 0; i < dim; ++i) values_[row * dim + i] = centre[i] + value();
    }
  }
  VectorType type() const override { return VectorType::kFloat32; }
  size_t dim() const override { return dim_; }
  size_t row_count() const override { return rows_; }
  const void* Row(size_t row) const override { return &values_[row * dim_]; }
  const void* Contiguous() const override { return values_.data(); }

 private:
  const size_t rows_, dim_;
  std::vector<float> values_;
};

int Count(const std::function<void()>& work) {
  work();  // what is made once is made now
  saker_counted(&work);
  return 0;
}

int CountKernel(const DistanceKernel& kernel, size_t dim) {
  const Rows rows(5, dim);
  const void* const four[4] = {rows.Row(1), rows.Row(2), rows.Row(3), rows.Row(4)};
  float out[4];
  return Count([&] { kernel.four(rows.Row(0), four, dim, out); });
}

int CountNodeCodes() {
  std::vector<uint8_t> codes(64 * kDim, 40), query(kDim, 90);
  std::vector<uint32_t> list(32), keys(32);
  for (uint32_t i = 0; i < 32; ++i) list[i] = i * 2;
  return Count([&] { BestNodeCodes().l2(codes.data(), kDim, list.data(), list.size(), query.data(), keys.data()); });
}

Bitset Share(double share) {
  std::mt19937 random(11);
  Bitset bits(kRows);
  for (size_t row = 0; row < kRows; ++row) {
    if (random() <= share * 4294967295.0) bits.Set(row);
  }
  return bits;
}

// 16 searches in one index; `share` of the rows may be found.
int CountSearches(const char* type, std::map<std::string, std::string> params, double share) {
  const auto rows = std::make_shared<Rows>(kRows, kDim);
  const Rows queries(kQueries, kDim);
  const auto index = BuildIndex({type, Metric::kL2, {}}, rows, {});
  if (!index.ok()) return 1;
  const Bitset allowed = Share(share);
  SearchRequest request;
  request.params = std::move(params);
  if (share < 1) request.allowed = &allowed;
  bool ok = true;
  Count([&] {
    for (size_t q = 0; q < kQueries; ++q) {
      request.queries = queries.Row(q);
      ok = (*index)->Search(request, Context()).ok() && ok;
    }
  });
  return ok ? 0 : 1;
}

// 16 walks through one graph: so few rows would otherwise be scanned.
int CountWalks(float gamma, double share) {
  const Rows rows(kRows, kDim), queries(kQueries, kDim);
  const Result<NodeCodes> codes = NodeCodes::Make(rows, Metric::kL2, nullptr, {});
  if (!codes.ok()) return 1;
  const Result<FlatGraph> graph = BuildFlatGraph(rows, Metric::kL2, nullptr, *codes, GraphPlan(), {});
  if (!graph.ok()) return 1;
  const Bitset bits = Share(share);
  const AllowedRows allowed(&bits, nullptr, kRows);
  WalkGuide guide;
  guide.allowed = &allowed;
  guide.enough = 12;
  Scorer scorer(rows, Metric::kL2, nullptr);
  CodeQuery coded(*codes);
  const EntryTable entries(graph->entries, *codes);
  bool ok = true;
  Count([&] {
    for (size_t q = 0; q < kQueries; ++q) {
      scorer.SetQuery(queries.Row(q));
      ok = coded.Set(static_cast<const float*>(queries.Row(q))) && ok;
      const WalkRequest walk{*graph, kRows, Metric::kL2, scorer, &coded, &entries, 64, gamma, 10, share < 1 ? &guide : nullptr};
      std::vector<uint64_t> found;
      SearchStats stats;
      ok = WalkGraph(walk, Context(), &found, &stats).ok() && ok;
    }
  });
  return ok ? 0 : 1;
}

int Run(const std::string& name) {
  const Kernels& kernels = BestKernels();
  if (name == "l2_f32_128x4") return CountKernel(kernels.l2_f32, 128);
  if (name == "ip_f32_768x4") return CountKernel(kernels.ip_f32, 768);
  if (name == "node_codes_l2_128x32") return CountNodeCodes();
  if (name == "walk_ef64_x16") return CountWalks(0, 1);
  if (name == "walk_gamma_x16") return CountWalks(1.05f, 1);
  if (name == "walk_half_x16") return CountWalks(0, 0.5);
  if (name == "graph_scan_x16") return CountSearches("HNSW", {{"ef", "64"}}, 0.1);
  if (name == "flat_x16") return CountSearches("FLAT", {}, 1);
  std::fprintf(stderr, "no case '%s'\n", name.c_str());
  return 2;
}

}  // namespace
}  // namespace saker::index

int main(int argc, char** argv) {
  return argc == 2 ? saker::index::Run(argv[1]) : 2;
}
