// `saker bench ...`: its flags and which program they start.
#pragma once

namespace CLI {
class App;
}

namespace saker::bench {

// Adds `bench` and its subcommands to the program's flags.
void AddBench(CLI::App& app);
// What was parsed, run; the process' exit code. Called when `bench` was named.
int RunBench(const CLI::App& app);

}  // namespace saker::bench
