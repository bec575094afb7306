// Work that nobody waits for, on a thread of its own that gets the cores' idle time only (SCHED_IDLE): a thread that answers
// somebody takes the core from it at once, which niceness does not give (under EEVDF a nice thread keeps its slice, up to 3 ms).
//
// The caller's thread keeps its priority and blocks meanwhile, so what follows, mostly under a lock, is not starved. On a
// machine without idle time the work would never end: when it had next to none for some seconds, it is cancelled and
// run again at the caller's priority. So it must be repeatable, and check the context that it is given now and then.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "common/context.h"
#include "common/result.h"

namespace saker {

struct IdleWorkOptions {
  std::string name = "idle";                 // the thread's, at most 15 characters
  std::chrono::milliseconds patience{5000};  // of standing ready with less than a twentieth of a core
};

// `stop` ends the work early; null: nothing does. Threads that the work starts inherit the thread's policy; those that
// compute for long should own a GiveWay. Exceptions are not passed on.
Status RunIdle(const IdleWorkOptions& options, const Context* stop, const std::function<Status(const Context&)>& work);

}  // namespace saker
