// The codes of an IVF index's rows, list by list, and the estimates made from them.
//
// Three kinds: 7-bit scalar codes (IVF_SQ8), 4-bit product codes of the residuals (IVF_PQ, SCANN), 1-bit codes of the
// rotated residuals (IVF_RABITQ). An estimate orders rows as the metric's key does (COSINE: the squared distance of vectors
// of length 1), up to the code's error, and means nothing else: who is found is scored exactly. Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "index/index_file.h"
#include "index/ivf/lists.h"
#include "index/ivf/row_floats.h"
#include "index/quantize/scalar_codec.h"

namespace saker::index {

// Numbers are durable: they stand in files.
enum class CodeKind : uint32_t { kNone = 0, kScalar = 1, kProduct = 2, kOneBit = 3 };

// The kind of a type and its parameters; kNone for IVF_FLAT.
struct CodeShape {
  CodeKind kind = CodeKind::kNone;
  uint32_t subspaces = 0;  // kProduct: equal parts of the dimension
};
CodeShape CodeShapeOf(const IndexSpec& spec, size_t dim);

// What one query became; its memory is reused by the next one.
struct CodeQuery {
  std::vector<float> vector, floats;
  std::vector<uint8_t> tables;
  ScalarCodec::Query scalar;
  float step = 0, offset = 0, shift = 0;
};

struct CodeSection {
  Section section;
  std::vector<std::byte> bytes;
};

class ListCodes {
 public:
  virtual ~ListCodes() = default;
  virtual CodeShape shape() const = 0;
  virtual size_t memory_bytes() const = 0;
  // `query` as RowFloats gives it.
  virtual void SetQuery(const float* query, CodeQuery* out) const = 0;
  // The estimates of the list's rows that are at most `limit`, and their places in the list; returns how many. `centroid_key`:
  // CentroidKeys of this list. The arrays have room for the longest list and 64 more.
  virtual size_t Scan(const CodeQuery& query, size_t list, float centroid_key, float limit, float* keys, uint32_t* places) const = 0;
  virtual void Prefetch(size_t list) const = 0;
  // The row at that place of the list is never a candidate from now on: before the first search, not for IP.
  virtual void Exclude(size_t list, size_t place) = 0;
  virtual std::vector<CodeSection> Sections() const = 0;
};

// False where products of the rows with themselves leave the middle of what a float holds, so that sums of parts of them lose all
// their bits: most rows beyond 1e12 or, all their elements, below 1e-12. By direction lengths do not matter.
bool CodesCanTell(const VectorSource& source, Metric metric, const IvfLists& lists);

// Trains on a sample and codes every row of the lists. Cancelled when options.context is.
Result<std::unique_ptr<ListCodes>> BuildListCodes(const CodeShape& shape, const VectorSource& source, Metric metric, const IvfLists& lists,
                                                  const BuildOptions& options);
// Null for a file without codes: an IVF_FLAT, or one from before there were any.
Result<std::unique_ptr<ListCodes>> OpenListCodes(const IndexFileReader& file, const VectorSource& source, const IvfLists& lists);

// The kinds, for those two functions.
Result<std::unique_ptr<ListCodes>> BuildScalarCodes(const VectorSource& source, Metric metric, const IvfLists& lists,
                                                    const BuildOptions& options);
Result<std::unique_ptr<ListCodes>> OpenScalarCodes(const IndexFileReader& file, const VectorSource& source, const IvfLists& lists);
Result<std::unique_ptr<ListCodes>> BuildProductCodes(size_t subspaces, const VectorSource& source, Metric metric, const IvfLists& lists,
                                                     const BuildOptions& options);
Result<std::unique_ptr<ListCodes>> BuildBitCodes(const VectorSource& source, Metric metric, const IvfLists& lists,
                                                 const BuildOptions& options);
Result<std::unique_ptr<ListCodes>> OpenBitCodes(const IndexFileReader& file, const VectorSource& source, const IvfLists& lists);
Result<std::unique_ptr<ListCodes>> OpenProductCodes(size_t subspaces, const IndexFileReader& file, const VectorSource& source,
                                                    const IvfLists& lists);

// The mean of all centroids: what L2 queries are taken relative to. Zeros for IP.
std::vector<float> CentroidMean(const IvfLists& lists, Metric metric, size_t dim);

template <typename T>
CodeSection MakeSection(Section section, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {section, std::vector<std::byte>(bytes.begin(), bytes.end())};
}

}  // namespace saker::index
