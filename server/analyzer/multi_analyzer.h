// Several analyzers of one field, chosen row by row by the value of another: Milvus' multi_analyzer_params.
//
// {"analyzers": {"default": {...}, "english": {...}}, "by_field": "lang", "alias": {"en": "english"}}. Immutable; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/analyzer/analyzer.h"

namespace saker::analyzer {

inline constexpr size_t kMaxAnalyzers = 64;

class MultiAnalyzer {
 public:
  static Result<std::shared_ptr<const MultiAnalyzer>> Make(std::string_view params_json);
  virtual ~MultiAnalyzer() = default;

  virtual const std::string& by_field() const = 0;
  // The analyzer of that name or alias, else the one named "default". Lives as long as this object.
  virtual const Analyzer& For(std::string_view name) const = 0;
};

}  // namespace saker::analyzer
