// BM25 top-k on a text collection, beside bm25s and Tantivy (bm25_peers.py of the shared peers): one thread, JSON lines.
//   bm25_bench IR_DIR [--repeat N] [--k K] [--queries N] [--seconds S] [--stop-words 0|1] [--check 0|1]
// IR_DIR holds corpus.jsonl ("title", "text") and queries.jsonl ("text"). Tokens: lower-case words of two and more letters
// or digits, English stop words out, Snowball stems, numbered as they come: what bm25s does. The first line is the search
// with tokens at hand (as the peers' program times Tantivy), the second counts the tokenizer in (as it times bm25s). With
// --check the ranking is compared with a naive BM25 in double over the same tokens, up to ties.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <libstemmer.h>
#include <nlohmann/json.hpp>

#include "index/index.h"
#include "index/kernels/kernels.h"
#include "index/sparse/sparse.h"

namespace saker::index {
namespace {

using Clock = std::chrono::steady_clock;
using Row = std::vector<SparsePair>;

double Since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class Analyzer {
 public:
  explicit Analyzer(bool stop_words) : stemmer_(sb_stemmer_new("english", "UTF_8"), sb_stemmer_delete) {
    if (!stop_words) return;
    for (const char* word :
         {"a",  "an", "and", "are",  "as",   "at",  "be",    "but",  "by",    "for",   "if",   "in",   "into", "is",  "it",   "no",  "not",
          "of", "on", "or",  "such", "that", "the", "their", "then", "there", "these", "they", "this", "to",   "was", "will", "with"}) {
      stop_words_.insert(word);
    }
  }

  // Tokens as a row of frequencies; unknown stems get the next number when `learn`, else are left out.
  Row Tokenize(const std::string& text, bool learn) {
    std::vector<uint32_t> ids;
    std::string word;
    for (size_t i = 0; i <= text.size(); ++i) {
      const auto c = static_cast<unsigned char>(i < text.size() ? text[i] : ' ');
      if (std::isalnum(c) != 0 || c == '_' || c >= 0x80) {
        word.push_back(static_cast<char>(std::tolower(c)));
        continue;
      }
      if (word.size() > 1 && !stop_words_.contains(word)) {
        const sb_symbol* stem =
            sb_stemmer_stem(stemmer_.get(), reinterpret_cast<const sb_symbol*>(word.data()), static_cast<int>(word.size()));
        const std::string token(reinterpret_cast<const char*>(stem), static_cast<size_t>(sb_stemmer_length(stemmer_.get())));
        const auto found = numbers_.find(token);
        if (found != numbers_.end()) {
          ids.push_back(found->second);
        } else if (learn) {
          ids.push_back(static_cast<uint32_t>(numbers_.size()));
          numbers_.emplace(token, ids.back());
        }
      }
      word.clear();
    }
    std::sort(ids.begin(), ids.end());
    Row row;
    for (const uint32_t id : ids) {
      if (!row.empty() && row.back().index == id) {
        row.back().value += 1;
      } else {
        row.push_back({id, 1.0f});
      }
    }
    return row;
  }
  size_t size() const { return numbers_.size(); }

 private:
  std::unique_ptr<sb_stemmer, void (*)(sb_stemmer*)> stemmer_;
  std::unordered_set<std::string> stop_words_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

class RowSource final : public VectorSource {
 public:
  VectorType type() const override { return VectorType::kSparse; }
  size_t dim() const override { return 0; }
  size_t row_count() const override { return starts_.size() - 1; }
  const void* Row(size_t) const override { return nullptr; }
  SparseRowView SparseRow(size_t row) const override { return {pairs_.data() + starts_[row], starts_[row + 1] - starts_[row]}; }
  void Add(const std::vector<SparsePair>& pairs) {
    pairs_.insert(pairs_.end(), pairs.begin(), pairs.end());
    starts_.push_back(pairs_.size());
  }
  size_t pair_count() const { return pairs_.size(); }

 private:
  std::vector<SparsePair> pairs_;
  std::vector<size_t> starts_ = {0};
};

std::vector<std::string> ReadTexts(const std::string& path) {
  std::vector<std::string> texts;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line);
    const std::string title = json.value("title", "");
    texts.push_back(title.empty() ? json.at("text").get<std::string>() : title + " " + json.at("text").get<std::string>());
  }
  return texts;
}

// Scores of every row by the formula, in double, from plain lists.
class Naive {
 public:
  explicit Naive(const RowSource& source) : lengths_(source.row_count()) {
    for (uint32_t row = 0; row < lengths_.size(); ++row) {
      const auto view = source.SparseRow(row);
      for (size_t i = 0; i < view.count; ++i) {
        const SparsePair pair = LoadSparsePair(view.pairs, i);
        lists_[pair.index].push_back({row, pair.value});
        lengths_[row] += static_cast<double>(pair.value);
      }
      total_ += lengths_[row];
    }
  }

