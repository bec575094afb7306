// `saker bench ann`: how fast one index answers at given recalls, on one thread or several, in this process.
//
// Builds the index over the rows of a file, saves it, opens it again (what is measured is what a server loads), sweeps the
// parameter that trades recall for speed, and prints one JSON object a line: one for the build, then one per recall target:
// {index, recall_target, recall, qps, p50_us, p99_us, distances, hops, reads, bytes, k, threads, selectivity, params} for the
// fastest setting whose recall reaches the target; qps and times null, with the best recall, when none does. Counters are means
// a query. A result counts as found when it is one of the true neighbours or as near as the last of them (ann_truth.h). QPS is the
// best of several passes over all queries, wall time; for an index on disk the reads a second that the disk makes are measured
// between those passes (`disk_reads_per_second`, the best), and `disk_share` is QPS over what they allow at so many reads a query.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/result.h"

namespace saker::bench {

struct AnnOptions {
  std::string base, query;
  std::string truth;  // an .ivecs; empty: computed by comparing every row
  std::string metric = "l2";
  std::string index = "AUTOINDEX";
  std::vector<std::string> params;         // key=value for the build
  std::vector<std::string> search_params;  // key=value beside the one that is swept
  std::vector<double> recalls = {0.9, 0.95, 0.98, 0.99};
  size_t k = 10;
  size_t nq = 1;  // queries in one search; latencies are then of a search, not of a query
  int threads = 1;
  int build_threads = 2;
  std::vector<double> filter_selectivities = {
      1};  // shares of the rows that may be returned, one after the other; below 1 the truth is computed
  // Which rows: "random"; "cluster": those nearest to a few random rows; "near" and "far": those nearest to or farthest from each query.
  std::string filter_kind = "random";
  double seconds = 0.6;   // each measured setting runs at least so long, and three passes
  std::string directory;  // where the index file goes; empty: the system's temporary directory
  std::string
      index_file;  // opened instead of building, if it is there, and refused unless of these rows, this type and metric; else kept there
  bool json = false;
};

Status RunAnnBench(const AnnOptions& options);

}  // namespace saker::bench
