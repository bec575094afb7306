// Named places where a test may kill the process, one on each arrow of a durable state machine.
//
//   SAKER_KILL_POINT("seal.before_manifest");
//
// With SAKER_KILL_AT=name[:n] in the environment the n-th arrival (default the first) at that name ends the process as
// kill -9 would; nothing is flushed. They are in the release binary too and cost one predicted branch. The names stand
// in docs/kill-points.md and tests/crash walks them all.
#pragma once

namespace saker {

extern const bool kill_points_armed;  // set once before main
void ReachKillPoint(const char* name);

}  // namespace saker

#define SAKER_KILL_POINT(name)                                                          \
  do {                                                                                  \
    if (__builtin_expect(::saker::kill_points_armed, 0)) ::saker::ReachKillPoint(name); \
  } while (false)
