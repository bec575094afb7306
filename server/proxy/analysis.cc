// Analyzers tried out: RunAnalyzer and ComputePhraseMatchSlop.
#include <utility>

#include "server/match/match_query.h"
#include "server/proxy/local_proxy.h"
#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

using analyzer::Analyzer;

// What one request may have analysed, so that its answer stays far below what a client takes.
constexpr size_t kMaxTexts = 16'384;
constexpr size_t kMaxBytes = size_t{4} << 20;
constexpr size_t kMaxTokensInAll = size_t{1} << 20;

Status CheckTexts(const std::vector<std::string>& texts) {
  if (texts.size() > kMaxTexts) return Invalid("there are ", texts.size(), " texts, at most ", kMaxTexts, " are allowed");
  size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  if (bytes > kMaxBytes) return Invalid("the texts have ", bytes, " bytes, at most ", kMaxBytes, " are allowed");
  return OkStatus();
}

// An analyzer's refusal as the request's.
template <typename T>
Result<T> AsInvalid(Result<T> made) {
  if (!made.ok()) return Invalid(made.status().message());
  return made;
}

Result<AnalyzedText> AnalyzeOne(const Analyzer& analyzer, const std::string& text) {
  AnalyzedText analyzed;
  const Status status = analyzer.Analyze(text, &analyzed.tokens);
  if (!status.ok()) return Invalid(status.message());
  for (const analyzer::Token& token : analyzed.tokens) analyzed.hashes.push_back(analyzer::TermId(token.text));
  return analyzed;
}

Status CheckStoredRequest(const RunAnalyzerRequest& request) {
  if (!request.analyzer_params.empty()) return Invalid("run analyzer can't use analyzer params and (collection,field) in same time");
  if (request.field.empty()) return Invalid("must set field name when collection name was set");
  const size_t names = request.analyzer_names.size();
  if (names > 1 && names != request.texts.size()) {
    return Invalid("only support set one analyzer name for all text or set analyzer name for each text, but now analyzer name num: ", names,
                   ", text num: ", request.texts.size());
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<AnalyzedText>> LocalProxy::RunAnalyzer(const RunAnalyzerRequest& request, const Context& context) {
  TRY(CheckTexts(request.texts));
  FieldAnalyzer analyzers;
  if (request.target.collection.empty()) {
    analyzers.one = TRY(AsInvalid(Analyzer::Make(request.analyzer_params)));
  } else {
    TRY(CheckStoredRequest(request));
    const CollectionPtr collection = TRY(Find(request.target));
    const FieldSchema* field = collection->schema->Find(request.field);
    if (field == nullptr) return MilvusError(MilvusErrorCode::kFieldNotFound, "field not found[field=", request.field, "]");
    if (!IsTrueParam(field->type_params, "enable_analyzer")) return Invalid("field ", request.field, " does not enable analyzer");
    analyzers = TRY(AsInvalid(analyzers_.Of(*field)));
  }
  if (analyzers.many == nullptr && !request.analyzer_names.empty()) {
    return Invalid("analyzer names are of a field with multi analyzer params, there is one analyzer here");
  }
  const auto analyzer_of = [&](size_t i) -> const Analyzer& {
    const std::vector<std::string>& names = request.analyzer_names;
    return analyzers.For(names.empty() ? "default" : names.size() == 1 ? names[0] : names[i]);
  };
  std::vector<AnalyzedText> results;
  size_t tokens = 0;
  for (size_t i = 0; i < request.texts.size(); ++i) {
    TRY(context.Check());
    results.push_back(TRY(AnalyzeOne(analyzer_of(i), request.texts[i])));
    tokens += results.back().tokens.size();
    if (tokens > kMaxTokensInAll) return Invalid("the texts have more than ", kMaxTokensInAll, " tokens");
  }
  return results;
}

Result<std::vector<std::optional<uint32_t>>> LocalProxy::ComputePhraseSlops(const PhraseSlopRequest& request, const Context& context) {
  TRY(CheckTexts(request.texts));
  std::vector<std::optional<uint32_t>> slops;
  if (request.phrase.empty()) return slops;
  const auto analyzer = TRY(AsInvalid(Analyzer::Make(request.analyzer_params)));
  const AnalyzedText phrase = TRY(AnalyzeOne(*analyzer, request.phrase));
  for (const std::string& text : request.texts) {
    TRY(context.Check());
    slops.push_back(match::LeastSlop(phrase.tokens, TRY(AnalyzeOne(*analyzer, text)).tokens));
  }
  return slops;
}

}  // namespace saker::proxy
