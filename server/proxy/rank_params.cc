#include <simdjson.h>

#include "server/proxy/rank.h"
#include "server/proxy/refusal.h"
#include "server/proxy/rescore.h"
#include "server/proxy/search_params.h"

namespace saker::proxy {
namespace {

Status ReadWeights(const std::string& text, size_t requests, std::vector<double>* weights) {
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (parser.parse(text).get(array) != simdjson::SUCCESS) return Invalid("rank param weights should be an array, got ", text);
  for (const simdjson::dom::element element : array) {
    double weight = 0;
    if (element.get(weight) != simdjson::SUCCESS) return Invalid("rank param weight should be a number, got ", text);
    if (!(weight >= 0 && weight <= 1)) return Invalid("rank param weight should be in range [0, 1], got ", weight);
    weights->push_back(weight);
  }
  if (weights->size() == requests) return OkStatus();
  return Invalid("the length of weights param mismatch with ann search requests: ", weights->size(), " weights, ", requests, " requests");
}

Status ReadStrategy(const std::string& strategy, const Params& params, size_t requests, RankParams* out) {
  if (strategy == "rrf" || strategy.empty()) {
    out->strategy = RankParams::Strategy::kRrf;
    out->k = TRY(params.Number("k")).value_or(60);
    if (out->k > 0 && out->k < 16384) return OkStatus();
    return Invalid("The rank params k should be in range (0, 16384), got ", out->k);
  }
  if (strategy != "weighted") return Invalid("unsupported rank type ", strategy);
  out->strategy = RankParams::Strategy::kWeighted;
  out->normalize = TRY(params.Boolean("norm_score")).value_or(false);
  const std::string* weights = params.Find("weights");
  if (weights == nullptr) return Invalid("weights not found in rank_params");
  return ReadWeights(*weights, requests, &out->weights);
}

}  // namespace

Result<RankParams> ReadRankParams(const KeyValues& source, const std::optional<FunctionScore>& score, size_t requests) {
  const Params params = TRY(Params::Parse(source));
  RankParams out;
  const FunctionSchema* rrf = score ? FindReranker(*score, "rrf") : nullptr;
  const FunctionSchema* weighted = score ? FindReranker(*score, "weighted") : nullptr;
  if (rrf != nullptr || weighted != nullptr) {
    const FunctionSchema& function = rrf != nullptr ? *rrf : *weighted;
    const Params function_params = TRY(Params::Parse(function.params));
    TRY(ReadStrategy(rrf != nullptr ? "rrf" : "weighted", function_params, requests, &out));
  } else {
    TRY(ReadStrategy(LowerCase(params.Text("strategy")), params, requests, &out));
  }
  const char* limit_key = params.Has("limit") ? "limit" : "topk";
  out.limit = TRY(params.Integer(limit_key)).value_or(0);
  out.offset = TRY(params.Integer("offset")).value_or(0);
  if (!params.Has(limit_key)) return Invalid("limit not found in rank_params");
  if (out.limit < 1 || out.limit > kMaxWindow) {
    return Invalid("limit [", out.limit, "] is invalid, it should be in range [1, ", kMaxWindow, "], but got ", out.limit);
  }
  TRY(CheckTopK(out.limit, out.offset));
  out.round_decimal = TRY(ReadRoundDecimal(params));
  out.group_by_field = params.Text("group_by_field");
  out.group_size = TRY(params.Integer("group_size")).value_or(1);
  out.strict_group_size = TRY(params.Boolean("strict_group_size")).value_or(false);
  if (out.group_size < 1 || out.group_size > kMaxGroupSize) {
    return Invalid("input group size:", out.group_size, " exceeds configured max group size:", kMaxGroupSize);
  }
  const std::string scorer = LowerCase(params.Text("rank_group_scorer"));
  if (scorer == "sum")
    out.group_score = RankParams::GroupScore::kSum;
  else if (scorer == "avg")
    out.group_score = RankParams::GroupScore::kAverage;
  else if (!scorer.empty() && scorer != "max")
    return Invalid("input group scorer type: ", scorer, " is not supported");
  return out;
}

}  // namespace saker::proxy
