// Reads JSON rows for all predicates of one JSON field at once: each row is parsed at most once per evaluation.
#pragma once

#include <vector>

#include <simdjson.h>

#include "server/filter/predicate.h"

namespace saker::filter {

// A predicate on the value at one path. Its rows are tested by the scan.
class JsonLeaf : public Predicate {
 public:
  JsonLeaf(size_t json_field, size_t leaf) : json_field_(json_field), leaf_(leaf) {}
  virtual bool Matches(const Cell& cell) const = 0;  // never a kNull cell
  virtual bool tests_null() const { return false; }  // a null row is TRUE or FALSE, not NULL:
  virtual bool null_outcome() const { return false; }
  size_t json_field() const { return json_field_; }
  size_t leaf() const { return leaf_; }
  void Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const override;
  int cost() const override { return 100; }

 private:
  size_t json_field_;
  size_t leaf_;
};

class JsonScan {
 public:
  explicit JsonScan(const JsonField& plan) : plan_(plan), results_(plan.path_of_leaf.size()) {}
  void StartBlock();
  // Makes sure that the rows of the mask were tested.
  void Require(const Evaluation& evaluation, const uint64_t* mask);
  const Block& result(size_t leaf) const { return results_[leaf]; }

 private:
  void TestRow(const Column& column, size_t row, size_t bit);
  void TestNull(size_t bit);

  const JsonField& plan_;
  std::vector<Block> results_;
  uint64_t tested_[kBlockWords] = {};
  simdjson::dom::parser parser_;
  std::vector<char> padded_;
};

}  // namespace saker::filter
