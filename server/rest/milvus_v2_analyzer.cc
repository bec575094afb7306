#include "server/rest/milvus_v2.h"

namespace saker::rest {

namespace {

struct Wanted {
  bool detail = false;
  bool hash = false;
};

void WriteToken(const proxy::AnalyzedText& text, size_t i, const Wanted& wanted, JsonWriter* out) {
  const analyzer::Token& token = text.tokens[i];
  out->BeginObject().Key("token").String(token.text);
  if (wanted.detail) {
    out->Key("startOffset").Number(token.start).Key("endOffset").Number(token.end);
    out->Key("position").Number(token.position).Key("positionLength").Number(token.position_length);
  }
  if (wanted.hash) out->Key("hash").Number(text.hashes[i]);
  out->EndObject();
}

Status RunAnalyzer(proxy::Proxy* proxy, const MilvusCall& call, JsonWriter* out) {
  proxy::RunAnalyzerRequest request;
  request.texts = TRY(call.body.Texts("text"));
  if (request.texts.empty()) return RestError(kMissingParameters, "missing required parameters, error: `text` is required");
  // JSON in a text, as Milvus takes it, or as it is.
  if (const auto params = call.body.Find("analyzerParams")) request.analyzer_params = ValueText(*params);
  request.target = {call.database, TRY(call.body.TextOr("collectionName", ""))};
  request.field = TRY(call.body.TextOr("fieldName", ""));
  request.analyzer_names = TRY(call.body.Texts("analyzerNames"));
  const Wanted wanted = {.detail = TRY(call.body.BoolOr("withDetail", false)), .hash = TRY(call.body.BoolOr("withHash", false))};
  const std::vector<proxy::AnalyzedText> texts = TRY(proxy->RunAnalyzer(request, call.context));
  out->Key("data").BeginObject().Key("results").BeginArray();
  for (const proxy::AnalyzedText& text : texts) {
    out->BeginObject().Key("tokens").BeginArray();
    for (size_t i = 0; i < text.tokens.size(); ++i) WriteToken(text, i, wanted, out);
    out->EndArray().EndObject();
  }
  out->EndArray().EndObject();
  return OkStatus();
}

}  // namespace

void AddAnalyzerRoutes(MilvusRoutes* routes) {
  proxy::Proxy* proxy = routes->proxy();
  routes->Add("common/run_analyzer", "RunAnalyzer",
              [proxy](const MilvusCall& call, JsonWriter* out) { return RunAnalyzer(proxy, call, out); });
}

}  // namespace saker::rest
