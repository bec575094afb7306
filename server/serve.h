// `saker serve`: builds the object graph, waits for a signal, takes it down in reverse order.
#pragma once

#include "server/config.h"

namespace saker::server {

extern const char* const kVersion;

// Returns the process's exit code: 0 after a drained SIGTERM or SIGINT, 1 when it could not start (the reason is printed).
int Serve(const Config& config);

}  // namespace saker::server
