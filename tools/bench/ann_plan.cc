#include "tools/bench/ann_plan.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include "tools/bench/filters.h"

namespace saker::bench {
namespace {

constexpr size_t kMostK = 16384;  // as in Milvus

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

Result<Params> ParseParams(const std::vector<std::string>& texts) {
  Params params;
  for (const std::string& text : texts) {
    const size_t equal = text.find('=');
    if (equal == 0 || equal == std::string::npos) return InvalidArgument("'", text, "' is not KEY=VALUE");
    params[text.substr(0, equal)] = text.substr(equal + 1);
  }
  return params;
}

Status CheckNumbers(const AnnOptions& options, const VectorRows& base) {
  if (options.k == 0 || options.k > kMostK) return InvalidArgument("--k ", options.k, "; it can be 1 to ", kMostK);
  if (options.nq == 0 || options.threads < 1 || options.build_threads < 1)
    return InvalidArgument("--nq, --threads and --build-threads must be at least 1");
  if (base.row_count() == 0) return InvalidArgument(options.base, ": no rows");
  for (const double recall : options.recalls) {
    if (!(recall > 0 && recall <= 1)) return InvalidArgument("--recall ", recall, " is not in (0, 1]");
  }
  TRY(CheckFilterKind(options.filter_kind));
  for (const double selectivity : options.filter_selectivities) {
    if (!(selectivity > 0 && selectivity <= 1)) return InvalidArgument("--filter-selectivity ", selectivity, " is not in (0, 1]");
    if (selectivity < 1) TRY(CheckFilterLeavesRows(options.filter_kind, selectivity, base.row_count()));
  }
  if (options.nq > 1 && (options.filter_kind == "near" || options.filter_kind == "far"))
    return InvalidArgument("--filter-kind ", options.filter_kind, " is a filter for each query: --nq must be 1");
  return OkStatus();
}

// Of a type that a user names without parameters. The others' are index/spec.cc's.
void Complete(const VectorRows& base, index::IndexSpec* spec) {
  if (spec->type.find("IVF") != std::string::npos || spec->type == "SCANN") {
    const auto lists = static_cast<size_t>(4 * std::sqrt(static_cast<double>(base.row_count())));
    spec->params.try_emplace("nlist", std::to_string(std::clamp<size_t>(lists, 1, std::min<size_t>(base.row_count(), 65536))));
  }
  if (spec->type == "IVF_PQ" && !spec->params.contains("m")) {
    // m codes of 8 bits become 2m of 4 bits (index/README.md): one for two dimensions, or the next finer cut that divides them.
    size_t m = std::max<size_t>((base.dim() + 3) / 4, 1);
    while (base.dim() % m != 0) ++m;
    spec->params["m"] = std::to_string(m);
  }
}

std::vector<std::string> Integers(size_t low, size_t high) {
  std::vector<std::string> out;
  for (double value = static_cast<double>(low); value <= static_cast<double>(high); value = std::max(value + 1, value * 1.12)) {
    out.push_back(std::to_string(static_cast<size_t>(value)));
  }
  return out;
}

}  // namespace

Result<index::Metric> MetricOf(std::string name) {
  name = Upper(name);
  if (name == "COS") name = "COSINE";
  for (const auto metric :
       {index::Metric::kL2, index::Metric::kIp, index::Metric::kCosine, index::Metric::kHamming, index::Metric::kJaccard}) {
    if (index::MetricName(metric) == name) return metric;
  }
  return InvalidArgument("--metric ", name, " is unknown; it is l2, ip, cosine, hamming or jaccard");
}

Result<AnnPlan> PlanAnn(const AnnOptions& options, index::Metric metric, const VectorRows& base) {
  TRY(CheckNumbers(options, base));
  AnnPlan plan;
  plan.given = TRY(ParseParams(options.params));
  plan.extra = TRY(ParseParams(options.search_params));
  plan.spec = {Upper(options.index), metric, plan.given};
  Complete(base, &plan.spec);
  plan.spec = TRY(index::ValidateSpec(plan.spec, base.type(), base.dim()));
  TRY(index::ValidateSearchParams(plan.spec, plan.extra, options.k));
  return plan;
}

std::vector<Knob> KnobsOf(const index::IndexSpec& spec, size_t k) {
  const auto of = [](const char* name, const std::vector<std::string>& values, const Params& fixed = {}) {
    Knob knob;
    for (const std::string& value : values) {
      knob.settings.push_back(fixed);
      knob.settings.back()[name] = value;
    }
    return knob;
  };
  const std::string& type = spec.type;
  if (type == "AUTOINDEX") {
    std::vector<std::string> targets;
    for (double missed = 0.5; missed > 0.0001; missed *= 0.93) targets.push_back(std::to_string(1 - missed));
    return {of("target_recall", targets)};
  }
  if (type.starts_with("HNSW")) {
    std::vector<std::string> gammas;
    for (double gamma = 0.9; gamma <= 1.6; gamma += gamma < 1.15 ? 0.0025 : 0.01) gammas.push_back(std::to_string(gamma));
    return {of("ef", Integers(k, std::max<size_t>(4096, k))), of("gamma", gammas, {{"ef", std::to_string(std::max<size_t>(20 * k, 512))}})};
  }
  if (type == "DISKANN") return {of("search_list", Integers(k, std::max<size_t>(2048, k)))};
  if (const auto found = spec.params.find("nlist"); found != spec.params.end()) {
    return {of("nprobe", Integers(1, static_cast<size_t>(std::atoll(found->second.c_str()))))};
  }
  return {Knob{{Params{}}}};
}

}  // namespace saker::bench
