#include "tools/bench/commands.h"

#include <CLI/CLI.hpp>

#include <cstdio>

#include "tools/bench/ann_bench.h"
#include "tools/bench/disk_bench.h"
#include "tools/bench/serve/serve_bench.h"

namespace saker::bench {
namespace {

AnnOptions& Ann() {
  static AnnOptions options;
  return options;
}

DiskOptions& Disk() {
  static DiskOptions options;
  return options;
}

void AddDisk(CLI::App& bench) {
  DiskOptions& o = Disk();
  CLI::App* disk = bench.add_subcommand("disk", "random reads a second of a disk, as DISKANN makes them");
  disk->add_option("--directory", o.directory, "a file is made here and removed")->capture_default_str();
  disk->add_option("--file-bytes", o.file_bytes, "its size")->capture_default_str();
  disk->add_option("--queue-depth", o.queue_depths, "reads at a time, by commas")->delimiter(',')->capture_default_str();
  disk->add_option("--read-bytes", o.read_bytes, "of each read")->capture_default_str();
  disk->add_option("--seconds", o.seconds, "for each queue depth")->capture_default_str();
  disk->add_flag("--json", o.json, "one JSON object a line (there is no other form)");
}

void AddAnn(CLI::App& bench) {
  AnnOptions& o = Ann();
  CLI::App* ann = bench.add_subcommand("ann", "queries a second of one index at given recalls, in this process");
  ann->add_option("--base", o.base, "rows: .fvecs or .bvecs")->required();
  ann->add_option("--query", o.query, "queries: .fvecs or .bvecs")->required();
  ann->add_option("--truth", o.truth, "true neighbours of each query: .ivecs (default: computed)");
  ann->add_option("--metric", o.metric, "l2, ip, cosine; hamming and jaccard read bits")->capture_default_str();
  ann->add_option("--index", o.index, "index type as in Milvus, any case")->capture_default_str();
  ann->add_option("--param", o.params, "KEY=VALUE for the build; may be repeated")->expected(1)->take_all();
  ann->add_option("--search-param", o.search_params, "KEY=VALUE for every search; may be repeated")->expected(1)->take_all();
  ann->add_option("--recall", o.recalls, "recall targets, by commas")->delimiter(',')->capture_default_str();
  ann->add_option("--k", o.k, "neighbours a query")->capture_default_str();
  ann->add_option("--nq", o.nq, "queries in one search")->capture_default_str();
  ann->add_option("--threads", o.threads, "threads that search")->capture_default_str();
  ann->add_option("--build-threads", o.build_threads, "threads that build")->capture_default_str();
  ann->add_option("--filter-selectivity", o.filter_selectivities, "shares of the rows that may be returned, by commas")
      ->delimiter(',')
      ->capture_default_str();
  ann->add_option("--filter-kind", o.filter_kind, "which rows those are: random, cluster, near or far")->capture_default_str();
  ann->add_option("--seconds", o.seconds, "least time for each measured setting")->capture_default_str();
  ann->add_option("--directory", o.directory, "where the index file goes (default: the system's temporary directory)");
  ann->add_option("--index-file", o.index_file, "open this index instead of building one; if it is not there, build and keep it");
  ann->add_flag("--json", o.json, "one JSON object a line (there is no other form)");
}

ServeOptions& Load() {
  static ServeOptions options;
  return options;
}

void AddServeLoad(CLI::App& bench) {
  ServeOptions& o = Load();
  CLI::App* serve = bench.add_subcommand("serve", "load on a running server over gRPC: latencies, queries a second, recall");
  serve->add_option("--address", o.address, "HOST:PORT of the server")->capture_default_str();
  serve->add_option("--token", o.token, "USER:PASSWORD, when the server asks");
  serve->add_option("--collection", o.collection, "the collection")->capture_default_str();
  serve->add_option("--field", o.field, "its vector field")->capture_default_str();
  serve->add_option("--metric", o.metric, "l2, ip or cosine")->capture_default_str();
  serve->add_option("--query", o.query, "queries: .fvecs or .bvecs");
  serve->add_option("--truth", o.truth, "true neighbours of each query, as keys: .ivecs");
  serve->add_option("--base", o.base, "the rows: for --prepare, and so that equal scores count as found");
  serve->add_option("--k", o.k, "neighbours a query")->capture_default_str();
  serve->add_option("--nq", o.nq, "queries a call")->capture_default_str();
  serve->add_option("--threads", o.threads, "callers: N, or FIRST..LAST, doubled until the queries a second stop growing")
      ->capture_default_str();
  serve->add_option("--seconds", o.seconds, "time for each number of callers")->capture_default_str();
  serve->add_option("--warm-up", o.warm_up_seconds, "seconds before that are not counted")->capture_default_str();
  serve->add_option("--filter", o.filter, "the filter of filtered searches; without --mix all searches have it");
  serve->add_option("--mix", o.mix, "shares of the calls: search=N,filtered=N,insert=N");
  serve->add_option("--insert-rate", o.insert_rate, "rows a second inserted beside the calls, by one more caller");
  serve->add_option("--insert-rows", o.insert_rows, "rows of one insert")->capture_default_str();
  serve->add_flag("--beside", o.beside, "searches at --rate beside an index build and a compaction, and quiet ones");
  serve->add_option("--rate", o.rate, "calls a second of all callers, with --beside")->capture_default_str();
  serve->add_option("--search-param", o.search_params, "KEY=VALUE for every search; may be repeated")->expected(1)->take_all();
  serve->add_option("--server-pid", o.server_pid, "of a server on this machine: tells its CPU time a query");
  serve->add_flag("--prepare", o.prepare, "make the collection from --base first: create, insert, index, load");
  serve->add_flag("--prepare-only", o.prepare_only, "that, and no load");
  serve->add_flag("--replace", o.replace, "drop a collection of that name first");
  serve->add_flag("--growing", o.keep_growing, "prepare without a flush: the rows stay in growing segments");
  serve->add_option("--index", o.index, "index type of the prepared collection")->capture_default_str();
  serve->add_option("--param", o.params, "KEY=VALUE for its build; may be repeated")->expected(1)->take_all();
  serve->add_flag("--json", o.json, "one JSON object a line (there is no other form)");
}

}  // namespace

void AddBench(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "measure an index, or a running server");
  bench->require_subcommand(1);
  AddAnn(*bench);
  AddDisk(*bench);
  AddServeLoad(*bench);
}

int RunBench(const CLI::App& app) {
  const CLI::App& bench = *app.get_subcommand("bench");
  const Status done = bench.got_subcommand("serve")  ? RunServeBench(Load())
                      : bench.got_subcommand("disk") ? RunDiskBench(Disk())
                                                     : RunAnnBench(Ann());
  if (done.ok()) return 0;
  std::fprintf(stderr, "saker: %s\n", done.message().c_str());
  return 1;
}

}  // namespace saker::bench
