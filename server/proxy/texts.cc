#include "server/proxy/texts.h"

#include <simdjson.h>

#include "server/proxy/refusal.h"
#include "server/proxy/schema_rules.h"

namespace saker::proxy {
namespace {

// The model the field was made with, still the same one.
Result<std::string> ModelOf(const FunctionSchema& function, TextEmbedder* embedder) {
  const std::string* model = FindValue(function.params, "model_name");
  const std::string* fingerprint = FindValue(function.params, kFingerprintParam);
  CHECK(model != nullptr && fingerprint != nullptr);  // CompleteFunctions put them there
  if (embedder == nullptr) {
    return MilvusError(MilvusErrorCode::kServiceUnavailable, "function ", function.name, " needs model ", *model,
                       ", but no model is configured");
  }
  const TextModel found = TRY(embedder->Describe(*model));
  if (found.fingerprint != *fingerprint) {
    return Refused("field ", function.outputs.front(), " holds vectors of model ", *model, " with fingerprint ", *fingerprint,
                   ", but the configured model of that name has fingerprint ", found.fingerprint,
                   ": vectors of two models cannot be compared");
  }
  return *model;
}

}  // namespace

Result<Column> EmbedColumn(const CollectionSchema& schema, const FunctionSchema& function, const Column& texts, TextEmbedder* embedder,
                           const Context& context) {
  const std::string model = TRY(ModelOf(function, embedder));
  std::vector<std::string> inputs;
  inputs.reserve(texts.row_count());
  for (size_t row = 0; row < texts.row_count(); ++row) {
    if (!texts.IsValid(row) || texts.Text(row).empty()) {
      return Invalid("function ", function.name, ": field ", function.inputs.front(), ", row ", row, ": there is no text to embed");
    }
    inputs.emplace_back(texts.Text(row));
  }
  const std::vector<float> vectors = TRY(embedder->Embed(model, inputs, TextEmbedder::Use::kPassage, context));
  const FieldSchema& output = *schema.Find(function.outputs.front());
  const size_t expected = inputs.size() * static_cast<size_t>(output.dim);
  if (vectors.size() != expected) return Internal("model ", model, " gave ", vectors.size(), " numbers where ", expected, " were expected");
  Column column(output, inputs.size());
  column.AppendFixedRun(vectors.data(), inputs.size());
  return column;
}

Result<std::string> EmbedQueries(const CollectionSchema& schema, const FieldSchema& field, std::span<const std::string> texts,
                                 TextEmbedder* embedder, const Context& context) {
  const FunctionSchema* function = schema.FunctionFor(field.name);
  if (function == nullptr) {
    return Invalid("field ", field.name, " cannot be searched with text: no function makes its vectors from texts");
  }
  const std::string model = TRY(ModelOf(*function, embedder));
  for (const std::string& text : texts) {
    if (text.empty()) return Invalid("function ", function->name, ": a query text is empty");
    if (!simdjson::validate_utf8(text)) return Invalid("function ", function->name, ": a query text is not valid UTF-8");
  }
  const std::vector<float> vectors = TRY(embedder->Embed(model, texts, TextEmbedder::Use::kQuery, context));
  const size_t expected = texts.size() * static_cast<size_t>(field.dim);
  if (vectors.size() != expected) return Internal("model ", model, " gave ", vectors.size(), " numbers where ", expected, " were expected");
  return std::string(reinterpret_cast<const char*>(vectors.data()), vectors.size() * sizeof(float));
}

}  // namespace saker::proxy
