#include "server/proxy/metrics.h"

namespace saker::proxy {
namespace {

struct Names {
  const char* function;
  const char* query_type;  // of sq_latency
  const char* msg_type;    // of mutation_latency
  const char* vectors;     // the counter's name
};

constexpr std::array<Names, kOperations> kNames = {{
    {"Insert", nullptr, "insert", "milvus_proxy_insert_vectors_count"},
    {"Upsert", nullptr, "upsert", "milvus_proxy_upsert_vectors_count"},
    {"Delete", nullptr, "delete", "milvus_proxy_delete_vectors_count"},
    {"Search", "search", nullptr, "milvus_proxy_search_vectors_count"},
    {"HybridSearch", "hybrid_search", nullptr, "milvus_proxy_search_vectors_count"},
    {"Query", "query", nullptr, nullptr},
    {"Flush", nullptr, nullptr, nullptr},
}};

}  // namespace

Metrics::Metrics() {
  for (size_t i = 0; i < kOperations; ++i) {
    const Names& names = kNames[i];
    PerOperation& op = operations_[i];
    const auto count = [&](const char* status) {
      return &GetCounter("milvus_proxy_req_count", "requests by function and how they ended",
                         {{"function_name", names.function}, {"status", status}});
    };
    op.total = count("total");
    op.success = count("success");
    op.fail = count("fail");
    op.latency = &GetHistogram("milvus_proxy_req_latency", "milliseconds of a request in the proxy", LatencyMillisecondsBuckets(),
                               {{"function_name", names.function}});
    op.kind_latency = nullptr;
    if (names.query_type != nullptr) {
      op.kind_latency = &GetHistogram("milvus_proxy_sq_latency", "milliseconds of a search or query", LatencyMillisecondsBuckets(),
                                      {{"query_type", names.query_type}});
    } else if (names.msg_type != nullptr) {
      op.kind_latency = &GetHistogram("milvus_proxy_mutation_latency", "milliseconds of a write", LatencyMillisecondsBuckets(),
                                      {{"msg_type", names.msg_type}});
    }
    op.vectors = names.vectors == nullptr ? nullptr : &GetCounter(names.vectors, "rows written, or vectors searched for");
  }
}

void Metrics::Timer::Done(const Status& status, size_t vectors) {
  PerOperation& op = metrics_.operations_[static_cast<size_t>(operation_)];
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  op.total->Add();
  (status.ok() ? op.success : op.fail)->Add();
  op.latency->Observe(ms);
  if (op.kind_latency != nullptr) op.kind_latency->Observe(ms);
  if (op.vectors != nullptr && status.ok()) op.vectors->Add(static_cast<double>(vectors));
}

}  // namespace saker::proxy
