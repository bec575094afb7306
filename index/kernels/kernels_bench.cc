// What each kernel costs on every instruction set of this machine, rows in the first cache: one JSON object a line with
// nanoseconds of CPU time a row, gigabytes of rows a second and the share of the machine's limit, which is measured in the same
// run: the time that the loads take at the speed of the first cache, or the multiplications (float or 8-bit) or bit counts at
// theirs, whichever is longer. Best of seven. usage: kernels_bench [ISA]
#include <ctime>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>

#include "index/kernels/kernels.h"
#include "index/kernels/machine_limits.h"

namespace saker::index {
namespace {

double CpuNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Units of `work`, which says how many it did, a nanosecond.
template <typename Do>
double Rate(const Do& work) {
  double best = 0;
  for (int round = 0; round < 7; ++round) {
    const double begin = CpuNanoseconds();
    double elapsed = 0;
    size_t units = 0;
    do {
      for (int i = 0; i < 64; ++i) units += work();
      elapsed = CpuNanoseconds() - begin;
    } while (elapsed < 1e6);
    best = std::max(best, static_cast<double>(units) / elapsed);
  }
  return best;
}

enum class Work { kFloat, kHalf, kInt, kBits, kNone };

struct Case {
  const char* name;
  Work work;
  size_t bits;   // of an element of a row
  double units;  // multiplications, or bytes counted times planes, an element
};

struct Limits {
  double load, fma, widen, dot, count;

  double Of(Work work) const {
    const double rates[] = {fma, std::min(fma, widen), dot, count, 1e9};
    return rates[static_cast<int>(work)];
  }
};

class Bench {
 public:
  Bench(const Kernels& kernels, const Limits* limits) : kernels_(kernels), limits_(limits) {
    std::mt19937 random(1);
    for (auto& byte : memory_) byte = static_cast<uint8_t>(random() & 0x3f);  // small numbers in every type
  }

  void Run() {
    for (const size_t dim : {128u, 768u}) {
      Floats(dim);
      Codes(dim);
    }
    for (const size_t dim : {256u, 1024u}) Bits(dim);
  }

 private:
  void Floats(size_t dim) {
    const auto run = [&](const Case& c, const DistanceKernel& kernel) {
      const void* rows[4];
      Rows(dim * c.bits / 8, rows);
      float out[4];
      Report({c.name, c.work, c.bits, c.units}, "four", dim, [&] { return kernel.four(memory_, rows, dim, out), size_t{4}; });
      Report(c, "one", dim, [&] { return out[0] = kernel.one(memory_, rows[0], dim), size_t{1}; });
    };
    run({"l2_f32", Work::kFloat, 32, 1}, kernels_.l2_f32);
    run({"ip_f32", Work::kFloat, 32, 1}, kernels_.ip_f32);
    run({"l2_f16", Work::kHalf, 16, 1}, kernels_.l2_f16);
    run({"ip_f16", Work::kHalf, 16, 1}, kernels_.ip_f16);
    run({"l2_bf16", Work::kFloat, 16, 1}, kernels_.l2_bf16);
    const bool pairs = std::strcmp(kernels_.isa, "avx512_bf16") == 0;  // a pipe of its own
    run({"ip_bf16", pairs ? Work::kNone : Work::kFloat, 16, 1}, kernels_.ip_bf16);
    run({"l2_i8", Work::kInt, 8, 1}, kernels_.l2_i8);
    run({"ip_i8", Work::kInt, 8, 1}, kernels_.ip_i8);
    run({"l2_u8", Work::kInt, 8, 1}, kernels_.l2_u8);
    run({"ip_u8", Work::kInt, 8, 1}, kernels_.ip_u8);
  }

  void Codes(size_t dim) {
    const uint8_t* rows[4];
    const auto* query = reinterpret_cast<const int8_t*>(memory_);
    Rows(dim, rows);
    float keys[4];
    Report({"codes", Work::kInt, 8, 2}, "four", dim, [&] { return kernels_.codes.four(rows, query, query + dim, dim, keys), size_t{4}; });
    const auto pair = [&](const Case& c, const CodePairKernel& kernel) {
      const size_t bytes = dim * c.bits / 8;
      Rows(bytes, rows);
      uint32_t out[4];
      Report(c, "four", dim, [&] { return kernel.four(memory_, rows, bytes, out), size_t{4}; });
      Report(c, "one", dim, [&] { return out[0] = kernel.one(memory_, rows[0], bytes), size_t{1}; });
    };
    pair({"codes_l2", Work::kInt, 8, 1}, kernels_.codes_l2);
    pair({"codes_ip", Work::kInt, 8, 1}, kernels_.codes_ip);
    pair({"codes4_l2", Work::kInt, 4, 1}, kernels_.codes4_l2);
    pair({"codes4_ip", Work::kInt, 4, 1}, kernels_.codes4_ip);
    int32_t sums[4];
    Report({"codes4", Work::kInt, 4, 1}, "four", dim, [&] { return kernels_.codes4.four(rows, query, dim / 2, sums), size_t{4}; });
  }

