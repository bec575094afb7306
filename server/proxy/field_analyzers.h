// The analyzers of text fields, made once per description. Bounded; thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/mutex.h"
#include "common/result.h"
#include "server/analyzer/analyzer.h"
#include "server/schema/schema.h"

namespace saker::proxy {

class FieldAnalyzers {
 public:
  using Ptr = std::shared_ptr<const analyzer::Analyzer>;

  // What the field's analyzer_params describe; the standard analyzer where it has none.
  Result<Ptr> Of(const FieldSchema& field) EXCLUDES(mutex_);

 private:
  static constexpr size_t kMost = 256;

  Mutex mutex_;
  std::map<std::string, Ptr, std::less<>> made_ GUARDED_BY(mutex_);  // by description
};

// Whether the field's texts may be analyzed.
bool EnablesAnalyzer(const FieldSchema& field);

}  // namespace saker::proxy
