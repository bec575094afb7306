#include "server/proxy/field_analyzers.h"

namespace saker::proxy {

Result<FieldAnalyzer> FieldAnalyzers::Of(const FieldSchema& field) {
  const std::string* many = FindValue(field.type_params, "multi_analyzer_params");
  const std::string* one = FindValue(field.type_params, "analyzer_params");
  const std::string description = many != nullptr ? "many " + *many : one != nullptr ? "one " + *one : "";
  {
    MutexLock lock(mutex_);
    if (const auto found = made_.find(description); found != made_.end()) return found->second;
  }
  FieldAnalyzer made;
  if (many != nullptr) {
    made.many = TRY(analyzer::MultiAnalyzer::Make(*many));
  } else {
    made.one = TRY(analyzer::Analyzer::Make(one == nullptr ? std::string_view() : std::string_view(*one)));
  }
  MutexLock lock(mutex_);
  if (made_.size() >= kMost) made_.clear();
  return made_.emplace(description, std::move(made)).first->second;
}

}  // namespace saker::proxy