  // Whether the hits are the k best, up to ties.
  bool Confirms(const Row& query, size_t k, const std::vector<Hit>& hits) const {
    std::vector<double> scores(lengths_.size());
    const auto rows = static_cast<double>(lengths_.size());
    for (const SparsePair& wanted : query) {
      const auto list = lists_.find(wanted.index);
      if (list == lists_.end()) continue;
      const auto n = static_cast<double>(list->second.size());
      const double idf = std::log(1 + (rows - n + 0.5) / (n + 0.5));
      for (const SparsePair& pair : list->second) {
        const auto tf = static_cast<double>(pair.value);
        scores[pair.index] +=
            static_cast<double>(wanted.value) * idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * lengths_[pair.index] * rows / total_));
      }
    }
    std::vector<double> sorted;
    for (const double score : scores) {
      if (score > 0) sorted.push_back(score);
    }
    const size_t n = std::min(k, sorted.size());
    std::partial_sort(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(n), sorted.end(), std::greater<>());
    if (hits.size() != n) return false;
    for (size_t i = 0; i < n; ++i) {
      const double tolerance = 1e-6 * sorted[i];
      if (std::fabs(static_cast<double>(hits[i].score) - sorted[i]) > tolerance) return false;
      if (std::fabs(scores[hits[i].row] - sorted[i]) > tolerance) return false;
      if (i > 0 && hits[i].score == hits[i - 1].score && hits[i].row < hits[i - 1].row) return false;
    }
    return true;
  }

 private:
  std::unordered_map<uint32_t, std::vector<SparsePair>> lists_;  // (row, frequency)
  std::vector<double> lengths_;
  double total_ = 0;
};

struct Options {
  std::string folder;
  std::map<std::string, double> numbers = {{"--repeat", 1},  {"--k", 10},         {"--queries", 500},
                                           {"--seconds", 2}, {"--stop-words", 1}, {"--check", 1}};
  double operator[](const char* name) const { return numbers.at(name); }
};

void Run(const Options& options) {
  const auto texts = ReadTexts(options.folder + "/corpus.jsonl");
  auto questions = ReadTexts(options.folder + "/queries.jsonl");
  questions.resize(std::min(questions.size(), static_cast<size_t>(options["--queries"])));
  Analyzer analyzer(options["--stop-words"] != 0);
  const auto source = std::make_shared<RowSource>();
  auto begin = Clock::now();
  std::vector<Row> rows;
  for (const std::string& text : texts) rows.push_back(analyzer.Tokenize(text, true));
  const double tokenize_s = Since(begin);
  for (int i = 0; i < static_cast<int>(options["--repeat"]); ++i) {
    for (const Row& row : rows) source->Add(row);
  }
  begin = Clock::now();
  const auto index = BuildIndex({"SPARSE_INVERTED_INDEX", Metric::kBm25, {}}, source, {}).value();
  const double build_s = Since(begin);

  std::vector<Row> queries;
  size_t terms = 0;
  for (const std::string& question : questions) {
    queries.push_back(analyzer.Tokenize(question, false));
    terms += queries.back().size();
  }
  SearchRequest request;
  request.k = static_cast<size_t>(options["--k"]);
  SearchStats stats;
  const auto search = [&](const Row& query) {
    request.sparse_queries = {{query.data(), query.size()}};
    return index->Search(request, Context(), &stats).value()[0];
  };
  size_t wrong = 0;
  if (options["--check"] != 0) {
    const Naive naive(*source);
    for (const Row& query : queries) wrong += naive.Confirms(query, request.k, search(query)) ? 0 : 1;
  }
  stats = {};
  for (const bool tokens : {false, true}) {
    // The quietest of many passes: the machine is shared.
    double best = 1e9;
    size_t passes = 0;
    for (const auto start = Clock::now(); passes < 3 || Since(start) < options["--seconds"]; ++passes) {
      begin = Clock::now();
      for (size_t i = 0; i < queries.size(); ++i) (void)search(tokens ? analyzer.Tokenize(questions[i], false) : queries[i]);
      best = std::min(best, Since(begin));
    }
    nlohmann::ordered_json line;
    line["index"] = "SPARSE_INVERTED_INDEX BM25";
    line["isa"] = BestKernels().isa;
    line["docs"] = source->row_count();
    line["postings"] = source->pair_count();
    line["k"] = request.k;
    line["terms_per_query"] = static_cast<double>(terms) / static_cast<double>(queries.size());
    line["tokenizer_timed"] = tokens;
    line["qps"] = std::round(static_cast<double>(queries.size()) / best);
    line["tokenize_s"] = tokenize_s;
    line["build_s"] = build_s;
    line["memory_bytes"] = index->memory_bytes();
    if (!tokens) line["rows_touched"] = stats.distances / (passes * queries.size());
    if (options["--check"] != 0) line["queries_unlike_naive"] = wrong;
    std::printf("%s\n", line.dump().c_str());
  }
}

}  // namespace
}  // namespace saker::index

int main(int argc, char** argv) {
  saker::index::Options options;
  for (int i = 1; i < argc; ++i) {
    const auto number = options.numbers.find(argv[i]);
    if (number != options.numbers.end() && i + 1 < argc) {
      number->second = std::atof(argv[++i]);
    } else {
      options.folder = argv[i];
    }
  }
  if (options.folder.empty()) {
    std::fprintf(stderr, "usage: bm25_bench IR_DIR [--repeat N] [--k K] [--queries N] [--seconds S] [--stop-words 0|1] [--check 0|1]\n");
    return 2;
  }
  saker::index::Run(options);
}
