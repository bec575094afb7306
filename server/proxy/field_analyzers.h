// The analyzers of text fields, made once per description. Bounded; thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/mutex.h"
#include "common/result.h"
#include "server/analyzer/analyzer.h"
#include "server/analyzer/multi_analyzer.h"
#include "server/schema/schema.h"

namespace saker::proxy {

// How the texts of one field are read: all alike, or each row as the value of another field says.
struct FieldAnalyzer {
  std::shared_ptr<const analyzer::Analyzer> one;
  std::shared_ptr<const analyzer::MultiAnalyzer> many;  // or this

  const analyzer::Analyzer& For(std::string_view name) const { return many == nullptr ? *one : many->For(name); }
};

class FieldAnalyzers {
 public:
  // What the field's analyzer_params or multi_analyzer_params describe; the standard analyzer where it has none.
  Result<FieldAnalyzer> Of(const FieldSchema& field) EXCLUDES(mutex_);

 private:
  static constexpr size_t kMost = 256;

  Mutex mutex_;
  std::map<std::string, FieldAnalyzer, std::less<>> made_ GUARDED_BY(mutex_);  // by description
};

}  // namespace saker::proxy
