// `saker bench serve`: load on a running server over gRPC, as its clients would make it, and what came back.
//
// Sends searches (plain, filtered, mixed with inserts) from several threads, each with a connection of its own and one call
// at a time; requests are packed before the clock runs. Prints one JSON object a line: one for the preparation, one per number
// of threads and kind of call {kind, threads, nq, qps, p50_us, p95_us, p99_us, p999_us, recall, errors, ...}, and at the end of a
// range of threads the best of them. QPS counts queries (nq a call), latencies are of calls. Recall counts ties as found when
// the base is given, and is null where no truth is known: filters, or no --truth.
//
// With --prepare it makes its own collection: `id` INT64 key = row of the base, `grp` INT64 = id % 100, `vec`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace saker::bench {

struct ServeOptions {
  std::string address = "127.0.0.1:19530";
  std::string token;  // user:password
  std::string collection = "saker_bench";
  std::string field = "vec";
  std::string metric = "l2";
  std::string base, query, truth;
  size_t k = 10;
  size_t nq = 1;
  std::string threads = "1";  // or FIRST..LAST
  double seconds = 5;
  double warm_up_seconds = 0.5;
  std::string filter;
  std::string mix;         // KIND=SHARE,...; kinds are search, filtered, insert
  double insert_rate = 0;  // rows a second, inserted beside the calls by a thread of its own
  size_t insert_rows = 1;  // rows of one insert call
  bool beside = false;     // searches at `rate` beside a build and a compaction instead (beside.h)
  double rate = 200;       // calls a second of all callers together
  std::vector<std::string> search_params;
  int server_pid = 0;  // of a server on this machine: its CPU time is told
  // Preparation.
  bool prepare = false;
  bool replace = false;       // an existing collection of the name is dropped
  bool keep_growing = false;  // load first, then insert: the rows stay in growing segments
  bool prepare_only = false;
  std::string index = "AUTOINDEX";
  std::vector<std::string> params;
  bool json = false;
};

Status RunServeBench(const ServeOptions& options);

}  // namespace saker::bench
