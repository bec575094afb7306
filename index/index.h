// One vector index over the rows of one segment: build, search, save, open.
//
// An index is immutable once built or opened and may be searched from any number of threads. It finds rows, it does not
// own vectors: the VectorSource it was built over stays shared with it. Scores are exact and as metric.h says, whatever
// the family; rows come best first, equal scores by smaller row. Errors: InvalidArgument for a parameter (the message
// names it, its value and its range, in Milvus' words), Cancelled, DeadlineExceeded, DataLoss for a damaged file,
// ResourceExhausted when memory is refused.
//
// A new capability is a new small interface beside this one, found with dynamic_cast, not another virtual here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/context.h"
#include "common/file.h"
#include "common/result.h"
#include "index/bitset.h"
#include "index/metric.h"
#include "index/vector_source.h"

namespace saker::index {

struct Hit {
  uint32_t row;
  float score;
};

// What the user wrote: "index_type" upper-case ("FLAT", "HNSW", "IVF_FLAT", "AUTOINDEX", ...) and its parameters as text.
struct IndexSpec {
  std::string type;
  Metric metric = Metric::kCosine;
  std::map<std::string, std::string> params;
};

struct Bm25Statistics;

struct SearchRequest {
  // `query_count` rows of the source's type and dimension, contiguous (kSparse: sparse_queries instead).
  const void* queries = nullptr;
  std::vector<VectorSource::SparseRowView> sparse_queries;
  size_t query_count = 1;
  size_t k = 10;
  std::map<std::string, std::string> params;  // "ef", "nprobe", ...; unknown ones are ignored
  const Bitset* allowed = nullptr;            // null: every row; size is the source's row_count()
  // Range search, Milvus' bounds: distances range_filter <= d < radius; similarities radius < s <= range_filter.
  std::optional<float> radius;
  std::optional<float> range_filter;
  // BM25 only: the collection's statistics, for all the queries; null: those of the rows searched (bm25.h).
  const Bm25Statistics* bm25 = nullptr;
};

// What one search did, for metrics and explain; summed over the queries.
struct SearchStats {
  uint64_t distances = 0;
  uint64_t hops = 0;
  uint64_t reads = 0;  // of a disk, not of memory
  uint64_t bytes = 0;  // in those reads
};

class Index {
 public:
  virtual ~Index() = default;
  virtual const IndexSpec& spec() const = 0;
  virtual size_t row_count() const = 0;
  virtual size_t memory_bytes() const = 0;  // beside the source
  // One list per query, at most k long and never shorter than min(k, allowed rows in the range) for exact families; an
  // approximate family also returns min(k, allowed rows) unless a range is set. Tests `context` every few hundred steps.
  virtual Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context,
                                                       SearchStats* stats = nullptr) const = 0;
  // Writes the whole index; the caller syncs and renames. Format: FORMAT.md.
  virtual Status Save(WritableFile& file) const = 0;
};

class CheckpointStore;

struct BuildOptions {
  int threads = 1;
  std::function<void(double)> progress;  // 0 to 1, from one thread at a time
  const Context* context = nullptr;      // cancel
  uint64_t memory_limit_bytes = 0;       // AUTOINDEX: what the index may take beside the source; 0: any
  // For indexes that are built on disk, AUTOINDEX where it may be one: what the build may take beside the vectors (0: what the spec
  // says), and where its files without a name go (empty: the system's temporary directory).
  uint64_t memory_bytes = 0;
  std::string scratch_directory;
  FileSystem* files = nullptr;  // null: the real one
  // Where a graph in memory keeps what it has so far, to go on from after a restart (checkpoint.h); null: nowhere.
  CheckpointStore* checkpoints = nullptr;
};

// The spec with defaults filled in and every parameter checked against type and dimension, before anything is built.
Result<IndexSpec> ValidateSpec(const IndexSpec& spec, VectorType type, size_t dim);
// Checks search parameters of a family ("ef" against k and so on) without an index at hand.
Status ValidateSearchParams(const IndexSpec& spec, const std::map<std::string, std::string>& params, size_t k);

Result<std::unique_ptr<Index>> BuildIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source, const BuildOptions& options);
Result<std::unique_ptr<Index>> OpenIndex(const std::string& path, FileSystem& files, std::shared_ptr<const VectorSource> source);

// Exact search without an index: growing segments, unindexed sealed ones, tiny filtered sets. Same contract as Search.
Result<std::vector<std::vector<Hit>>> ExactSearch(const VectorSource& source, Metric metric, const SearchRequest& request,
                                                  const Context& context, SearchStats* stats = nullptr);

}  // namespace saker::index
