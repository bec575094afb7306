// Measures a model as the comparison script measures its peers: documents a second over a corpus, and single queries.
//
//   saker_embed_bench MODEL_DIR IR_DIR [seconds] [fp32|bf16|all]
//
// IR_DIR holds corpus.jsonl {title, text} and queries.jsonl {text}. One JSON line a precision.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <simdjson.h>

#include "embed/embedder.h"
#include "embed/kernels/kernels.h"

namespace saker::embed {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

// Of all threads: what a busy machine does not distort.
double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::vector<std::string> ReadTexts(const std::string& path, bool with_title) {
  std::ifstream file(path);
  std::vector<std::string> texts;
  simdjson::dom::parser parser;
  for (std::string line; std::getline(file, line);) {
    simdjson::dom::element element;
    std::string_view text;
    std::string_view title;
    if (parser.parse(line).get(element) != simdjson::SUCCESS || element["text"].get(text) != simdjson::SUCCESS) continue;
    if (with_title && element["title"].get(title) == simdjson::SUCCESS && !title.empty()) {
      texts.push_back(std::string(title) + " " + std::string(text));
    } else {
      texts.emplace_back(text);
    }
  }
  return texts;
}

struct Latencies {
  double p50_ms = 0;
  double p99_ms = 0;
};

// Up to 200 queries one by one.
Result<Latencies> MeasureQueries(Embedder& embedder, const std::vector<std::string>& queries) {
  std::vector<double> ms;
  for (size_t i = 0; i < std::min<size_t>(200, queries.size()); ++i) {
    const auto begin = Clock::now();
    TRY(embedder.Embed(std::span(&queries[i], 1), Priority::kInteractive, Context()));
    ms.push_back(Seconds(begin) * 1e3);
  }
  if (ms.empty()) return Latencies();
  std::sort(ms.begin(), ms.end());
  return Latencies{.p50_ms = ms[ms.size() / 2], .p99_ms = ms[ms.size() * 99 / 100]};
}

// Documents in requests of 256, as the peers get them; then queries, alone and beside bulk work.
Status Measure(const std::string& model, const std::vector<std::string>& docs, const std::vector<std::string>& queries, double seconds,
               Precision precision) {
  const std::unique_ptr<Embedder> embedder = TRY(LoadEmbedder({.name = "bench", .path = model, .precision = precision}));
  const auto embed = [&](std::span<const std::string> texts, Priority priority) { return embedder->Embed(texts, priority, Context()); };
  const std::span<const std::string> all(docs);
  TRY(embed(all.first(std::min<size_t>(64, docs.size())), Priority::kBulk));
  size_t done = 0;
  uint64_t tokens = 0;
  const double cpu_before = CpuSeconds();
  const auto start = Clock::now();
  while (Seconds(start) < seconds && done < docs.size()) {
    const auto slice = all.subspan(done, std::min<size_t>(256, docs.size() - done));
    const Embeddings vectors = TRY(embed(slice, Priority::kBulk));
    for (const uint32_t count : vectors.token_counts) tokens += count;
    done += slice.size();
  }
  const double elapsed = Seconds(start);
  const double cpu = CpuSeconds() - cpu_before;
  const Latencies idle = TRY(MeasureQueries(*embedder, queries));
  // The same while two callers keep the model busy with documents.
  std::atomic<bool> enough = false;
  std::vector<std::thread> callers;
  for (int c = 0; c < 2; ++c) {
    callers.emplace_back([&] {
      for (size_t at = 0; !enough; at = (at + 256) % docs.size()) {
        if (!embed(all.subspan(at, std::min<size_t>(256, docs.size() - at)), Priority::kBulk).ok()) return;
      }
    });
  }
  const auto busy = MeasureQueries(*embedder, queries);
  enough = true;
  for (std::thread& caller : callers) caller.join();
  TRY(busy.status());
  const ModelInfo& info = embedder->info();
  std::printf(
      "{\"peer\":\"saker "
      "%s\",\"docs_s\":%.1f,\"docs_cpu_s\":%.1f,\"tokens_s\":%.0f,\"mean_tokens\":%.1f,\"q_p50_ms\":%.3f,\"q_p99_ms\":%.3f,\"q_busy_p50_"
      "ms\":%.3f,\"q_busy_p99_ms\":%.3f,\"load_s\":%.2f,"
      "\"memory_mb\":%.1f,\"isa\":\"%s\"}\n",
      info.precision.c_str(), static_cast<double>(done) / elapsed, static_cast<double>(done) / cpu, static_cast<double>(tokens) / elapsed,
      static_cast<double>(tokens) / static_cast<double>(std::max<size_t>(1, done)), idle.p50_ms, idle.p99_ms, busy->p50_ms, busy->p99_ms,
      info.load_seconds, static_cast<double>(info.memory_bytes) / 1e6, IsaName(BestIsa()));
  std::fflush(stdout);
  return OkStatus();
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: saker_embed_bench MODEL_DIR IR_DIR [seconds] [fp32|bf16|all]\n");
    return 2;
  }
  const std::string folder = argv[2];
  const std::vector<std::string> docs = ReadTexts(folder + "/corpus.jsonl", true);
  const std::vector<std::string> queries = ReadTexts(folder + "/queries.jsonl", false);
  const double seconds = argc > 3 ? std::atof(argv[3]) : 10;
  const std::string which = argc > 4 ? argv[4] : "all";
  for (const auto& [name, precision] : {std::pair{"fp32", Precision::kFloat32}, std::pair{"bf16", Precision::kBFloat16}}) {
    if (which != "all" && which != name) continue;
    const Status status = Measure(argv[1], docs, queries, seconds, precision);
    if (!status.ok()) std::fprintf(stderr, "%s: %s\n", name, status.ToString().c_str());
    if (!status.ok() && status.code() != StatusCode::kUnimplemented) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace saker::embed

int main(int argc, char** argv) {
  return saker::embed::Main(argc, argv);
}
