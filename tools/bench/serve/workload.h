// What the load consists of: packed requests of each kind, and how an answer is judged. Immutable once made; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "index/metric.h"
#include "tools/bench/serve/connection.h"
#include "tools/bench/serve/serve_bench.h"
#include "tools/bench/vector_file.h"

namespace saker::bench {

Result<index::Metric> DenseMetric(std::string name);
// KEY=VALUE texts as one JSON object.
Result<std::string> ParamsJson(const std::vector<std::string>& texts);

enum class Kind { kSearch, kFiltered, kInsert };
inline constexpr int kKinds = 3;
const char* KindName(Kind kind);

// Rows first..first+count of `rows`, under keys from `first_key` on, for a collection that --prepare made.
mp::InsertRequest MakeInsert(const ServeOptions& options, const VectorRows& rows, size_t first, size_t count, int64_t first_key);

class Workload {
 public:
  static Result<Workload> Make(const ServeOptions& options);

  Kind KindOf(size_t call) const { return cycle_[call % cycle_.size()]; }
  bool Has(Kind kind) const;
  size_t query_calls() const { return searches_.size(); }
  const grpc::ByteBuffer& Search(size_t call) const { return searches_[call % searches_.size()]; }
  const grpc::ByteBuffer& Filtered(size_t call) const { return filtered_[call % filtered_.size()]; }
  mp::InsertRequest Insert(size_t number) const;

  bool knows_truth() const { return !truth_.ids.empty(); }
  // How many of the true neighbours of the call's queries the answer holds; DataLoss when the answer has another shape.
  Result<size_t> Found(size_t call, const pb::schema::SearchResultData& results) const;
  size_t expected_a_call() const { return options_->nq * options_->k; }

 private:
  Status ReadMix();
  Status ReadTruthFile();
  grpc::ByteBuffer PackSearch(size_t call, const std::string& filter, const std::string& params) const;
  size_t QueryOf(size_t call, size_t i) const { return (call * options_->nq + i) % queries_->row_count(); }

  const ServeOptions* options_ = nullptr;
  index::Metric metric_ = index::Metric::kL2;
  std::shared_ptr<const VectorRows> queries_, base_;
  Truth truth_;
  std::vector<float> thresholds_;  // the score of each query's k-th true neighbour; empty without a base
  std::vector<Kind> cycle_;
  std::vector<grpc::ByteBuffer> searches_, filtered_;
};

}  // namespace saker::bench
