#include "server/proxy/analyzer_rules.h"

#include "server/analyzer/multi_analyzer.h"
#include "server/proxy/params.h"
#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

Status CheckMultiAnalyzer(const CollectionSchema& schema, const FieldSchema& field, const std::string& params) {
  if (IsTrueParam(field.type_params, "enable_match")) {
    return Invalid("multi analyzer now only support for bm25, but now field ", field.name, " enable match");
  }
  if (FindValue(field.type_params, "analyzer_params") != nullptr) {
    return Invalid("field ", field.name, " analyzer params should be none if has multi analyzer params");
  }
  const auto analyzers = analyzer::MultiAnalyzer::Make(params);
  if (!analyzers.ok()) return Invalid("field ", field.name, ": ", analyzers.status().message());
  const std::string& name = analyzers.value()->by_field();
  const FieldSchema* chooser = schema.Find(name);
  if (chooser == nullptr) return Invalid("multi analyzer dependent field ", name, " not exist in collection ", schema.name);
  if (chooser->type != DataType::kVarChar) {
    return Invalid("multi analyzer params now only support by string field, but field ", name, " is not string");
  }
  return OkStatus();
}

}  // namespace

Status CheckAnalyzers(const CollectionSchema& schema, const FieldSchema& field) {
  for (const std::string_view key : {"enable_analyzer", "enable_match"}) {
    const std::string* text = FindValue(field.type_params, key);
    bool flag = false;
    if (text != nullptr && !ParseBoolean(*text, &flag)) {
      return Invalid("invalid value of ", key, " of field ", field.name, ": ", *text, ", expected true or false");
    }
    if (flag && field.type != DataType::kVarChar) {
      return Invalid(key, " of field ", field.name, " needs a VarChar, but the field is ", DataTypeName(field.type));
    }
  }
  if (!IsTrueParam(field.type_params, "enable_analyzer")) {
    if (!IsTrueParam(field.type_params, "enable_match")) return OkStatus();
    return Invalid("field ", field.name, " which has enable_match or is input of BM25 function must also enable_analyzer");
  }
  if (const std::string* params = FindValue(field.type_params, "multi_analyzer_params")) return CheckMultiAnalyzer(schema, field, *params);
  const std::string* params = FindValue(field.type_params, "analyzer_params");
  const auto made = analyzer::Analyzer::Make(params == nullptr ? "" : *params);
  if (!made.ok()) return Invalid("invalid analyzer_params of field ", field.name, ": ", made.status().message());
  return OkStatus();
}

}  // namespace saker::proxy
