// The boolean expression of a search, query or delete, compiled once and evaluated to a bitset.
//
// Grammar, typing and three-valued logic: Milvus' (docs/filter.md); a row is chosen when the expression is TRUE for it,
// never for NULL. A looser filter never gives fewer rows than a stricter one. Immutable; Evaluate may run on many threads.
// Bounds: text 16 MiB, 4,096 nodes beside list elements, depth 64, any number of list elements.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/context.h"
#include "common/result.h"
#include "index/bitset.h"
#include "server/scalar_index/scalar_index.h"
#include "server/schema/column.h"
#include "server/schema/schema.h"

namespace saker::filter {

// A value for `{name}` in the text; lists nest for json_contains_all and the like. JSON elements are `Json` texts.
struct Json {
  std::string text;
};
struct TemplateValue {
  using List = std::vector<TemplateValue>;
  std::variant<bool, int64_t, double, std::string, Json, List> value;
};
using Templates = std::map<std::string, TemplateValue>;

// What is there of a batch's rows beside their columns, built from exactly these rows. Whatever is missing is computed from the
// columns; the outcome is the same.
struct RowIndexes {
  const scalar_index::IndexMap* scalars = nullptr;  // not owned
};

// JSON paths, by field id, whose strings are read as numbers where numbers are asked for (an index' json_cast_function), with or
// without the index.
using CastPaths = std::vector<std::pair<int64_t, std::vector<scalar_index::PathKey>>>;

class Filter {
 public:
  // InvalidArgument (Milvus 1100) with text "cannot parse expression: <text>, error: <detail>: invalid parameter"; the caller
  // puts "failed to create query plan: " or "failed to create delete plan: " in front. An empty text is always true.
  // random_sample draws by the seed, or by a new one for each Compile.
  static Result<std::shared_ptr<const Filter>> Compile(std::string_view text, const CollectionSchema& schema,
                                                       const Templates& templates = {}, std::optional<uint64_t> sample_seed = std::nullopt,
                                                       const CastPaths& casts = {});
  virtual ~Filter() = default;

  // True for every row whatever it holds: empty text, `true`, `1 < 2`.
  virtual bool always_true() const = 0;
  // The ids of the fields that are read.
  virtual const std::vector<int64_t>& field_ids() const = 0;
  // When the filter is exactly `pk == x` or `pk in [...]`: the keys, as written and without duplicates.
  virtual const PrimaryKeys* exact_primary_keys() const = 0;
  // When a top-level AND fixes the partition key to some values: those values.
  virtual const std::vector<ScalarValue>* partition_key_values() const = 0;

  // Filters with the same key choose the same rows of the same batch. Empty: not worth remembering, or random.
  virtual const std::string& cache_key() const {
    static const std::string none;
    return none;
  }

  // One bit per row of `rows`: set when TRUE. A field that `rows` lacks reads as its default, or null. The indexes are of these rows.
  virtual Result<index::Bitset> Evaluate(const RowBatch& rows, const RowIndexes& indexes, const Context& context) const = 0;
  Result<index::Bitset> Evaluate(const RowBatch& rows, const Context& context) const { return Evaluate(rows, RowIndexes(), context); }
};

}  // namespace saker::filter
