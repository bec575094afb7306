#include "server/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
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

std::string NearestSetting(const std::string& key) {
  Config config;
  std::string best;
  size_t best_distance = 1000;
  ForEachSetting(config, [&](const char* name, auto&, const char*) {
    if (const size_t distance = EditDistance(key, name); distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  });
  return best;
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

bool IsLoopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

}  // namespace

Status ReadConfigFile(const std::string& path, Config* config) {
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (root.IsNull()) return OkStatus();
    if (!root.IsMap()) return InvalidArgument(path, ": a configuration file is a list of `name: value` lines");
    for (const auto& entry : root) {
      std::string key = entry.first.as<std::string>();
      std::replace(key.begin(), key.end(), '_', '-');
      bool known = false;
      ForEachSetting(*config, [&](const char* name, auto& member, const char*) {
        if (key != name) return;
        known = true;
        Assign(entry.second, &member);
      });
      if (!known) {
        return InvalidArgument(path, ":", entry.first.Mark().line + 1, ": unknown setting '", key, "'; did you mean '", NearestSetting(key),
                               "'?");
      }
    }
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
  return static_cast<uint64_t>(bytes);
}

Status CheckConfig(const Config& config) {
  for (const auto& [name, port] : {std::pair{"port", config.port}, std::pair{"ops-port", config.ops_port}}) {
    if (port < 0 || port > 65535) return InvalidArgument(name, " ", port, " is not between 0 and 65535");
  }
  if (!IsLoopback(config.address) && !config.auth && !config.insecure_open) {
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
  if (config.request_queue < 1) return InvalidArgument("request-queue ", config.request_queue, " is below 1");
  return OkStatus();
}

}  // namespace saker::server
