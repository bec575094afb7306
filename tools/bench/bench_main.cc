// `saker bench` alone, without the server: builds in seconds where only index/ changes.
#include <CLI/CLI.hpp>

#include "tools/bench/commands.h"

int main(int argc, char** argv) {
  CLI::App app("Measures Saker's indexes.", "saker_bench");
  saker::bench::AddBench(app);
  app.require_subcommand(1);
  CLI11_PARSE(app, argc, argv);
  return saker::bench::RunBench(app);
}
