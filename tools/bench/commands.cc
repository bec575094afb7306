#include "tools/bench/commands.h"

#include <CLI/CLI.hpp>

#include <cstdio>

#include "tools/bench/ann_bench.h"

namespace saker::bench {
namespace {

AnnOptions& Ann() {
  static AnnOptions options;
  return options;
}

void AddAnn(CLI::App& bench) {
  AnnOptions& o = Ann();
  CLI::App* ann = bench.add_subcommand("ann", "queries a second of one index at given recalls, in this process");
  ann->add_option("--base", o.base, "rows: .fvecs or .bvecs")->required();
  ann->add_option("--query", o.query, "queries: .fvecs or .bvecs")->required();
  ann->add_option("--truth", o.truth, "true neighbours of each query: .ivecs (not needed with a filter)");
  ann->add_option("--metric", o.metric, "l2, ip, cosine; hamming and jaccard read bits")->capture_default_str();
  ann->add_option("--index", o.index, "index type as in Milvus")->capture_default_str();
  ann->add_option("--param", o.params, "KEY=VALUE for the build; may be repeated")->expected(1)->take_all();
  ann->add_option("--search-param", o.search_params, "KEY=VALUE for every search; may be repeated")->expected(1)->take_all();
  ann->add_option("--recall", o.recalls, "recall targets, by commas")->delimiter(',')->capture_default_str();
  ann->add_option("--k", o.k, "neighbours a query")->capture_default_str();
  ann->add_option("--nq", o.nq, "queries in one search")->capture_default_str();
  ann->add_option("--threads", o.threads, "threads that search")->capture_default_str();
  ann->add_option("--build-threads", o.build_threads, "threads that build")->capture_default_str();
  ann->add_option("--filter-selectivity", o.filter_selectivity, "share of the rows that may be returned")->capture_default_str();
  ann->add_option("--seconds", o.seconds, "least time for each measured setting")->capture_default_str();
  ann->add_option("--directory", o.directory, "where the index file goes (default: the system's temporary directory)");
  ann->add_flag("--json", o.json, "one JSON object a line (there is no other form)");
}

}  // namespace

void AddBench(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "measure an index");
  bench->require_subcommand(1);
  AddAnn(*bench);
}

int RunBench(const CLI::App&) {
  const Status done = RunAnnBench(Ann());
  if (done.ok()) return 0;
  std::fprintf(stderr, "saker: %s\n", done.message().c_str());
  return 1;
}

}  // namespace saker::bench
