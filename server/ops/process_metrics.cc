#include "server/ops/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace saker::ops {

namespace {

std::string ReadProcFile(const char* path) {
  std::string text;
  if (std::FILE* file = std::fopen(path, "r")) {
    char bytes[4096];
    for (size_t n; (n = std::fread(bytes, 1, sizeof(bytes), file)) > 0;) text.append(bytes, n);
    std::fclose(file);
  }
  return text;
}

struct ProcessStat {
  double cpu_seconds = 0;
  double start_ticks = 0;
  double threads = 0;
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

// Field numbers as proc(5) counts them; the name in parentheses may hold spaces, so they count from its end.
ProcessStat ReadProcessStat() {
  ProcessStat stat;
  const std::string text = ReadProcFile("/proc/self/stat");
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return stat;
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const char* at = text.c_str() + name_end + 1;
  for (int field = 3; field <= 24 && *at != '\0'; ++field) {
    while (*at == ' ') ++at;
    const double value = std::strtod(at, nullptr);
    if (field == 14 || field == 15) stat.cpu_seconds += value / ticks;
    if (field == 20) stat.threads = value;
    if (field == 22) stat.start_ticks = value / ticks;
    if (field == 23) stat.virtual_bytes = value;
    if (field == 24) stat.resident_bytes = value * static_cast<double>(::sysconf(_SC_PAGESIZE));
    while (*at != ' ' && *at != '\0') ++at;
  }
  return stat;
}

double BootTimeSeconds() {
  static const double boot_time = [] {
    const std::string text = ReadProcFile("/proc/stat");
    const size_t at = text.find("btime ");
    return at == std::string::npos ? 0.0 : std::strtod(text.c_str() + at + 6, nullptr);
  }();
  return boot_time;
}

double OpenFileCount() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  double count = -3;  // ".", ".." and the directory itself
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

MetricFamily One(const char* name, const char* help, MetricKind kind, double value) {
  MetricFamily family{.name = name, .help = help, .kind = kind, .samples = {}};
  family.samples.emplace_back();
  family.samples.back().value = value;
  return family;
}

}  // namespace

std::vector<MetricFamily> ProcessMetrics() {
  const ProcessStat stat = ReadProcessStat();
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  return {
      One("process_cpu_seconds_total", "User and system CPU time spent.", MetricKind::kCounter, stat.cpu_seconds),
      One("process_resident_memory_bytes", "Resident memory.", MetricKind::kGauge, stat.resident_bytes),
      One("process_virtual_memory_bytes", "Virtual memory.", MetricKind::kGauge, stat.virtual_bytes),
      One("process_open_fds", "Open file descriptors.", MetricKind::kGauge, OpenFileCount()),
      One("process_max_fds", "The most file descriptors that may be open.", MetricKind::kGauge, static_cast<double>(files.rlim_cur)),
      One("process_threads", "Threads.", MetricKind::kGauge, stat.threads),
      One("process_start_time_seconds", "When the process started, in seconds since 1970.", MetricKind::kGauge,
          BootTimeSeconds() + stat.start_ticks),
  };
}

}  // namespace saker::ops
