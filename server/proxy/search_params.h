// What the parameters of one nearest-neighbour request say, read alike for every dialect.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/result.h"
#include "server/proxy/params.h"

namespace saker::proxy {

inline constexpr int64_t kMaxWindow = 16384;  // of topk, of offset + topk, of nq
inline constexpr int64_t kMaxGroupSize = 10;

struct SearchParams {
  std::string anns_field;
  std::string metric;  // upper case; empty: the index'
  int64_t topk = 0;
  int64_t offset = 0;
  int round_decimal = -1;
  bool ignore_growing = false;
  std::optional<float> radius;
  std::optional<float> range_filter;
  std::string group_by_field;
  int64_t group_size = 1;
  bool strict_group_size = false;
  std::string order_by_fields;
  std::string analyzer_name;        // of a text field with several
  bool bm25_of_partitions = false;  // BM25 counts the searched partitions only, not the collection
  bool iterator = false;            // any generation's
  bool iterator_v2 = false;         // asks for token and last_bound
  std::string iterator_token;
  std::optional<float> last_bound;
  std::optional<int64_t> collection_id;
  std::map<std::string, std::string> index_params;  // all that is left
};

Result<SearchParams> ReadSearchParams(const KeyValues& source);
Status CheckQueryCount(size_t nq);
Status CheckTopK(int64_t topk, int64_t offset);
Result<int> ReadRoundDecimal(const Params& params);
void RoundScores(int decimals, std::vector<float>* scores);

}  // namespace saker::proxy
