// Handles that a class holds to count what it does; the registry renders them in Prometheus' text format.
//
// Names are `saker_<module>_<noun>_<unit>` or the Milvus names of docs/metrics.md; label values come from small fixed
// sets. Creating a metric twice with the same name and labels gives the same handle. Handles live as long as the
// process. Thread-safe; an update is one relaxed atomic operation or two.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace saker {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void Add(double amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Counts per bucket; bounds are upper and inclusive, ascending.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void Observe(double value);

  const std::vector<double>& bounds() const { return bounds_; }
  uint64_t bucket(size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }  // not cumulative
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> buckets_;  // bounds_.size() + 1: the last is +Inf
  std::atomic<double> sum_{0};
};

// Half a power of two from 50 microseconds to 100 seconds, in seconds.
std::vector<double> LatencySecondsBuckets();
// Milvus' own: 0.1, 0.25, 0.5, 1, 2, 4 ... 131072, in milliseconds.
std::vector<double> LatencyMillisecondsBuckets();

Counter& GetCounter(std::string_view name, std::string_view help, const Labels& labels = {});
Gauge& GetGauge(std::string_view name, std::string_view help, const Labels& labels = {});
Histogram& GetHistogram(std::string_view name, std::string_view help, std::vector<double> bounds, const Labels& labels = {});
// A gauge that is asked at each scrape; `read` must be callable from any thread until the process ends.
void SetGaugeCallback(std::string_view name, std::string_view help, const Labels& labels, std::function<double()> read);

// What the exposer (server/ops) reads.
enum class MetricKind { kCounter, kGauge, kHistogram };
struct MetricSample {
  Labels labels;
  double value = 0;               // counter, gauge
  std::vector<double> bounds;     // histogram
  std::vector<uint64_t> buckets;  // not cumulative, bounds + 1
  double sum = 0;
};
struct MetricFamily {
  std::string name;
  std::string help;
  MetricKind kind;
  std::vector<MetricSample> samples;
};
std::vector<MetricFamily> CollectMetrics();

}  // namespace saker
