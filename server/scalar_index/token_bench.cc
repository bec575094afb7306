// text_match and phrase_match over 100,000 sentences: through the index and by analysing every row.
//
// SAKER_BENCH_TEXT names a file with a sentence a line, longest use 100,000 of them (repeated when there are fewer) and
// SAKER_BENCH_WORDS the words to look for; without them sentences of words by Zipf's law are made up.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "common/file.h"
#include "server/analyzer/analyzer.h"
#include "server/scalar_index/scalar_index.h"

namespace saker::scalar_index {
namespace {

using match::MatchQuery;

constexpr size_t kRows = 100'000;

std::vector<std::string> MakeSentences() {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> share(0, 1);
  std::vector<std::string> sentences;
  for (size_t row = 0; row < kRows; ++row) {
    std::string text;
    for (int word = 0; word < 20; ++word) text += "w" + std::to_string(static_cast<int>(std::pow(50'000.0, share(random)))) + " ";
    sentences.push_back(std::move(text));
  }
  return sentences;
}

struct World {
  std::shared_ptr<const analyzer::Analyzer> analyzer = analyzer::Analyzer::Make("").value();
  Column texts{DataType::kVarChar, DataType::kNone, 0};
  std::vector<std::string> words = {"w100", "w7", "w30000"};  // in some, in many, in few rows
  Spec spec;
  std::shared_ptr<const ScalarIndex> index;

  World() {
    std::vector<std::string> sentences;
    if (const char* path = std::getenv("SAKER_BENCH_TEXT"); path != nullptr) {
      std::ifstream file(path);
      for (std::string line; std::getline(file, line);) sentences.push_back(line.substr(0, analyzer::kMaxTextBytes));
    }
    if (const char* given = std::getenv("SAKER_BENCH_WORDS"); given != nullptr) {
      words.clear();
      std::vector<analyzer::Token> tokens;
      if (analyzer->Analyze(given, &tokens).ok()) {
        for (const auto& token : tokens) words.push_back(token.text);
      }
    }
    if (sentences.empty()) sentences = MakeSentences();
    for (size_t row = 0; row < kRows; ++row) texts.AppendVariable(sentences[row % sentences.size()]);
    spec.type = "TOKENS";
    spec.field_type = DataType::kVarChar;
    index = BuildInMemory(spec, texts, Context()).value();
  }
};

const World& TheWorld() {
  static const World world;
  return world;
}

std::string AllWords() {
  std::string all;
  for (const std::string& word : TheWorld().words) all += word + " ";
  return all;
}

void Ask(benchmark::State& state, const MatchQuery& query, bool indexed) {
  const World& world = TheWorld();
  std::vector<uint64_t> bits(kRows / 64 + 1);
  std::vector<analyzer::Token> tokens;
  for (auto _ : state) {
    std::fill(bits.begin(), bits.end(), 0);
    if (indexed) {
      const Matches found = world.index->Find({.op = Query::Op::kMatch, .boolean = false, .operand = query});
      std::copy_n(found.matching.words(), found.matching.word_count(), bits.data());
    } else {
      for (size_t row = 0; row < kRows; ++row) {
        if (!world.analyzer->Analyze(world.texts.Text(row), &tokens).ok()) std::abort();
        if (query.Matches(tokens)) bits[row / 64] |= uint64_t{1} << (row % 64);
      }
    }
    benchmark::DoNotOptimize(bits.data());
  }
  size_t found = 0;
  for (const uint64_t word : bits) found += static_cast<size_t>(__builtin_popcountll(word));
  state.counters["rows"] = static_cast<double>(found);
}

void TextMatch(benchmark::State& state) {
  const World& world = TheWorld();
  const std::string& word = world.words[static_cast<size_t>(state.range(0)) % world.words.size()];
  Ask(state, MatchQuery::AnyOf(*world.analyzer, word, 1).value(), state.range(1) == 1);
}
BENCHMARK(TextMatch)->ArgNames({"word", "index"})->ArgsProduct({{0, 1, 2}, {0, 1}})->Unit(benchmark::kMicrosecond);

void TextMatchAll(benchmark::State& state) {
  Ask(state, MatchQuery::AnyOf(*TheWorld().analyzer, AllWords(), 2).value(), state.range(0) == 1);
}
BENCHMARK(TextMatchAll)->ArgName("index")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void PhraseMatch(benchmark::State& state) {
  Ask(state, MatchQuery::Phrase(*TheWorld().analyzer, AllWords(), 2).value(), state.range(0) == 1);
}
BENCHMARK(PhraseMatch)->ArgName("index")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void Build(benchmark::State& state) {
  const World& world = TheWorld();
  for (auto _ : state) {
    const std::string bytes = BuildScalarIndex(world.spec, world.texts, Context()).value();
    state.counters["index_bytes"] = static_cast<double>(bytes.size());
  }
  state.counters["text_bytes"] = static_cast<double>(world.texts.bytes().size());
}
BENCHMARK(Build)->Unit(benchmark::kMillisecond);

// What a load takes: the file is read, its checksums and every posting are tested.
void Open(benchmark::State& state) {
  const World& world = TheWorld();
  const std::string path = "token_bench.tmp";
  {
    const std::string bytes = BuildScalarIndex(world.spec, world.texts, Context()).value();
    std::ofstream(path, std::ios::binary) << bytes;
  }
  for (auto _ : state) {
    auto file = FileSystem::Posix().Load(path).value();
    benchmark::DoNotOptimize(OpenScalarIndex(std::move(file), path, world.spec, kRows).value());
  }
  std::remove(path.c_str());
}
BENCHMARK(Open)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace saker::scalar_index

BENCHMARK_MAIN();
