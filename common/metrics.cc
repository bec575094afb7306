#include "common/metrics.h"

#include <algorithm>

#include "common/check.h"
#include "common/mutex.h"

namespace saker {
namespace {

struct Family {
  std::string help;
  MetricKind kind;
  std::map<Labels, std::unique_ptr<Counter>> counters;
  std::map<Labels, std::unique_ptr<Gauge>> gauges;
  std::map<Labels, std::unique_ptr<Histogram>> histograms;
  std::map<Labels, std::function<double()>> callbacks;
};

struct Registry {
  Mutex mutex;
  std::map<std::string, Family, std::less<>> families GUARDED_BY(mutex);

  Family& Get(std::string_view name, std::string_view help, MetricKind kind) REQUIRES(mutex) {
    auto found = families.find(name);
    if (found == families.end()) {
      found = families.emplace(std::string(name), Family{}).first;
      found->second.help = help;
      found->second.kind = kind;
    }
    CHECK(found->second.kind == kind);
    return found->second;
  }
};

Registry& TheRegistry() {
  static Registry* registry = new Registry;  // never destroyed: handles are used until the process ends
  return *registry;
}

Labels Sorted(Labels labels) {
  std::sort(labels.begin(), labels.end());
  return labels;
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), buckets_(new std::atomic<uint64_t>[bounds_.size() + 1]()) {}

void Histogram::Observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  buckets_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<double> LatencySecondsBuckets() {
  std::vector<double> bounds;
  for (double bound = 50e-6; bound < 100; bound *= 1.4142135623730951) bounds.push_back(bound);
  return bounds;
}

std::vector<double> LatencyMillisecondsBuckets() {
  std::vector<double> bounds{0.1, 0.25, 0.5};
  for (double bound = 1; bound <= 131072; bound *= 2) bounds.push_back(bound);
  return bounds;
}

Counter& GetCounter(std::string_view name, std::string_view help, const Labels& labels) {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mutex);
  auto& slot = registry.Get(name, help, MetricKind::kCounter).counters[Sorted(labels)];
  if (slot == nullptr) slot = std::make_unique<Counter>();
  return *slot;
}

Gauge& GetGauge(std::string_view name, std::string_view help, const Labels& labels) {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mutex);
  auto& slot = registry.Get(name, help, MetricKind::kGauge).gauges[Sorted(labels)];
  if (slot == nullptr) slot = std::make_unique<Gauge>();
  return *slot;
}

Histogram& GetHistogram(std::string_view name, std::string_view help, std::vector<double> bounds, const Labels& labels) {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mutex);
  auto& slot = registry.Get(name, help, MetricKind::kHistogram).histograms[Sorted(labels)];
  if (slot == nullptr) slot = std::make_unique<Histogram>(std::move(bounds));
  return *slot;
}

void SetGaugeCallback(std::string_view name, std::string_view help, const Labels& labels, std::function<double()> read) {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mutex);
  registry.Get(name, help, MetricKind::kGauge).callbacks[Sorted(labels)] = std::move(read);
}

std::vector<MetricFamily> CollectMetrics() {
  std::vector<MetricFamily> out;
  std::vector<std::pair<std::pair<size_t, size_t>, std::function<double()>>> callbacks;
  Registry& registry = TheRegistry();
  {
    MutexLock lock(registry.mutex);
    for (const auto& [name, family] : registry.families) {
      MetricFamily rendered{name, family.help, family.kind, {}};
      for (const auto& [labels, counter] : family.counters) rendered.samples.push_back({labels, counter->value(), {}, {}, 0});
      for (const auto& [labels, gauge] : family.gauges) rendered.samples.push_back({labels, gauge->value(), {}, {}, 0});
      for (const auto& [labels, histogram] : family.histograms) {
        MetricSample sample{labels, 0, histogram->bounds(), {}, histogram->sum()};
        for (size_t i = 0; i <= sample.bounds.size(); ++i) sample.buckets.push_back(histogram->bucket(i));
        rendered.samples.push_back(std::move(sample));
      }
      for (const auto& [labels, read] : family.callbacks) {
        callbacks.push_back({{out.size(), rendered.samples.size()}, read});
        rendered.samples.push_back({labels, 0, {}, {}, 0});
      }
      out.push_back(std::move(rendered));
    }
  }
  // Outside the lock: a callback may itself take locks, or create a metric.
  for (auto& [place, read] : callbacks) out[place.first].samples[place.second].value = read();
  return out;
}

}  // namespace saker
