// Index types, their parameters and what Milvus says when one is wrong (milvus-protocol.md 3.3 and 5.2).
#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "index/params.h"

namespace saker::index {
namespace {

enum class Kind { kInt, kFloat, kBool, kChoice };

struct Rule {
  std::string_view name;
  Kind kind;
  double low = 0;
  double high = 0;
  std::string_view fallback = {};  // filled in when the user gave none; empty: stays absent
  std::string_view choices = {};   // upper-case, between spaces
};

constexpr unsigned Mask(VectorType type) {
  return 1u << static_cast<unsigned>(type);
}
constexpr unsigned kDense = Mask(VectorType::kFloat32) | Mask(VectorType::kFloat16) | Mask(VectorType::kBFloat16) | Mask(VectorType::kInt8);
constexpr unsigned kBinary = Mask(VectorType::kBinary);
constexpr unsigned kSparse = Mask(VectorType::kSparse);
constexpr double kMaxInt = 2147483647;

struct Family {
  std::string_view type;
  unsigned vectors;
  Serving serving;
  std::vector<Rule> build;
  std::vector<Rule> search;
};

constexpr std::string_view kRefineTypes = " SQ6 SQ8 FP16 BF16 FP32 FLAT SQ4U ";
constexpr std::string_view kSparseAlgorithms = " TAAT_NAIVE DAAT_WAND DAAT_MAXSCORE BLOCK_MAX_MAXSCORE BLOCK_MAX_WAND SINDI ";

const std::vector<Family>& Families() {
  const Rule m{"M", Kind::kInt, 2, 2048, "20"}, ef_construction{"efConstruction", Kind::kInt, 1, kMaxInt, "360"};
  const Rule ef{"ef", Kind::kInt, 1, kMaxInt}, gamma{"gamma", Kind::kFloat, 0.5, 10}, refine_k{"refine_k", Kind::kFloat, 1, kMaxInt};
  const Rule refine{"refine", Kind::kBool}, refine_type{"refine_type", Kind::kChoice, 0, 0, {}, kRefineTypes};
  const Rule nlist{"nlist", Kind::kInt, 1, 65536, "128"}, nprobe{"nprobe", Kind::kInt, 1, 65536};
  const Rule empty_buckets{"max_empty_result_buckets", Kind::kInt, 1, 65536};
  const Rule algorithm{"inverted_index_algo", Kind::kChoice, 0, 0, "DAAT_MAXSCORE", kSparseAlgorithms};
  const std::vector<Rule> sparse_build = {
      algorithm,
      {"drop_ratio_build", Kind::kFloat, 0, 1},
      {"bm25_k1", Kind::kFloat, 0, 3},
      {"bm25_b", Kind::kFloat, 0, 1},
      {"bm25_avgdl", Kind::kFloat, 1, kMaxInt}};  // as in Milvus no score depends on it: the average is the collection's at each search
  const std::vector<Rule> sparse_search = {{"drop_ratio_search", Kind::kFloat, 0, 1},
                                           {"dim_max_score_ratio", Kind::kFloat, 0.5, 1.3},
                                           {"refine_factor", Kind::kInt, 1, kMaxInt}};
  static const std::vector<Family> families = {
      {"FLAT", kDense, Serving::kFlat, {}, {}},
      {"BIN_FLAT", kBinary, Serving::kFlat, {}, {}},
      {"BIN_IVF_FLAT", kBinary, Serving::kLists, {nlist}, {nprobe}},
      {"HNSW", kDense, Serving::kGraph, {m, ef_construction}, {ef, gamma}},
      {"HNSW_SQ",
       kDense,
       Serving::kGraph,
       {m, ef_construction, {"sq_type", Kind::kChoice, 0, 0, "SQ8", " SQ4U SQ6 SQ8 FP16 BF16 "}, refine, refine_type},
       {ef, gamma, refine_k}},
      {"HNSW_PQ",
       kDense,
       Serving::kGraph,
       {m, ef_construction, {"m", Kind::kInt, 1, 65536, "32"}, {"nbits", Kind::kInt, 1, 24, "8"}, refine, refine_type},
       {ef, gamma, refine_k}},
      {"HNSW_PRQ",
       kDense,
       Serving::kGraph,
       {m,
        ef_construction,
        {"m", Kind::kInt, 1, 65536, "2"},
        {"nrq", Kind::kInt, 1, 64, "2"},
        {"nbits", Kind::kInt, 1, 24, "8"},
        refine,
        refine_type},
       {ef, gamma, refine_k}},
      {"DISKANN",
       kDense,
       Serving::kDisk,
       {{"max_degree", Kind::kInt, 1, 2048, "56"},
        {"search_list_size", Kind::kInt, 1, kMaxInt, "100"},
        {"pq_code_budget_gb_ratio", Kind::kFloat, 0, 1, "0.09"},
        {"search_cache_budget_gb_ratio", Kind::kFloat, 0, 1, "0.01"},
        {"build_dram_budget_gb_ratio", Kind::kFloat, 0, 1000}},
       {{"search_list", Kind::kInt, 1, kMaxInt}, {"search_list_size", Kind::kInt, 1, kMaxInt}, {"beamwidth", Kind::kInt, 1, 128}}},
      {"IVF_FLAT", kDense, Serving::kLists, {nlist}, {nprobe, empty_buckets}},
      {"IVF_SQ8", kDense, Serving::kLists, {nlist}, {nprobe, empty_buckets}},
      {"IVF_PQ", kDense, Serving::kLists, {nlist, {"m", Kind::kInt, 1, 65536}, {"nbits", Kind::kInt, 1, 24, "8"}}, {nprobe, empty_buckets}},
      {"IVF_RABITQ",
       kDense,
       Serving::kLists,
       {nlist, refine, refine_type},
       {nprobe, {"rbq_query_bits", Kind::kInt, 0, 8}, {"rbq_bits_query", Kind::kInt, 0, 8}, refine_k}},
      {"SCANN",
       kDense,
       Serving::kLists,
       {nlist, {"with_raw_data", Kind::kBool}, {"sub_dim", Kind::kInt, 1, 65536, "2"}},
       {nprobe, {"reorder_k", Kind::kInt, 1, kMaxInt}}},
      {"SPARSE_INVERTED_INDEX", kSparse, Serving::kSparse, sparse_build, sparse_search},
      {"SPARSE_WAND", kSparse, Serving::kSparse, sparse_build, sparse_search},
      {"AUTOINDEX",
       kDense | kBinary | kSparse,
       Serving::kAuto,
       {},
       {{"level", Kind::kInt, 1, 10}, {"target_recall", Kind::kFloat, 0.5, 0.9999}, ef, nprobe}},
  };
  return families;
}

const Family* FindFamily(const std::string& type) {
  for (const Family& family : Families()) {
    if (family.type == type) return &family;
  }
  return nullptr;
}

std::string_view TypeName(VectorType type) {
  switch (type) {
    case VectorType::kFloat32: return "FloatVector";
    case VectorType::kFloat16: return "Float16Vector";
    case VectorType::kBFloat16: return "BFloat16Vector";
    case VectorType::kInt8: return "Int8Vector";
    case VectorType::kBinary: return "BinaryVector";
    case VectorType::kSparse: return "SparseFloatVector";
  }
  return "None";
}

template <typename T>
std::optional<T> Parse(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

bool IsInteger(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Status CheckInt(const Rule& rule, const std::string& text, bool build) {
  if (!IsInteger(text)) {
    if (build) return InvalidArgument("invalid integer value, key: '", rule.name, "', value: '", text, "': invalid parameter");
    return InvalidArgument("Type conflict in json: param '", rule.name, "' (", text, ") should be integer");
  }
  const std::optional<int64_t> value = Parse<int64_t>(text);
  const auto low = static_cast<int64_t>(rule.low), high = static_cast<int64_t>(rule.high);
  if (value.has_value() && *value >= low && *value <= high) return OkStatus();
  return InvalidArgument("Out of range in json: param '", rule.name, "' (", text, ") should be in range [", low, ", ", high, "]");
}

Status CheckFloat(const Rule& rule, const std::string& text) {
  const std::optional<double> value = Parse<double>(text);
  if (!value.has_value()) return InvalidArgument("Type conflict in json: param '", rule.name, "' (", text, ") should be a number");
  const bool half_open = rule.name.starts_with("drop_ratio");  // [0, 1)
  if (*value >= rule.low && (half_open ? *value < rule.high : *value <= rule.high)) return OkStatus();
  return InvalidArgument("Out of range in json: param '", rule.name, "' (", std::to_string(*value), ") should be in range [",
                         std::to_string(rule.low), ", ", std::to_string(rule.high), half_open ? ")" : "]");
}

Status CheckParam(const Rule& rule, const std::string& text, bool build) {
  switch (rule.kind) {
    case Kind::kInt: return CheckInt(rule, text, build);
    case Kind::kFloat: return CheckFloat(rule, text);
    case Kind::kBool: {
      const std::string upper = Upper(text);
      if (upper == "TRUE" || upper == "FALSE") return OkStatus();
      return InvalidArgument("Type conflict in json: param '", rule.name, "' (", text, ") should be a boolean");
    }
    case Kind::kChoice: {
      const bool known =
          text.find(' ') == std::string::npos && !text.empty() && rule.choices.find(" " + Upper(text) + " ") != std::string_view::npos;
      if (known) return OkStatus();
      if (rule.name == "sq_type")
        return InvalidArgument("invalid scalar quantizer type: ", text, ", optional types are [", rule.choices, "]");
      if (rule.name == "refine_type") return InvalidArgument("invalid refine type : ", text, ", optional types are [", rule.choices, "]");
      return InvalidArgument("sparse inverted index algo ", text, " not found or not supported, supported: [", rule.choices, "]");
    }
  }
  return OkStatus();
}

Status CheckMetric(VectorType type, Metric metric) {
  if (type == VectorType::kSparse) {
    return metric == Metric::kIp || metric == Metric::kBm25 ? OkStatus()
                                                            : InvalidArgument("only IP&BM25 is the supported metric type for sparse index");
  }
  const bool binary = type == VectorType::kBinary;
  if (binary == IsBinaryMetric(metric) && metric != Metric::kBm25) return OkStatus();
  return InvalidArgument(binary ? "binary" : "float", " vector index does not support metric type: ", MetricName(metric));
}

bool IsCommonKey(const std::string& key) {
  static const std::vector<std::string_view> keys = {
      "mmap.enabled", "indexoffsetcache.enabled", "warmup", "index_type", "metric_type", "params", "dim"};
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Rules between parameters.
Status CheckTogether(const IndexSpec& spec, size_t dim) {
  const auto value = [&](const char* name) {
    const auto found = spec.params.find(name);
    return found == spec.params.end() ? size_t{0} : static_cast<size_t>(Parse<int64_t>(found->second).value_or(0));
  };
  if (spec.type == "IVF_PQ" && value("m") == 0) return InvalidArgument("param 'm' not exist in json");
  if (spec.type == "IVF_PQ" || spec.type == "HNSW_PQ" || spec.type == "HNSW_PRQ") {
    if (dim % value("m") != 0) {
      return InvalidArgument("The dimension of ", spec.type == "IVF_PQ" ? "a" : "the",
                             " vector (dim) should be a multiple of the number of subquantizers (m). Dimension:", dim, ", m:", value("m"));
    }
  }
  if (spec.type == "SCANN" && dim % value("sub_dim") != 0) {
    return InvalidArgument("The dimension of a vector (dim) should be a multiple of sub_dim. Dimension:", dim,
                           ", sub_dim:", value("sub_dim"));
  }
  if (spec.type == "HNSW" && spec.params.contains("refine")) return InvalidArgument("refine is not supported for this index");
  if (spec.type == "BIN_IVF_FLAT" && spec.metric > Metric::kJaccard) {
    return InvalidArgument("metric type ", MetricName(spec.metric), " not found or not supported, supported: [HAMMING JACCARD]");
  }
  return OkStatus();
}

// Of what nobody gave, Milvus' defaults where they divide the dimension, else the next smaller number that does.
void FitDefaults(const Params& given, size_t dim, IndexSpec* spec) {
  for (const char* name : {"m", "sub_dim"}) {
    const auto found = spec->params.find(name);
    if (found == spec->params.end() || given.contains(name) || dim == 0) continue;
    size_t value = std::min<size_t>(static_cast<size_t>(Parse<int64_t>(found->second).value_or(1)), dim);
    while (dim % value != 0) --value;
    found->second = std::to_string(value);
  }
}

size_t IntParam(const Params& params, const char* name, size_t fallback) {
  const auto found = params.find(name);
  if (found == params.end()) return fallback;
  return static_cast<size_t>(Parse<int64_t>(found->second).value_or(static_cast<int64_t>(fallback)));
}

}  // namespace

Result<IndexSpec> ValidateSpec(const IndexSpec& spec, VectorType type, size_t dim) {
  const Family* family = FindFamily(spec.type);
  if (family == nullptr) return InvalidArgument("invalid index type: ", spec.type);
  if ((family->vectors & Mask(type)) == 0) return InvalidArgument("data type ", TypeName(type), " can't build with this index ", spec.type);
  TRY(CheckMetric(type, spec.metric));
  IndexSpec out = spec;
  for (const Rule& rule : family->build) {
    const auto found = out.params.find(std::string(rule.name));
    if (found != out.params.end()) {
      TRY(CheckParam(rule, found->second, true));
    } else if (!rule.fallback.empty()) {
      out.params[std::string(rule.name)] = rule.fallback;
    }
  }
  if (spec.type == "AUTOINDEX") {
    for (const auto& [key, value] : spec.params) {
      if (!IsCommonKey(key)) return InvalidArgument("only metric type can be passed when use AutoIndex");
    }
  }
  FitDefaults(spec.params, dim, &out);
  TRY(CheckTogether(out, dim));
  return out;
}

Status ValidateSearchParams(const IndexSpec& spec, const Params& params, size_t k) {
  const Family* family = FindFamily(spec.type);
  if (family == nullptr) return InvalidArgument("invalid index type: ", spec.type);
  for (const Rule& rule : family->search) {
    const auto found = params.find(std::string(rule.name));
    if (found != params.end()) TRY(CheckParam(rule, found->second, false));
  }
  // Widths that must hold k. AUTOINDEX looks at no width of the disk graph, as Milvus'.
  static constexpr const char* kWidths[] = {"ef", "search_list", "search_list_size", "reorder_k"};
  for (const char* name : kWidths) {
    const bool known = std::any_of(family->search.begin(), family->search.end(), [&](const Rule& rule) { return rule.name == name; });
    if (!known || !params.contains(name)) continue;
    const size_t width = IntParam(params, name, k);
    const char* shown = std::string_view(name) == "search_list" ? "search_list_size" : name;
    if (width < k) return InvalidArgument(shown, "(", width, ") should be larger than k(", k, ")");
  }
  return OkStatus();
}

Result<Serving> ServingOf(const std::string& type, VectorType vector_type) {
  const Family* family = FindFamily(type);
  if (family == nullptr) return InvalidArgument("invalid index type: ", type);
  if (type != "AUTOINDEX") return family->serving;
  if (vector_type == VectorType::kBinary) return Serving::kFlat;
  return vector_type == VectorType::kSparse ? Serving::kSparse : Serving::kAuto;
}

double RecallTarget(const Params& params) {
  static constexpr double kLevels[] = {0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.995, 0.998, 0.9995};
  if (const auto found = params.find("target_recall"); found != params.end()) return Parse<double>(found->second).value_or(kLevels[0]);
  return kLevels[std::clamp<size_t>(IntParam(params, "level", 1), 1, std::size(kLevels)) - 1];
}

GraphShape GraphShapeOf(const IndexSpec& spec) {
  if (spec.type == "AUTOINDEX") return {18, 240};  // over bits
  if (spec.type == "DISKANN") {
    const auto degree = static_cast<uint32_t>(IntParam(spec.params, "max_degree", 56));
    return {std::max<uint32_t>(degree / 2, 2), static_cast<uint32_t>(IntParam(spec.params, "search_list_size", 100))};
  }
  return {static_cast<uint32_t>(IntParam(spec.params, "M", 20)), static_cast<uint32_t>(IntParam(spec.params, "efConstruction", 360))};
}

GraphEffort GraphEffortOf(const IndexSpec& spec, const Params& params, size_t k) {
  constexpr size_t kDefault = 64;  // Milvus takes 16, which finds too little
  if (spec.type == "AUTOINDEX") {  // over bits
    const double effort = std::clamp(0.05 / (1 - RecallTarget(params)), 1.0, 16.0);
    return {std::max({k + k / 4, static_cast<size_t>(effort * static_cast<double>(kDefault)), IntParam(params, "ef", 0)}), 0};
  }
  if (spec.type == "DISKANN")
    return {std::max(k, IntParam(params, "search_list", IntParam(params, "search_list_size", std::max(k, kDefault)))), 0};
  const auto gamma = params.find("gamma");
  if (gamma == params.end()) return {std::max(k, IntParam(params, "ef", std::max(k, kDefault))), 0};
  return {std::max(k, IntParam(params, "ef", std::max<size_t>(4 * k, 512))), static_cast<float>(Parse<double>(gamma->second).value_or(1))};
}

DiskShape DiskShapeOf(const IndexSpec& spec) {
  const auto share = [&](const char* name, double fallback) {
    const auto found = spec.params.find(name);
    return found == spec.params.end() ? fallback : Parse<double>(found->second).value_or(fallback);
  };
  return {static_cast<uint32_t>(IntParam(spec.params, "max_degree", 56)),
          static_cast<uint32_t>(IntParam(spec.params, "search_list_size", 100)), share("pq_code_budget_gb_ratio", 0.09),
          share("search_cache_budget_gb_ratio", 0.01), share("build_dram_budget_gb_ratio", 0)};
}

size_t BeamWidth(const Params& params) {
  return IntParam(params, "beamwidth", 8);
}

Bm25Statistics Bm25DefaultsOf(const IndexSpec& spec) {
  Bm25Statistics statistics;
  if (const auto k1 = spec.params.find("bm25_k1"); k1 != spec.params.end())
    statistics.k1 = Parse<double>(k1->second).value_or(statistics.k1);
  if (const auto b = spec.params.find("bm25_b"); b != spec.params.end()) statistics.b = Parse<double>(b->second).value_or(statistics.b);
  return statistics;
}

double DropRatio(const Params& params, const char* name) {
  const auto found = params.find(name);
  return found == params.end() ? 0 : Parse<double>(found->second).value_or(0);
}

size_t RefineFactor(const Params& params) {
  return IntParam(params, "refine_factor", 10);
}

size_t ListCount(const IndexSpec& spec) {
  return IntParam(spec.params, "nlist", 128);
}

size_t ProbeCount(const IndexSpec& spec, const Params& params) {
  return std::min(IntParam(params, "nprobe", 8), ListCount(spec));
}

size_t CandidateCount(const IndexSpec& spec, const Params& params, size_t k) {
  if (spec.type == "SCANN" && params.contains("reorder_k")) return std::max(k, IntParam(params, "reorder_k", k));
  if (const auto found = params.find("refine_k"); spec.type == "IVF_RABITQ" && found != params.end()) {
    const double share = Parse<double>(found->second).value_or(1);
    return std::max(k, static_cast<size_t>(std::min(share * static_cast<double>(k), 4e9)));
  }
  if (spec.type == "IVF_SQ8") return k + k / 4 + 8;
  if (spec.type == "IVF_RABITQ") return 10 * k + 100;
  return 4 * k + 60;
}

}  // namespace saker::index
