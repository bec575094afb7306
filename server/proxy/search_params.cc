#include "server/proxy/search_params.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

// Keys that mean something here; an index never sees them.
constexpr std::array<std::string_view, 27> kOwnKeys = {"anns_field",
                                                       "metric_type",
                                                       "topk",
                                                       "limit",
                                                       "offset",
                                                       "round_decimal",
                                                       "ignore_growing",
                                                       "radius",
                                                       "range_filter",
                                                       "group_by_field",
                                                       "group_size",
                                                       "strict_group_size",
                                                       "order_by_fields",
                                                       "iterator",
                                                       "collection_id",
                                                       "search_iter_v2",
                                                       "search_iter_batch_size",
                                                       "search_iter_last_bound",
                                                       "search_iter_id",
                                                       "hints",
                                                       "analyzer_name",
                                                       "bm25_statistics",
                                                       "timezone",
                                                       "time_fields",
                                                       "cluster_id",
                                                       "json_path",
                                                       "json_type"};

template <typename... Parts>
Status Bad(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kInvalidParameter, parts...);
}

Result<std::optional<float>> ReadFloat(const Params& params, std::string_view key) {
  const std::string* text = params.Find(key);
  if (text == nullptr || text->empty()) return std::optional<float>();
  double value = 0;
  if (!ParseNumber(*text, &value)) return Bad("Type conflict in json: param '", key, "' (", *text, ") should be a number");
  return std::optional<float>(static_cast<float>(value));
}

Status ReadGrouping(const Params& params, SearchParams* out) {
  out->group_by_field = params.Text("group_by_field");
  out->group_size = TRY(params.Integer("group_size")).value_or(1);
  out->strict_group_size = TRY(params.Boolean("strict_group_size")).value_or(false);
  if (out->group_by_field.empty()) return OkStatus();
  if (out->group_size < 1)
    return Bad("input group size:", out->group_size, " is negative or zero, it should be in range [1, ", kMaxGroupSize, "]");
  if (out->group_size > kMaxGroupSize) {
    return Bad("input group size:", out->group_size, " exceeds configured max group size:", kMaxGroupSize);
  }
  if (params.Has("json_path")) return NotSupported("group by a JSON path is not supported by this version of the server");
  if (out->iterator) return Refused("Not allowed to do groupBy when doing iteration");
  if (out->radius) return Refused("Not allowed to do range-search when doing search-group-by");
  return OkStatus();
}

Status ReadIterator(const Params& params, SearchParams* out) {
  out->iterator_v2 = TRY(params.Boolean("search_iter_v2")).value_or(false);
  out->iterator = out->iterator_v2 || TRY(params.Boolean("iterator")).value_or(false);
  out->collection_id = TRY(params.Integer("collection_id"));
  if (!out->iterator_v2) return OkStatus();
  out->iterator_token = params.Text("search_iter_id");
  out->last_bound = TRY(ReadFloat(params, "search_iter_last_bound"));
  const std::optional<int64_t> batch = TRY(params.Integer("search_iter_batch_size"));
  if (batch) out->topk = *batch;
  return OkStatus();
}

}  // namespace

Result<int> ReadRoundDecimal(const Params& params) {
  const std::string* text = params.Find("round_decimal");
  int64_t value = -1;
  if (text == nullptr || text->empty()) return -1;
  if (!ParseInteger(*text, &value) || value < -1 || value > 6) {
    return Bad("round_decimal [", *text, "] is invalid, should be -1 or an integer in range [0, 6]");
  }
  return static_cast<int>(value);
}

Result<SearchParams> ReadSearchParams(const KeyValues& source) {
  const Params params = TRY(Params::Parse(source));
  SearchParams out;
  out.anns_field = params.Text("anns_field");
  out.metric = UpperCase(params.Text("metric_type"));
  const std::string_view topk_key = params.Has("topk") ? "topk" : "limit";
  const std::string* topk = params.Find(topk_key);
  if (topk != nullptr && !ParseInteger(*topk, &out.topk)) return Bad("topk [", *topk, "] is invalid");
  const std::string* offset = params.Find("offset");
  if (offset != nullptr && !offset->empty() && !ParseInteger(*offset, &out.offset)) return Bad("offset [", *offset, "] is invalid");
  out.round_decimal = TRY(ReadRoundDecimal(params));
  out.ignore_growing = TRY(params.Boolean("ignore_growing")).value_or(false);
  out.radius = TRY(ReadFloat(params, "radius"));
  out.range_filter = TRY(ReadFloat(params, "range_filter"));
  if (out.range_filter && !out.radius) {
    return Bad("range_filter requires radius to be set; range_filter alone is not a valid range search parameter");
  }
  TRY(ReadIterator(params, &out));
  TRY(ReadGrouping(params, &out));
  out.order_by_fields = params.Text("order_by_fields");
  out.analyzer_name = params.Text("analyzer_name");
  const std::string statistics = LowerCase(params.Text("bm25_statistics"));
  out.bm25_of_partitions = statistics == "partition";
  if (!statistics.empty() && statistics != "partition" && statistics != "collection") {
    return Bad("bm25_statistics [", statistics, "] is invalid, it should be collection or partition");
  }
  for (const auto& [key, value] : params.values()) {
    if (std::find(kOwnKeys.begin(), kOwnKeys.end(), key) == kOwnKeys.end()) out.index_params.emplace(key, value);
  }
  if (topk == nullptr && out.topk == 0) return Bad("topk not found in search_params");
  return out;
}

Status CheckQueryCount(size_t nq) {
  if (nq >= 1 && nq <= static_cast<size_t>(kMaxWindow)) return OkStatus();
  return Bad("nq [", nq, "] is invalid, nq (number of search vector per search request) should be in range [1, ", kMaxWindow, "], but got ",
             nq);
}

Status CheckTopK(int64_t topk, int64_t offset) {
  if (topk < 1 || topk > kMaxWindow) {
    return Bad("topk [", topk, "] is invalid, it should be in range [1, ", kMaxWindow, "], but got ", topk);
  }
  if (offset < 0 || offset > kMaxWindow) {
    return Bad("offset [", offset, "] is invalid, it should be in range [0, ", kMaxWindow, "], but got ", offset);
  }
  if (topk + offset > kMaxWindow) {
    return Bad("offset+topk [", topk + offset, "] is invalid, (offset+limit) should be in range [1, ", kMaxWindow, "], but got ",
               topk + offset);
  }
  return OkStatus();
}

void RoundScores(int decimals, std::vector<float>* scores) {
  if (decimals < 0) return;
  const double scale = std::pow(10.0, decimals);
  for (float& score : *scores) score = static_cast<float>(std::round(static_cast<double>(score) * scale) / scale);
}

}  // namespace saker::proxy
