// The process' own metrics under the names every Prometheus client uses, read from /proc at each scrape.
#pragma once

#include <vector>

#include "common/metrics.h"

namespace saker::ops {

std::vector<MetricFamily> ProcessMetrics();

}  // namespace saker::ops
