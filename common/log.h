// One line per event: a fixed phrase and fields. Repeated lines are rate-limited to a few a second per phrase.
//
//   Log(kInfo, "segment sealed", {{"segment", id}, {"rows", n}, {"ms", ms}});
//
// Nothing per row, nothing per query unless slow. Thread-safe. spdlog stays behind log.cc.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>

namespace saker {

enum LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  std::string_view name;
  std::string value;
  bool quoted = true;

  template <typename T>
  LogField(std::string_view n, const T& v) : name(n) {
    if constexpr (std::is_convertible_v<T, std::string_view>) {
      value = std::string(std::string_view(v));
    } else {
      std::ostringstream out;
      out << std::boolalpha << v;
      value = std::move(out).str();
      quoted = false;
    }
  }
};

enum class LogFormat { kPlain, kJson };

// Call once from main before other threads start; the default is plain lines on standard error from kInfo up.
void ConfigureLog(LogLevel level, LogFormat format);

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace saker
