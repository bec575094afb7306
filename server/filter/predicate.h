// Typed, bound expressions and how they are evaluated: a block of rows at a time, in three-valued logic.
//
// A predicate is immutable and may be evaluated by many threads, each with its own Evaluation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "server/filter/cell.h"
#include "server/filter/constant.h"
#include "server/filter/filter.h"
#include "server/match/match_query.h"
#include "server/scalar_index/scalar_index.h"
#include "server/schema/column.h"
#include "server/schema/schema.h"

namespace saker::filter {

inline constexpr size_t kBlockRows = 4096;
inline constexpr size_t kBlockWords = kBlockRows / 64;

// The outcome of a predicate for the rows of a block. A bit of `truth` counts only where `known` has one; rows outside
// the mask that the predicate was given are garbage.
struct Block {
  uint64_t truth[kBlockWords];
  uint64_t known[kBlockWords];
};

struct FieldRef {
  int64_t id;
  std::string name;
  DataType type;
  DataType element_type;
  ScalarValue default_value;
};

class JsonLeaf;
// One JSON field with all paths that the expression reads of it.
struct JsonField {
  size_t field;
  struct Path {
    std::vector<PathKey> keys;
    std::vector<const JsonLeaf*> leaves;
  };
  std::vector<Path> paths;
  std::vector<size_t> path_of_leaf;  // by leaf number; folding may drop a leaf that got one
};

class JsonScan;
class Predicate;

// What an index answered for a leaf, for the whole batch.
struct LeafAnswer {
  index::Bitset truth;
  const uint64_t* known = nullptr;      // words; nullptr: every row
  std::optional<index::Bitset> unsure;  // rows that the column must be asked for
};

// One pass over one batch.
class Evaluation {
 public:
  Evaluation(const std::vector<FieldRef>& fields, const std::vector<JsonField>& json_fields, const RowBatch& rows,
             const RowIndexes& indexes, uint64_t sample_seed);
  ~Evaluation();
  Status Bind();
  // Before the first block: `leaves` may ask the scalar indexes, and keep what they got by their number. Null when there are none.
  void UseIndexes(size_t leaves);
  const scalar_index::IndexMap* indexes() const { return answers_.empty() ? nullptr : indexes_.scalars; }
  void SetAnswer(size_t leaf, scalar_index::Matches matches, bool negated);
  const LeafAnswer* answer(size_t leaf) const { return leaf < answers_.size() && answers_[leaf] ? &*answers_[leaf] : nullptr; }
  size_t row_count() const { return rows_.row_count; }
  void StartBlock(size_t begin, size_t rows);

  size_t block_begin() const { return begin_; }
  size_t block_rows() const { return block_rows_; }
  size_t block_words() const { return (block_rows_ + 63) / 64; }
  uint64_t sample_seed() const { return sample_seed_; }
  const Column& column(size_t field) const { return *columns_[field].column; }
  // Where the block begins in column(field): 0 for a column that the batch lacks and that stands for every block.
  size_t base(size_t field) const { return columns_[field].constant ? 0 : begin_; }
  // The non-null rows of the block.
  void Known(size_t field, uint64_t* words) const;
  JsonScan& json(size_t json_field) { return *scans_[json_field]; }
  // What a predicate could not tell; the first stays, and ends the evaluation at the block's end.
  void Fail(Status error) {
    if (error_.ok()) error_ = std::move(error);
  }
  const Status& error() const { return error_; }

 private:
  struct BoundColumn {
    const Column* column = nullptr;
    bool constant = false;
  };
  const std::vector<FieldRef>& fields_;
  const RowBatch& rows_;
  const RowIndexes indexes_;
  const uint64_t sample_seed_;
  std::vector<BoundColumn> columns_;
  std::vector<std::unique_ptr<Column>> owned_;
  std::vector<std::unique_ptr<JsonScan>> scans_;
  std::vector<std::optional<LeafAnswer>> answers_;
  size_t begin_ = 0;
  size_t block_rows_ = 0;
  Status error_;
};

// What a predicate says of the values of one field, when that is all it says: field == v, field in [...].
struct KeyConstraint {
  size_t field;
  List values;
};

class Predicate {
 public:
  virtual ~Predicate() = default;
  virtual void Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const = 0;
  // Asks the indexes what they answer more cheaply than the columns; about `rows` rows will be asked for.
  virtual void Plan(Evaluation&, double /*rows*/) const {}
  // The rows that an index says are TRUE, about; absent where none can say.
  virtual std::optional<double> EstimateTrue(const Evaluation&) const { return std::nullopt; }
  // What an index answered in Plan.
  virtual const LeafAnswer* answer(const Evaluation&) const { return nullptr; }
  // Orders the operands of and/or: cheap ones go first and spare the dear ones rows.
  virtual int cost() const { return 1; }
  virtual const std::vector<std::unique_ptr<Predicate>>* and_operands() const { return nullptr; }
  // TRUE or FALSE whatever the row.
  virtual const bool* constant() const { return nullptr; }
  virtual bool samples() const { return false; }
  // The predicates below that are no and, or, not.
  virtual void AddLeaves(std::vector<const Predicate*>* leaves) const { leaves->push_back(this); }

  std::shared_ptr<const KeyConstraint> keys;
};
using PredicatePtr = std::unique_ptr<Predicate>;

PredicatePtr MakeConstant(bool value);
PredicatePtr MakeAnd(std::vector<PredicatePtr> operands);
PredicatePtr MakeOr(std::vector<PredicatePtr> operands);
PredicatePtr MakeNot(PredicatePtr operand);
PredicatePtr MakeSample(double share);

// Sets bit i of words to test(i) for the block's rows; bits behind them are 0.
template <typename F>
void FillWords(size_t rows, uint64_t* words, F&& test) {
  size_t row = 0;
  for (; row + 64 <= rows; row += 64) {
    uint64_t word = 0;
    for (size_t i = 0; i < 64; ++i) word |= static_cast<uint64_t>(test(row + i) ? 1 : 0) << i;
    *words++ = word;
  }
  uint64_t word = 0;
  for (size_t i = 0; row + i < rows; ++i) word |= static_cast<uint64_t>(test(row + i) ? 1 : 0) << i;
  if (row < rows) *words = word;
}

}  // namespace saker::filter
