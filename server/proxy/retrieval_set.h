// For tests and benches: a retrieval set in BEIR's layout (corpus.jsonl, queries.jsonl, qrels.tsv) and what nDCG is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace saker::proxy {

struct RetrievalSet {
  std::vector<std::string> documents;                        // title and text
  std::vector<std::pair<std::string, std::string>> queries;  // id, text: those that are judged
  std::map<std::string, std::map<size_t, double>> relevant;  // query id -> place in documents -> grade
};

inline RetrievalSet ReadRetrievalSet(const std::filesystem::path& folder) {
  RetrievalSet set;
  std::map<std::string, size_t> places;
  std::string line;
  for (std::ifstream file(folder / "corpus.jsonl"); std::getline(file, line);) {
    const nlohmann::json document = nlohmann::json::parse(line);
    const std::string title = document.value("title", "");
    places[document["_id"].get<std::string>()] = set.documents.size();
    set.documents.push_back((title.empty() ? "" : title + " ") + document["text"].get<std::string>());
  }
  std::ifstream judgements(folder / "qrels.tsv");
  std::getline(judgements, line);
  std::string query, document;
  for (double grade = 0; judgements >> query >> document >> grade;) {
    if (grade > 0) set.relevant[query][places.at(document)] = grade;
  }
  for (std::ifstream file(folder / "queries.jsonl"); std::getline(file, line);) {
    const nlohmann::json one = nlohmann::json::parse(line);
    const std::string id = one["_id"].get<std::string>();
    if (set.relevant.contains(id)) set.queries.emplace_back(id, one["text"].get<std::string>());
  }
  return set;
}

// The normalised discounted cumulative gain of the first ten.
inline double NdcgAt10(const std::vector<size_t>& found, const std::map<size_t, double>& relevant) {
  std::vector<double> grades;
  for (const auto& [place, grade] : relevant) grades.push_back(grade);
  std::sort(grades.begin(), grades.end(), std::greater<>());
  double gain = 0, ideal = 0;
  for (size_t i = 0; i < 10; ++i) {
    const double discount = std::log2(static_cast<double>(i) + 2);
    if (i < grades.size()) ideal += grades[i] / discount;
    const auto grade = i < found.size() ? relevant.find(found[i]) : relevant.end();
    if (grade != relevant.end()) gain += grade->second / discount;
  }
  return ideal == 0 ? 0 : gain / ideal;
}

}  // namespace saker::proxy