  void Bits(size_t dim) {
    const size_t bytes = dim / 8;
    const uint8_t* rows[4];
    Rows(bytes, rows);
    uint32_t out[64];
    const auto count = [&](const char* name, const CountKernel& kernel) {
      const Case c{name, Work::kBits, 1, 0.125};
      Report(c, "one", dim, [&] { return out[0] = kernel.one(memory_, rows[0], bytes), size_t{1}; });
      Report(c, "four", dim, [&] { return kernel.four(memory_, rows, bytes, out), size_t{4}; });
      Report(c, "block", dim, [&] { return kernel.block(memory_, rows[0], 64, bytes, out), size_t{64}; });
    };
    count("hamming", kernels_.hamming);
    count("common", kernels_.common);
    Report({"planes", Work::kBits, 1, 0.5}, "four", dim, [&] { return kernels_.planes.four(rows, memory_, bytes, out), size_t{4}; });
  }

  template <typename T>
  void Rows(size_t bytes, const T** rows) const {
    for (size_t r = 0; r < 4; ++r) rows[r] = memory_ + (4 * 768 + r * bytes + 63) / 64 * 64;  // behind the query
  }

  template <typename Call>
  void Report(const Case& c, const char* shape, size_t dim, const Call& call) {
    const double ns = 1 / Rate([&] {
                        size_t rows = 0;
                        for (int i = 0; i < 8; ++i) rows += call();
                        return rows;
                      });
    const double bytes = static_cast<double>(dim * c.bits) / 8, units = static_cast<double>(dim) * c.units;
    std::printf(R"({"isa":"%s","kernel":"%s","shape":"%s","dim":%zu,"ns_per_row":%.2f,"gb_per_s":%.1f)", kernels_.isa, c.name, shape, dim,
                ns, bytes / ns);
    if (limits_ != nullptr) {
      const double load = bytes / limits_->load;
      const double other = units / limits_->Of(c.work);
      const char* const names[] = {"fma", "widen", "dot", "count", ""};
      std::printf(R"(,"limit":"%s","share":%.2f)", load > other ? "load" : names[static_cast<int>(c.work)], std::max(load, other) / ns);
    }
    std::printf("}\n");
    std::fflush(stdout);
  }

  const Kernels& kernels_;
  const Limits* const limits_;
  alignas(64) uint8_t memory_[1 << 15];
};

const MachineLimits* LimitsOf(const char* isa) {
#if defined(__x86_64__)
  if (std::strcmp(isa, "avx512_bf16") == 0) isa = kVnniLimits.isa;
  for (const MachineLimits* limits : {&kAvx2Limits, &kAvx512Limits, &kVnniLimits}) {
#elif defined(__aarch64__)
  if (std::strcmp(isa, "neon-fhm") == 0) isa = kDotprodLimits.isa;
  for (const MachineLimits* limits : {&kNeonLimits, &kDotprodLimits}) {
#endif
    if (std::strcmp(limits->isa, isa) == 0) return limits;
  }
  return nullptr;
}

void RunIsa(const Kernels& kernels) {
  const MachineLimits* const machine = LimitsOf(kernels.isa);
  if (machine == nullptr) return Bench(kernels, nullptr).Run();
  alignas(64) static const uint8_t buffer[16384] = {};
  const Limits limits = {Rate([&] { return machine->load(buffer, sizeof buffer); }), Rate([&] { return machine->fma(100); }),
                         Rate([&] { return machine->widen(100); }), Rate([&] { return machine->dot(100); }),
                         Rate([&] { return machine->count(100); })};
  std::printf(
      R"({"isa":"%s","limit_load_gb_per_s":%.1f,"limit_fma_per_ns":%.1f,"limit_widen_per_ns":%.1f,"limit_dot_per_ns":%.1f,"limit_count_gb_per_s":%.1f})"
      "\n",
      kernels.isa, limits.load, limits.fma, limits.widen, limits.dot, limits.count);
  Bench(kernels, &limits).Run();
}

}  // namespace
}  // namespace saker::index

int main(int argc, char** argv) {
  using namespace saker::index;
  KernelChoice all[8];
  const size_t count = AllKernels(all);
  for (size_t i = 0; i < count; ++i) {
    if (argc > 1 && std::strcmp(argv[1], all[i].kernels->isa) != 0) continue;
    if (all[i].supported) {
      RunIsa(*all[i].kernels);
    } else {
      std::printf("{\"isa\":\"%s\",\"skipped\":\"this machine does not have it\"}\n", all[i].kernels->isa);
    }
  }
  return 0;
}
