// An index over one scalar column of a sealed segment: which rows match, without reading the column.
//
// An index is the bytes of its file (FORMAT.md) and nothing else: BuildScalarIndex makes them, OpenScalarIndex checks every one of
// them and reads them in place. Immutable; thread-safe. A new kind of index is another implementation behind these two functions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/context.h"
#include "common/file.h"
#include "common/result.h"
#include "index/bitset.h"
#include "server/scalar_index/query.h"
#include "server/scalar_index/spec.h"
#include "server/schema/column.h"

namespace saker::scalar_index {

// Three sets of rows. A row that is in none of them does not match.
struct Matches {
  index::Bitset matching;
  std::optional<index::Bitset> unsure;  // to be tested by the column; may overlap `matching`, which then says nothing
  const uint64_t* known = nullptr;      // words of the rows that are not null; nullptr: all. Lives as long as the index
};

struct Estimate {
  uint64_t rows = 0;    // that match, at most (exact for one value or a range); before a negation
  double work_ns = 0;   // about what Find costs
  uint64_t unsure = 0;  // of them to be tested by the column
  friend bool operator==(const Estimate&, const Estimate&) = default;
};

class ScalarIndex {
 public:
  explicit ScalarIndex(Spec spec) : spec_(std::move(spec)) {}
  virtual ~ScalarIndex() = default;
  ScalarIndex(const ScalarIndex&) = delete;
  ScalarIndex& operator=(const ScalarIndex&) = delete;

  const Spec& spec() const { return spec_; }
  virtual size_t row_count() const = 0;
  virtual uint64_t memory_bytes() const = 0;
  // Absent when this index cannot answer. Cheap: a few binary searches.
  virtual std::optional<Estimate> EstimateMatches(const Query& query) const = 0;
  // Only for what EstimateMatches answers.
  virtual Matches Find(const Query& query) const = 0;

 private:
  const Spec spec_;
};

// A piece's indexes by their ids in the catalog.
using IndexMap = std::map<int64_t, std::shared_ptr<const ScalarIndex>>;

// Memory that a build takes beside its result, about.
uint64_t BuildScratchBytes(const Spec& spec, const Column& column);
// The bytes of the index' file. The column is the spec's field; cancelled by the context.
Result<std::string> BuildScalarIndex(const Spec& spec, const Column& column, const Context& context);
// DataLoss names the file when a byte is wrong or when it was made for something else.
Result<std::shared_ptr<const ScalarIndex>> OpenScalarIndex(std::shared_ptr<const MappedFile> file, const std::string& name,
                                                           const Spec& spec, size_t row_count);

// The same without a file, for rows that have none yet.
Result<std::shared_ptr<const ScalarIndex>> BuildInMemory(const Spec& spec, const Column& column, const Context& context);

}  // namespace saker::scalar_index
