#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "server/ops/ops_server.h"
#include "server/ops/process_metrics.h"
#include "server/ops/prometheus_text.h"

namespace saker::ops {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Get(uint16_t port, const std::string& request_line) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string request = request_line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(::send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string answer;
  char bytes[4096];
  for (ssize_t n; (n = ::recv(fd, bytes, sizeof(bytes), 0)) > 0;) answer.append(bytes, static_cast<size_t>(n));
  ::close(fd);
  return answer;
}

// What a scraper demands of the text: every line well formed, one TYPE per family before its samples, families not
// interleaved, no sample twice, histograms cumulative and ending in +Inf equal to _count.
void ExpectWellFormed(const std::string& text) {
  ASSERT_TRUE(text.ends_with('\n'));
  const std::regex comment(R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*))");
  const std::string label = R"([a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*")";
  const std::regex sample("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{" + label + "(?:," + label + ")*\\})? (\\S+)");
  std::istringstream lines(text);
  std::string line, family, type;
  std::set<std::string> families, samples;
  std::map<std::string, double> last_bucket;
  while (std::getline(lines, line)) {
    std::smatch match;
    if (std::regex_match(line, match, comment)) {
      if (match[1] == "TYPE") {
        family = match[2];
        type = match[3];
        EXPECT_TRUE(families.insert(family).second) << family << " has two TYPE lines";
      }
      continue;
    }
    ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
    EXPECT_TRUE(samples.insert(match[1].str() + match[2].str()).second) << "twice: " << line;
    const std::string name = match[1];
    const double value = std::stod(match[3].str());
    if (type != "histogram") {
      EXPECT_EQ(name, family);
      continue;
    }
    ASSERT_TRUE(name == family + "_bucket" || name == family + "_sum" || name == family + "_count") << line;
    if (name == family + "_bucket") {
      const std::string labels = std::regex_replace(match[2].str(), std::regex(",?le=\"[^\"]*\""), "");
      EXPECT_GE(value, last_bucket[family + labels]) << line;
      last_bucket[family + labels] = value;
    }
    if (name == family + "_count") {
      const std::string labels = match[2].length() == 0 ? "{}" : match[2].str();
      EXPECT_EQ(value, last_bucket[family + labels]) << line;
    }
  }
}

TEST(PrometheusText, EscapesHelpAndLabels) {
  MetricFamily family{.name = "a_total", .help = "a \\ and\nb", .kind = MetricKind::kCounter, .samples = {}};
  family.samples.emplace_back();
  family.samples.back().labels = {{"x", "quote \" slash \\ line \n end"}};
  family.samples.back().value = 3;
  const std::string text = PrometheusText({family});
  EXPECT_EQ(text,
            "# HELP a_total a \\\\ and\\nb\n# TYPE a_total counter\n"
            "a_total{x=\"quote \\\" slash \\\\ line \\n end\"} 3\n");
  ExpectWellFormed(text);
}

TEST(PrometheusText, MakesHistogramsCumulative) {
  MetricFamily family{.name = "h", .help = "h", .kind = MetricKind::kHistogram, .samples = {}};
  family.samples.emplace_back();
  family.samples.back().bounds = {0.5, 1};
  family.samples.back().buckets = {1, 2, 4};
  family.samples.back().sum = 9.25;
  const std::string text = PrometheusText({family});
  EXPECT_THAT(text, HasSubstr("h_bucket{le=\"0.5\"} 1\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 7\nh_sum 9.25\nh_count 7\n"));
  ExpectWellFormed(text);
}

TEST(PrometheusText, WritesSpecialNumbers) {
  MetricFamily family{.name = "g", .help = "g", .kind = MetricKind::kGauge, .samples = {}};
  for (const double value : std::vector<double>{NAN, INFINITY, -INFINITY, 1e300, 0.1}) {
    family.samples.emplace_back();
    family.samples.back().labels = {{"n", std::to_string(family.samples.size())}};
    family.samples.back().value = value;
  }
  const std::string text = PrometheusText({family});
  for (const char* expected : {" NaN\n", " +Inf\n", " -Inf\n", " 1e+300\n", " 0.1\n"}) EXPECT_THAT(text, HasSubstr(expected));
}

TEST(ProcessMetrics, AreAboutThisProcess) {
  std::map<std::string, double> values;
  for (const MetricFamily& family : ProcessMetrics()) values[family.name] = family.samples[0].value;
  EXPECT_GT(values["process_resident_memory_bytes"], 1e6);
  EXPECT_GT(values["process_open_fds"], 2);
  EXPECT_NEAR(values["process_start_time_seconds"], static_cast<double>(::time(nullptr)), 600);
  EXPECT_GE(values["process_cpu_seconds_total"], 0);
}

TEST(OpsServer, SaysWhatIsMissingUntilNothingIs) {
  Readiness readiness{.missing = {{"log", "12 of 40 shards replayed"}, {"model mini", "loading \xff"}}};
  auto server = std::move(OpsServer::Start({.port = 0, .version = "1.2.3"}, [&readiness] { return readiness; })).value();
  for (const char* path : {"GET /readyz", "GET /healthz"}) {
    const std::string answer = Get(server->port(), path);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(answer, HasSubstr(R"({"missing":[{"part":"log","reason":"12 of 40 shards replayed"},{"part":"model mini")"));
  }
  EXPECT_THAT(Get(server->port(), "GET /livez"), StartsWith("HTTP/1.1 200"));
  readiness.missing.clear();
  for (const char* path : {"GET /readyz", "GET /healthz", "HEAD /healthz"}) {
    EXPECT_THAT(Get(server->port(), path), StartsWith("HTTP/1.1 200")) << path;
  }
}

TEST(OpsServer, ServesMetricsAndNothingElse) {
  GetCounter("saker_ops_test_total", "A \"test\".", {{"a", "b\"c"}}).Add(2);
  GetHistogram("saker_ops_test_seconds", "Test.", LatencySecondsBuckets(), {{"kind", "x"}}).Observe(0.2);
  auto server = std::move(OpsServer::Start({.port = 0, .version = "1.2.3"}, [] { return Readiness(); })).value();
  const std::string answer = Get(server->port(), "GET /metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
  EXPECT_THAT(answer, HasSubstr("saker_build_info{"));
  EXPECT_THAT(answer, HasSubstr("version=\"1.2.3\""));
  EXPECT_THAT(answer, HasSubstr("process_resident_memory_bytes "));
  ExpectWellFormed(answer.substr(answer.find("\r\n\r\n") + 4));
  for (const char* path : {"GET /", "GET /v2/vectordb/collections/list", "GET /metrics/", "GET /debug", "GET /v1/models"}) {
    EXPECT_THAT(Get(server->port(), path), StartsWith("HTTP/1.1 404")) << path;
  }
  for (const char* path : {"POST /v2/vectordb/collections/list", "POST /expr"}) {
    EXPECT_THAT(Get(server->port(), path), StartsWith("HTTP/1.1 404")) << path;
  }
  EXPECT_THAT(Get(server->port(), "POST /metrics"), StartsWith("HTTP/1.1 405"));
}

}  // namespace
}  // namespace saker::ops
