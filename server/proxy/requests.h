// What a dialect (rpc, rest) hands to the proxy and gets back: Milvus' operations without any wire format.
//
// Plain values. Texts of parameters are as the client sent them; the proxy interprets them for every dialect alike.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/ids.h"
#include "server/analyzer/analyzer.h"
#include "server/filter/filter.h"
#include "server/schema/column.h"
#include "server/schema/schema.h"

namespace saker::proxy {

struct CollectionRef {
  std::string database;    // empty: "default"
  std::string collection;  // a name or an alias
};

// A column that names its field; nulls are expanded.
struct NamedColumn {
  std::string name;
  bool is_dynamic = false;
  Column column;
  int64_t dim = 0;  // vectors; sparse: the largest index + 1
};

// ---- writes

struct InsertRequest {
  CollectionRef target;
  std::string partition;  // empty: by partition key or "_default"
  std::vector<NamedColumn> columns;
  size_t row_count = 0;
  Timestamp schema_timestamp = 0;  // 0: not checked
  bool partial_update = false;     // upsert only
};

struct DeleteRequest {
  CollectionRef target;
  std::string partition;
  std::string filter;
  filter::Templates templates;
};

struct MutationResponse {
  PrimaryKeys ids;  // of inserted or upserted rows, in order
  int64_t count = 0;
  Timestamp timestamp = 0;
};

// ---- analyzers

// By parameters, or by a stored field: then its collection and name, and of a field with several analyzers no name (the default), one
// for all texts, or one for each.
struct RunAnalyzerRequest {
  std::vector<std::string> texts;
  std::string analyzer_params;
  CollectionRef target;
  std::string field;
  std::vector<std::string> analyzer_names;
};

struct AnalyzedText {
  std::vector<analyzer::Token> tokens;
  std::vector<uint32_t> hashes;  // analyzer::TermId of each
};

struct PhraseSlopRequest {
  std::string analyzer_params;
  std::string phrase;
  std::vector<std::string> texts;
};

// ---- reads

struct Consistency {
  std::optional<ConsistencyLevel> level;  // absent: the collection's
  Timestamp guarantee_timestamp = 0;
};

// Query vectors as they came: the element type is told by the client, converted to the field's by the proxy.
struct Queries {
  enum class Kind { kNone, kVectors, kTexts, kPrimaryKeys };
  Kind kind = Kind::kNone;
  DataType vector_type = DataType::kFloatVector;  // kVectors
  std::vector<std::string> values;                // one per query: raw little-endian bytes, or UTF-8 text
  PrimaryKeys ids;
  size_t count() const { return kind == Kind::kPrimaryKeys ? ids.size() : values.size(); }
};

// One nearest-neighbour request: a whole search, or one leg of a hybrid one.
struct AnnRequest {
  Queries queries;
  std::string filter;
  filter::Templates templates;
  // "anns_field", "topk", "offset", "metric_type", "params" (a JSON object as text), "round_decimal", "ignore_growing",
  // "group_by_field", "group_size", "strict_group_size", the iterator's keys, and any index parameter.
  KeyValues params;
};

// A rescoring step of type FunctionType::kRerank from `function_score`.
struct FunctionScore {
  std::vector<FunctionSchema> functions;
  KeyValues params;
};

struct SearchRequest {
  CollectionRef target;
  std::vector<std::string> partitions;
  AnnRequest ann;
  std::vector<std::string> output_fields;
  Consistency consistency;
  std::optional<FunctionScore> function_score;
};

struct HybridSearchRequest {
  CollectionRef target;
  std::vector<std::string> partitions;
  std::vector<AnnRequest> requests;
  KeyValues rank_params;  // "strategy", "params" (JSON), "limit", "offset", "round_decimal", "group_by_field", ...
  std::vector<std::string> output_fields;
  Consistency consistency;
  std::optional<FunctionScore> function_score;
};

struct SearchResponse {
  std::string collection_name;
  std::string primary_field_name;
  int64_t top_k = 0;
  std::vector<int64_t> hits_per_query;  // one for each query, always
  PrimaryKeys ids;                      // flat, query after query, best first
  std::vector<float> scores;            // aligned with ids
  std::vector<NamedColumn> fields;      // aligned with ids; the dynamic field is named "$meta"
  std::vector<std::string> output_fields;
  std::optional<NamedColumn> group_by;  // aligned with ids
  Timestamp session_timestamp = 0;
  struct Iterator {
    std::string token;
    float last_bound = 0;
  };
  std::optional<Iterator> iterator;
};

struct QueryRequest {
  CollectionRef target;
  std::vector<std::string> partitions;
  std::string filter;
  filter::Templates templates;
  std::vector<std::string> output_fields;
  KeyValues params;  // "limit", "offset", "ignore_growing", "iterator", "reduce_stop_for_best", "collection_id", ...
  Consistency consistency;
};

struct QueryResponse {
  std::string collection_name;
  std::string primary_field_name;
  std::vector<NamedColumn> fields;  // typed even when there are no rows
  std::vector<std::string> output_fields;
  Timestamp session_timestamp = 0;
};

// ---- definitions

struct CreateCollectionRequest {
  CollectionRef target;
  CollectionSchema schema;  // without ids and without $meta: the proxy assigns them
  int32_t shards = 0;
  int64_t partitions = 0;  // with a partition key; 0: 16
  ConsistencyLevel consistency = ConsistencyLevel::kBounded;
  KeyValues properties;
};

struct CollectionInfo {
  CollectionId id;
  DatabaseId database_id;
  std::string database;
  std::string name;
  CollectionSchema schema;  // $meta included
  std::vector<std::string> aliases;
  int32_t shards = 1;
  int64_t partitions = 1;
  ConsistencyLevel consistency = ConsistencyLevel::kBounded;
  KeyValues properties;
  Timestamp created = 0;
  Timestamp updated = 0;  // changes with the schema; what InsertRequest::schema_timestamp is compared with
  bool loaded = false;
};

struct PartitionInfo {
  PartitionId id;
  std::string name;
  Timestamp created = 0;
  bool loaded = false;
};

struct DatabaseInfo {
  DatabaseId id;
  std::string name;
  Timestamp created = 0;
  KeyValues properties;
};

enum class IndexState { kUnissued = 1, kInProgress = 2, kFinished = 3, kFailed = 4 };

struct IndexInfo {
  IndexId id;
  std::string name;
  std::string field;
  KeyValues params;  // flat, as the user gave them, with index_type and metric_type
  IndexState state = IndexState::kFinished;
  std::string fail_reason;
  int64_t indexed_rows = 0;
  int64_t total_rows = 0;
};

struct CreateIndexRequest {
  CollectionRef target;
  std::string field;
  std::string name;  // empty: the field's
  KeyValues params;  // flat keys and/or "params" with a JSON object
};

enum class LoadState { kNotExist = 0, kNotLoaded = 1, kLoading = 2, kLoaded = 3 };

struct SegmentInfo {
  SegmentId id;
  CollectionId collection;
  PartitionId partition;
  int64_t row_count = 0;
  int64_t memory_bytes = 0;
  bool sealed = false;
  int32_t level = 1;
  std::string index_name;
  IndexId index_id;
};

struct FlushResponse {
  struct Collection {
    std::string name;  // as requested
    std::vector<int64_t> segments;
    Timestamp flushed_at = 0;
    int64_t seal_time_ms = 0;
  };
  std::vector<Collection> collections;
};

struct CompactionInfo {
  int64_t id = 0;
  bool done = true;
  int64_t executing = 0;
  int64_t completed = 0;
  int64_t failed = 0;
  std::vector<std::pair<std::vector<int64_t>, int64_t>> merges;  // sources -> target
};

}  // namespace saker::proxy
