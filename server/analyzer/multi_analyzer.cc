#include "server/analyzer/multi_analyzer.h"

#include <utility>

#include "server/analyzer/json_params.h"
#include "server/analyzer/string_set.h"

namespace saker::analyzer {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

class ByName : public MultiAnalyzer {
 public:
  Status Read(object params) {
    const auto field = FindMember(params, "by_field");
    std::string_view name;
    if (!field) return InvalidArgument("multi analyzer params now must set by_field to specify with field decide analyzer");
    if (field->get(name) != simdjson::SUCCESS) {
      return InvalidArgument("multi analyzer params by_field must be string but now: ", simdjson::minify(*field));
    }
    by_field_ = name;
    TRY(ReadAnalyzers(params));
    return ReadAliases(params);
  }
  const std::string& by_field() const override { return by_field_; }
  const Analyzer& For(std::string_view name) const override {
    const auto alias = aliases_.find(name);
    const auto found = analyzers_.find(alias == aliases_.end() ? name : std::string_view(alias->second));
    return found == analyzers_.end() ? *default_ : *found->second;
  }

 private:
  Status ReadAnalyzers(object params) {
    const auto list = FindMember(params, "analyzers");
    object analyzers;
    if (!list) return InvalidArgument("multi analyzer params must set analyzers ");
    if (list->get(analyzers) != simdjson::SUCCESS) return InvalidArgument("unmarshal analyzers failed: it should be a json map");
    for (const auto [name, analyzer] : analyzers) {
      if (analyzers_.size() == kMaxAnalyzers) return InvalidArgument("multi analyzer has more than ", kMaxAnalyzers, " analyzers");
      auto made = Analyzer::Make(std::string(simdjson::minify(analyzer)));
      if (!made.ok()) return InvalidArgument("multi analyzer ", name, ": ", made.status().message());
      analyzers_[std::string(name)] = std::move(made).value();
    }
    const auto found = analyzers_.find(std::string_view("default"));
    if (found == analyzers_.end()) return InvalidArgument("multi analyzer must set default analyzer for all unknown value");
    default_ = found->second;
    return OkStatus();
  }
  Status ReadAliases(object params) {
    const auto member = FindMember(params, "alias");
    if (!member) return OkStatus();
    const auto wrong = [&] { return InvalidArgument("multi analyzer alias must be string map but now: ", simdjson::minify(*member)); };
    object aliases;
    if (member->get(aliases) != simdjson::SUCCESS) return wrong();
    for (const auto [name, target] : aliases) {
      std::string_view analyzer;
      if (target.get(analyzer) != simdjson::SUCCESS) return wrong();
      if (aliases_.size() == kMaxListItems) return InvalidArgument("multi analyzer has more than ", kMaxListItems, " aliases");
      aliases_[std::string(name)] = analyzer;
    }
    return OkStatus();
  }

  std::string by_field_;
  StringMap<std::shared_ptr<const Analyzer>> analyzers_;
  StringMap<std::string> aliases_;
  std::shared_ptr<const Analyzer> default_;
};

}  // namespace

Result<std::shared_ptr<const MultiAnalyzer>> MultiAnalyzer::Make(std::string_view params_json) {
  if (params_json.size() > kMaxParamsBytes) {
    return InvalidArgument("multi analyzer params of ", params_json.size(), " bytes, at most ", kMaxParamsBytes, " are allowed");
  }
  simdjson::dom::parser parser;
  object params;
  const auto error = parser.parse(params_json.data(), params_json.size()).get(params);
  if (error != simdjson::SUCCESS) return InvalidArgument("multi analyzer params are no json map: ", simdjson::error_message(error));
  auto analyzers = std::make_shared<ByName>();
  TRY(analyzers->Read(params));
  return std::shared_ptr<const MultiAnalyzer>(std::move(analyzers));
}

}  // namespace saker::analyzer
