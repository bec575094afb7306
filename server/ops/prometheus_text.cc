#include "server/ops/prometheus_text.h"

#include <charconv>
#include <cmath>
#include <string_view>

namespace saker::ops {

namespace {

// A help text escapes backslash and newline, a label's value the quote as well.
void AppendEscaped(std::string* out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out->append("\\\\");
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '"' && quotes) {
      out->append("\\\"");
    } else {
      out->push_back(c);
    }
  }
}

void AppendNumber(std::string* out, double value) {
  if (std::isnan(value)) {
    out->append("NaN");
  } else if (std::isinf(value)) {
    out->append(value > 0 ? "+Inf" : "-Inf");
  } else {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
    out->append(text, end);
  }
}

// `le` is a histogram's extra label; nullptr elsewhere.
void AppendSample(std::string* out, std::string_view name, std::string_view suffix, const Labels& labels, const double* le, double value) {
  out->append(name).append(suffix);
  if (!labels.empty() || le != nullptr) {
    char separator = '{';
    for (const auto& [key, text] : labels) {
      out->push_back(separator);
      separator = ',';
      out->append(key).append("=\"");
      AppendEscaped(out, text, true);
      out->push_back('"');
    }
    if (le != nullptr) {
      out->push_back(separator);
      out->append("le=\"");
      AppendNumber(out, *le);
      out->push_back('"');
    }
    out->push_back('}');
  }
  out->push_back(' ');
  AppendNumber(out, value);
  out->push_back('\n');
}

void AppendHistogram(std::string* out, const std::string& name, const MetricSample& sample) {
  uint64_t cumulative = 0;
  for (size_t i = 0; i < sample.buckets.size(); ++i) {
    cumulative += sample.buckets[i];
    const double bound = i < sample.bounds.size() ? sample.bounds[i] : INFINITY;
    AppendSample(out, name, "_bucket", sample.labels, &bound, static_cast<double>(cumulative));
  }
  AppendSample(out, name, "_sum", sample.labels, nullptr, sample.sum);
  AppendSample(out, name, "_count", sample.labels, nullptr, static_cast<double>(cumulative));
}

}  // namespace

std::string PrometheusText(const std::vector<MetricFamily>& families) {
  std::string out;
  for (const MetricFamily& family : families) {
    if (family.samples.empty()) continue;
    out.append("# HELP ").append(family.name).push_back(' ');
    AppendEscaped(&out, family.help, false);
    out.append("\n# TYPE ").append(family.name);
    out.append(family.kind == MetricKind::kCounter ? " counter\n" : family.kind == MetricKind::kGauge ? " gauge\n" : " histogram\n");
    for (const MetricSample& sample : family.samples) {
      if (family.kind == MetricKind::kHistogram) {
        AppendHistogram(&out, family.name, sample);
      } else {
        AppendSample(&out, family.name, "", sample.labels, nullptr, sample.value);
      }
    }
  }
  return out;
}

}  // namespace saker::ops
