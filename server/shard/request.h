// What the proxy asks of one shard and gets back. Plain values: the same in one process and over a wire.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "index/bm25.h"
#include "index/index.h"
#include "server/filter/filter.h"
#include "server/scalar_index/spec.h"
#include "server/schema/column.h"

namespace saker::shard {

struct WriteRequest {
  enum class Kind {
    kInsert,  // rows; an older copy of a key that is written again is hidden by the new one
    kUpsert,  // the same, and `delete_keys` (which may differ from the rows' keys with auto ids) die at the same timestamp
    kDelete,  // `delete_keys` only
  };
  Kind kind = Kind::kInsert;
  std::optional<PartitionId> partition;  // where rows go; with kDelete: only keys of this partition die
  RowBatch rows;                         // every field of the schema, primary key included, validated
  PrimaryKeys delete_keys;
};

struct WriteResult {
  Timestamp timestamp = 0;
  int64_t deleted = 0;  // live rows that this write killed
};

// What both reads share. A row is visible when it was written at or before `timestamp` and not deleted by then.
struct ReadScope {
  std::optional<std::vector<PartitionId>> partitions;  // absent: all
  std::shared_ptr<const filter::Filter> filter;        // null: all rows
  Timestamp timestamp = kMaxTimestamp;                 // kMaxTimestamp: the newest that is complete
  bool ignore_growing = false;
  std::optional<Timestamp> min_timestamp;  // rows written before it are expired (TTL)
};

// How often terms occur in a sparse field: what BM25 must know of the whole collection before it searches one shard of it.
struct CountTermsRequest {
  int64_t field_id = 0;
  std::vector<uint32_t> terms;                         // ascending
  std::optional<std::vector<PartitionId>> partitions;  // absent: all
  Timestamp timestamp = kMaxTimestamp;                 // kMaxTimestamp: the newest that is complete
  enum class Rows {
    kStored,   // at hand in every index: deleted rows count until compaction removes them
    kVisible,  // at the timestamp: always the same numbers, as the pages of an iterator need them
  };
  Rows rows = Rows::kStored;
};

struct SearchRequest {
  ReadScope scope;
  int64_t field_id = 0;
  index::Metric metric = index::Metric::kCosine;
  std::string queries;                      // fixed width, contiguous, of the field's type
  std::vector<std::string> sparse_queries;  // or these, one per query
  size_t query_count = 1;
  size_t k = 10;
  std::map<std::string, std::string> params;
  std::optional<index::Bm25Statistics> bm25;  // with metric BM25: of the whole collection
  std::optional<float> radius;
  std::optional<float> range_filter;
  // Iterator: only hits strictly worse than this score.
  std::optional<float> after_score;
  bool exact = false;  // no approximate index
  // Grouping: at most `group_size` hits for each value of the field, `k` groups.
  std::optional<int64_t> group_by_field_id;
  size_t group_size = 1;
  bool strict_group_size = false;
  std::vector<int64_t> output_field_ids;  // to fetch for the winners; the primary key always comes
};

struct SearchResult {
  std::vector<size_t> hits_per_query;
  std::vector<float> scores;  // flat, best first; ties by smaller primary key
  RowBatch rows;              // aligned with scores: primary key, output fields, the group-by field
  Timestamp timestamp = 0;    // what was read
};

struct QueryRequest {
  ReadScope scope;
  bool count_only = false;
  std::optional<size_t> limit;  // after offset; rows come in ascending order of the primary key
  size_t offset = 0;
  std::vector<int64_t> output_field_ids;
  uint64_t max_bytes = 100 << 20;  // more than this is refused: "query results exceed the maxOutputSize Limit"
};

struct QueryResult {
  uint64_t count = 0;
  RowBatch rows;
  Timestamp timestamp = 0;
};

struct SegmentStatus {
  SegmentId id;
  PartitionId partition;
  uint64_t rows = 0;  // deleted ones included
  uint64_t live_rows = 0;
  uint64_t memory_bytes = 0;
  bool sealed = false;
  int32_t level = 1;
  std::map<int64_t, int64_t> indexes;  // field id -> index id that is built
};

// An index that the collection wants on a field; built in the background for each sealed segment.
struct IndexDefinition {
  int64_t index_id = 0;  // the catalog's; less than 0: that of the field's tokens, which has no entry there
  int64_t field_id = 0;
  index::IndexSpec spec;                                    // of a vector field
  std::optional<scalar_index::Spec> scalar = std::nullopt;  // of any other: then `spec` says nothing
};

}  // namespace saker::shard
