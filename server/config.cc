#include "server/config.h"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <set>
#include <type_traits>

namespace saker::server {
namespace {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// What to write instead of an unknown key.
std::string Suggestion(const std::string& key) {
  Config config;
  std::string best;
  size_t best_distance = 1000;
  ForEachSetting(config, [&](const char* name, auto&, const char*) {
    if (const size_t distance = EditDistance(key, name); distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  });
  return best_distance <= std::max<size_t>(2, key.size() / 3) ? "did you mean '" + best + "'?" : "saker serve --help lists the settings";
}

template <typename T>
void Assign(const YAML::Node& node, T* member) {
  if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    if (node.IsSequence()) {
      *member = node.as<std::vector<std::string>>();
    } else {
      *member = {node.as<std::string>()};
    }
  } else {
    *member = node.as<T>();
  }
}

// A name like 127.example.com is not a loopback address, wherever it points.
bool IsLoopback(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return address == "::1" || address == "localhost";
}

const char* KindOf(const std::string&) {
  return "a text";
}
const char* KindOf(bool) {
  return "true or false";
}
const char* KindOf(int) {
  return "a whole number";
}
const char* KindOf(uint64_t) {
  return "a whole number, not below 0";
}
const char* KindOf(const std::vector<std::string>&) {
  return "a text or a list of texts";
}

// One `name: value` line of the file `path`.
Status TakeLine(const std::string& path, const YAML::Node& name_node, const YAML::Node& value, std::set<std::string>* seen,
                Config* config) {
  std::string key = name_node.as<std::string>();
  std::replace(key.begin(), key.end(), '_', '-');
  const int line = name_node.Mark().line + 1;
  Status status = InvalidArgument(path, ":", line, ": unknown setting '", key, "'; ", Suggestion(key));
  ForEachSetting(*config, [&](const char* name, auto& member, const char*) {
    if (key != name) return;
    status = OkStatus();
    try {
      Assign(value, &member);
    } catch (const YAML::Exception&) {
      status = InvalidArgument(path, ":", line, ": ", key, " should be ", KindOf(member),
                               value.IsScalar() ? ", it is '" + value.Scalar() + "'" : ", it is something else");
    }
  });
  if (status.ok() && !seen->insert(key).second) return InvalidArgument(path, ":", line, ": ", key, " is set twice");
  return status;
}

Status CheckRange(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return OkStatus();
  return InvalidArgument(name, " ", value, " is not between ", least, " and ", most);
}

}  // namespace

Status ReadConfigFile(const std::string& path, Config* config) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return InvalidArgument("the configuration file ", path, " is a directory");
  }
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (root.IsNull()) return OkStatus();
    if (!root.IsMap()) return InvalidArgument(path, ": a configuration file is a list of `name: value` lines");
    std::set<std::string> seen;
    for (const auto& entry : root) TRY(TakeLine(path, entry.first, entry.second, &seen, config));
  } catch (const YAML::BadFile&) {
    return NotFound("the configuration file ", path, " cannot be read");
  } catch (const YAML::Exception& error) { return InvalidArgument(path, ":", error.mark.line + 1, ": ", error.msg); }
  return OkStatus();
}

Result<uint64_t> ParseBytes(const std::string& text, uint64_t machine_bytes) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  double factor = 0;
  if (unit == "%") factor = static_cast<double>(machine_bytes) / 100;
  if (unit.empty() || unit == "B") factor = 1;
  if (unit == "KiB" || unit == "K") factor = 1024.0;
  if (unit == "MiB" || unit == "M") factor = 1024.0 * 1024;
  if (unit == "GiB" || unit == "G") factor = 1024.0 * 1024 * 1024;
  const double bytes = number * factor;
  if (end == text.c_str() || factor == 0 || !std::isfinite(bytes) || bytes < 1 || bytes > 1e18) {
    return InvalidArgument("'", text, "' is not an amount of memory; write 8GiB, 500MiB, 1000000 or 80%");
  }
  if (unit == "%" && number > 100) return InvalidArgument(text, " is more memory than there is; write at most 100%");
  return static_cast<uint64_t>(bytes);
}

bool IsOpenToOthers(const Config& config) {
  return !IsLoopback(config.address);
}

Status CheckConfig(const Config& config) {
  TRY(CheckRange("port", config.port, 0, 65535));
  TRY(CheckRange("ops-port", config.ops_port, 0, 65535));
  constexpr int kMostThreads = 1024;
  TRY(CheckRange("embed-threads", config.embed_threads, 0, kMostThreads));
  TRY(CheckRange("search-threads", config.search_threads, 0, kMostThreads));
  TRY(CheckRange("background-threads", config.background_threads, 0, kMostThreads));
  TRY(CheckRange("request-threads", config.request_threads, 0, kMostThreads));
  TRY(CheckRange("request-queue", config.request_queue, 1, 1 << 20));
  TRY(CheckRange("drain-seconds", config.drain_seconds, 0, 3600));
  if (!config.tls_client_ca.empty() && config.tls_certificate.empty()) {
    return InvalidArgument("tls-client-ca ", config.tls_client_ca,
                           " asks clients for certificates, but without tls-certificate and tls-key nothing is encrypted");
  }
  if (IsOpenToOthers(config) && !config.auth && !config.insecure_open) {
    return InvalidArgument("address ", config.address,
                           " can be reached by others and authentication is off: add --auth, or --insecure-open if that is meant");
  }
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    return InvalidArgument("tls-certificate and tls-key go together; only ", config.tls_key.empty() ? "tls-certificate" : "tls-key",
                           " is set");
  }
  if (config.embed_precision != "auto" && config.embed_precision != "fp32" && config.embed_precision != "bf16") {
    return InvalidArgument("embed-precision '", config.embed_precision, "' is not auto, fp32 or bf16");
  }
  if (config.log_format != "plain" && config.log_format != "json") {
    return InvalidArgument("log-format '", config.log_format, "' is not plain or json");
  }
  const std::vector<std::string> levels{"debug", "info", "warning", "error"};
  if (std::find(levels.begin(), levels.end(), config.log_level) == levels.end()) {
    return InvalidArgument("log-level '", config.log_level, "' is not debug, info, warning or error");
  }
  if (config.seal_bytes < 64 << 10) return InvalidArgument("seal-bytes ", config.seal_bytes, " is below the least of ", 64 << 10);
  if (config.embed_queue_tokens < 1) return InvalidArgument("embed-queue-tokens 0 would refuse every text");
  return OkStatus();
}

}  // namespace saker::server
