#include "index/metric.h"

namespace saker::index {

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kL2: return "L2";
    case Metric::kIp: return "IP";
    case Metric::kCosine: return "COSINE";
    case Metric::kHamming: return "HAMMING";
    case Metric::kJaccard: return "JACCARD";
    case Metric::kSubstructure: return "SUBSTRUCTURE";
    case Metric::kSuperstructure: return "SUPERSTRUCTURE";
    case Metric::kBm25: return "BM25";
  }
  return "UNKNOWN";
}

}  // namespace saker::index
