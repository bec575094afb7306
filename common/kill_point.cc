#include "common/kill_point.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <atomic>
#include <string>

#include <unistd.h>

namespace saker {

const bool kill_points_armed = std::getenv("SAKER_KILL_AT") != nullptr;

void ReachKillPoint(const char* name) {
  static const std::string wanted = std::getenv("SAKER_KILL_AT");
  static const size_t colon = wanted.find(':');
  static const std::string wanted_name = wanted.substr(0, colon);
  static std::atomic<int> arrivals_left = colon == std::string::npos ? 1 : std::atoi(wanted.c_str() + colon + 1);
  if (wanted_name != name) return;
  if (--arrivals_left != 0) return;
  const std::string message = "kill point " + wanted_name + " reached\n";
  static_cast<void>(write(STDERR_FILENO, message.data(), message.size()) >= 0);  // tells it from any other SIGKILL
  kill(getpid(), SIGKILL);
}

}  // namespace saker
