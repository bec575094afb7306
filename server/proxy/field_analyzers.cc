#include "server/proxy/field_analyzers.h"

#include "server/proxy/params.h"

namespace saker::proxy {

Result<FieldAnalyzers::Ptr> FieldAnalyzers::Of(const FieldSchema& field) {
  const std::string* given = FindValue(field.type_params, "analyzer_params");
  const std::string_view description = given == nullptr ? std::string_view() : std::string_view(*given);
  {
    MutexLock lock(mutex_);
    if (const auto found = made_.find(description); found != made_.end()) return found->second;
  }
  Ptr made = TRY(analyzer::Analyzer::Make(description));
  MutexLock lock(mutex_);
  if (made_.size() >= kMost) made_.clear();
  return made_.emplace(description, std::move(made)).first->second;
}

bool EnablesAnalyzer(const FieldSchema& field) {
  const std::string* text = FindValue(field.type_params, "enable_analyzer");
  bool enabled = false;
  return text != nullptr && ParseBoolean(*text, &enabled) && enabled;
}

}  // namespace saker::proxy
