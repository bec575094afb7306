#include "common/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include "common/mutex.h"

namespace saker {
namespace {

constexpr int kLinesPerSecond = 20;  // of one phrase; the rest are counted and reported with the next one let through

struct Repeats {
  std::chrono::steady_clock::time_point second;
  int lines = 0;
  int dropped = 0;
};

struct State {
  Mutex mutex;
  std::map<std::string, Repeats, std::less<>> repeats GUARDED_BY(mutex);
  LogFormat format = LogFormat::kPlain;
  std::shared_ptr<spdlog::logger> logger;

  State() {
    logger = spdlog::stderr_logger_mt("saker");
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %L %v");
    logger->flush_on(spdlog::level::info);
  }
};

State& GetState() {
  static State* state = new State;  // never destroyed: threads may log while the process ends
  return *state;
}

spdlog::level::level_enum SpdLevel(LogLevel level) {
  switch (level) {
    case kDebug: return spdlog::level::debug;
    case kInfo: return spdlog::level::info;
    case kWarning: return spdlog::level::warn;
    case kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char hex[8];
          std::snprintf(hex, sizeof hex, "\\u%04x", c);
          out += hex;
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string Format(LogFormat format, LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  static constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
  std::string line;
  if (format == LogFormat::kJson) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    line = "{\"ts\":" + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
    line += ",\"level\":\"" + std::string(kNames[level]) + "\",\"event\":";
    AppendQuoted(line, event);
    for (const LogField& field : fields) {
      line += ',';
      AppendQuoted(line, field.name);
      line += ':';
      if (field.quoted) {
        AppendQuoted(line, field.value);
      } else {
        line += field.value == "inf" || field.value == "nan" || field.value == "-nan" ? "null" : field.value;
      }
    }
    return line + "}";
  }
  line = event;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    if (field.quoted && (field.value.empty() || field.value.find_first_of(" \"\n\t=") != std::string::npos)) {
      AppendQuoted(line, field.value);
    } else {
      line += field.value;
    }
  }
  return line;
}

}  // namespace

void ConfigureLog(LogLevel level, LogFormat format) {
  State& state = GetState();
  state.format = format;
  state.logger->set_level(SpdLevel(level));
  if (format == LogFormat::kJson) state.logger->set_pattern("%v");
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  State& state = GetState();
  if (!state.logger->should_log(SpdLevel(level))) return;
  int dropped = 0;
  {
    MutexLock lock(state.mutex);
    auto found = state.repeats.find(event);
    if (found == state.repeats.end()) found = state.repeats.emplace(std::string(event), Repeats{}).first;
    Repeats& repeats = found->second;
    const auto now = std::chrono::steady_clock::now();
    if (now - repeats.second >= std::chrono::seconds(1)) {
      repeats.second = now;
      repeats.lines = 0;
    }
    if (++repeats.lines > kLinesPerSecond) {
      ++repeats.dropped;
      return;
    }
    dropped = std::exchange(repeats.dropped, 0);
  }
  std::string line = Format(state.format, level, event, fields);
  if (dropped > 0 && state.format == LogFormat::kPlain) line += " lines_dropped=" + std::to_string(dropped);
  state.logger->log(SpdLevel(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace saker
