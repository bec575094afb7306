// What happens to hits after the shards found them: rescoring by a function and ordering by scalar fields.
#pragma once

#include <string>
#include <vector>

#include "index/metric.h"
#include "server/proxy/requests.h"
#include "server/schema/schema.h"
#include "server/shard/request.h"

namespace saker::proxy {

// Where a function_score stands: in a plain search (decay) or in a hybrid one (decay, rrf, weighted).
enum class RescoreUse { kSearch, kHybrid };

// A decay function over one numeric field: the score becomes normalised score x decay(value). Others are refused.
class Rescorer {
 public:
  // Refused for functions that this version lacks (model, boost) and for parameters out of range.
  Status Prepare(const CollectionSchema& schema, const FunctionScore& score, RescoreUse use);
  bool active() const { return field_ != nullptr; }
  void AddFields(std::vector<int64_t>* field_ids) const;
  Status Apply(index::Metric metric, shard::SearchResult* result) const;

 private:
  enum class Curve { kGauss, kExponential, kLinear };
  double Decay(double value) const;

  const FieldSchema* field_ = nullptr;
  Curve curve_ = Curve::kGauss;
  double origin_ = 0;
  double scale_ = 1;
  double offset_ = 0;
  double decay_ = 0.5;
  bool normalize_ = false;
};

// "f:asc,g:desc": hits of each query in the order of scalar fields; equal ones keep their order.
class Ordering {
 public:
  static Result<Ordering> Read(const CollectionSchema& schema, const std::string& text);
  bool active() const { return !keys_.empty(); }
  void AddFields(std::vector<int64_t>* field_ids) const;
  void Apply(shard::SearchResult* result) const;

 private:
  struct Key {
    const FieldSchema* field;
    bool descending;
  };
  std::vector<Key> keys_;
};

// The decay function of `score`, or nullptr.
const FunctionSchema* FindReranker(const FunctionScore& score, std::string_view reranker);

// Distances and similarities on one scale, larger is better: what weighted ranking and decay use.
double NormalizeScore(index::Metric metric, double score);

void KeepFirst(size_t count, shard::SearchResult* result);  // of its one query
void DropFirst(size_t count, shard::SearchResult* result);  // of each query
// Rows and scores in a new order; hits_per_query says how it is cut.
void Reorder(const std::vector<uint32_t>& order, std::vector<size_t> hits_per_query, shard::SearchResult* result);

}  // namespace saker::proxy
