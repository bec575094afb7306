// Nanoseconds and bytes a second of each kernel on every instruction set of this machine, rows in the first cache.
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "index/kernels/kernels.h"

namespace saker::index {
namespace {

void RunFour(benchmark::State& state, const DistanceKernel& kernel, size_t element_bytes) {
  const auto dim = static_cast<size_t>(state.range(0));
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(5 * dim * element_bytes);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random() & 0x3f);
  const void* rows[4];
  for (size_t r = 0; r < 4; ++r) rows[r] = bytes.data() + (r + 1) * dim * element_bytes;
  float out[4];
  for (auto _ : state) {
    kernel.four(bytes.data(), rows, dim, out);
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations() * 4);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(4 * dim * element_bytes));
}

void RunHamming(benchmark::State& state, const Kernels& kernels) {
  const auto bytes = static_cast<size_t>(state.range(0)) / 8;
  std::vector<uint8_t> a(bytes, 0x5a), b(bytes, 0x3c);
  for (auto _ : state) benchmark::DoNotOptimize(kernels.hamming(a.data(), b.data(), bytes));
  state.SetItemsProcessed(state.iterations());
}

}  // namespace
}  // namespace saker::index

int main(int argc, char** argv) {
  using namespace saker::index;
  KernelChoice all[8];
  const size_t count = AllKernels(all);
  for (size_t i = 0; i < count; ++i) {
    const Kernels& kernels = *all[i].kernels;
    if (!all[i].supported) {
      std::printf("skipped: this machine has no %s\n", kernels.isa);
      continue;
    }
    const auto add = [&](const char* name, const DistanceKernel& kernel, size_t bytes) {
      benchmark::RegisterBenchmark((std::string(kernels.isa) + "/" + name).c_str(), RunFour, kernel, bytes)->Arg(100)->Arg(128)->Arg(768);
    };
    add("l2_f32_four", kernels.l2_f32, 4);
    add("ip_f32_four", kernels.ip_f32, 4);
    add("l2_f16_four", kernels.l2_f16, 2);
    add("l2_bf16_four", kernels.l2_bf16, 2);
    add("l2_i8_four", kernels.l2_i8, 1);
    benchmark::RegisterBenchmark((std::string(kernels.isa) + "/hamming").c_str(), RunHamming, std::cref(kernels))->Arg(256)->Arg(1024);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
