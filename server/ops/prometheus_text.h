// Metrics in Prometheus' text format 0.0.4.
#pragma once

#include <string>
#include <vector>

#include "common/metrics.h"

namespace saker::ops {

inline constexpr const char* kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

std::string PrometheusText(const std::vector<MetricFamily>& families);

}  // namespace saker::ops
