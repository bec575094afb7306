#include "server/rest/openai.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>
#include <utility>

#include "common/metrics.h"
#include "common/utf8.h"
#include "server/rest/base64.h"
#include "server/rest/json_reader.h"
#include "server/rest/json_writer.h"

namespace saker::rest {

namespace {

constexpr size_t kMaxInputs = 2048;

struct ApiError {
  int http_status = 400;
  std::string message;
  std::string param;  // empty: null
  std::string code;   // empty: null
};

// The official clients read message, type, param and code from inside "error".
http::Response ErrorResponse(const ApiError& error) {
  const char* type = error.http_status == 401   ? "authentication_error"
                     : error.http_status == 403 ? "permission_error"
                     : error.http_status == 429 ? "rate_limit_error"
                     : error.http_status >= 500 ? "server_error"
                                                : "invalid_request_error";
  JsonWriter out;
  out.BeginObject().Key("error").BeginObject().Key("message").String(ReadableUtf8(error.message)).Key("type").String(type).Key("param");
  error.param.empty() ? out.Null() : out.String(error.param);
  out.Key("code");
  error.code.empty() ? out.Null() : out.String(error.code);
  out.EndObject().EndObject();
  http::Response response{.status = error.http_status, .body = out.Take()};
  if (error.http_status == 429 || error.http_status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

// What a model or the server answers, as HTTP says it.
http::Response ErrorOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kNotFound: return ErrorResponse({404, status.message(), "model", "model_not_found"});
    case StatusCode::kInvalidArgument: return ErrorResponse({400, status.message(), "", ""});
    case StatusCode::kResourceExhausted: return ErrorResponse({429, status.message(), "", "rate_limit_exceeded"});
    case StatusCode::kUnavailable: return ErrorResponse({503, status.message(), "", "model_not_ready"});
    case StatusCode::kDeadlineExceeded: return ErrorResponse({504, status.message(), "", "timeout"});
    case StatusCode::kCancelled: return ErrorResponse({499, status.message(), "", "cancelled"});
    default: return ErrorResponse({500, status.message(), "", ""});
  }
}

http::Response ShapeError(int http_status, const Status& status) {
  if (http_status == 401) return ErrorResponse({401, "Incorrect API key provided: " + status.message(), "", "invalid_api_key"});
  if (http_status == 507) return ErrorResponse({503, status.message(), "", "out_of_memory"});
  if (http_status == 503) return ErrorResponse({429, status.message(), "", "rate_limit_exceeded"});
  return ErrorResponse({http_status, status.message(), "", ""});
}

// A wrong request says which parameter is wrong.
class BadRequest {
 public:
  template <typename... Parts>
  explicit BadRequest(const char* param, const Parts&... parts) : error_{400, internal::Join(parts...), param, ""} {}
  operator http::Response() const { return ErrorResponse(error_); }  // NOLINT(google-explicit-constructor)

 private:
  ApiError error_;
};

// Fills `texts`, or says why not.
std::optional<http::Response> ReadInput(const JsonObject& body, std::vector<std::string>* texts) {
  static const char kTokens[] =
      "`input` holds numbers: token ids are those of another tokenizer than the model's and would give wrong vectors. Send the text itself "
      "(LangChain: check_embedding_ctx_length=False)";
  const auto input = body.Find("input");
  if (!input) return BadRequest("input", "`input` is required: a string or a list of strings");
  std::string_view text;
  simdjson::dom::array list;
  if (input->get(text) == simdjson::SUCCESS) {
    texts->emplace_back(text);
  } else if (input->get(list) == simdjson::SUCCESS) {
    if (list.size() > kMaxInputs)
      return BadRequest("input", "`input` has ", list.size(), " texts, at most ", kMaxInputs, " are taken at once");
    for (const JsonElement element : list) {
      if (element.is_number() || element.is_array()) return BadRequest("input", kTokens);
      if (element.get(text) != simdjson::SUCCESS) return BadRequest("input", "`input` should hold strings, one is ", TypeName(element));
      texts->emplace_back(text);
    }
  } else {
    return BadRequest("input", "`input` should be a string or a list of strings, it is ", TypeName(*input));
  }
  if (texts->empty()) return BadRequest("input", "`input` is an empty list");
  for (size_t i = 0; i < texts->size(); ++i) {
    if ((*texts)[i].empty()) return BadRequest("input", "`input` has an empty string at index ", i);
  }
  return std::nullopt;
}

http::Response WriteEmbeddings(const embed::Embeddings& embeddings, const embed::ModelInfo& model, bool base64) {
  const auto dim = static_cast<size_t>(model.dim);
  const size_t count = dim == 0 ? 0 : embeddings.values.size() / dim;
  JsonWriter out;
  out.text().reserve(count * (dim * (base64 ? 6 : 12) + 64));
  out.BeginObject().Key("object").String("list").Key("data").BeginArray();
  for (size_t i = 0; i < count; ++i) {
    const float* row = embeddings.values.data() + i * dim;
    out.BeginObject().Key("object").String("embedding").Key("index").Number(i).Key("embedding");
    if (base64) {
      out.Raw("\"");
      AppendBase64(&out.text(), {reinterpret_cast<const char*>(row), dim * sizeof(float)});
      out.text().push_back('"');
    } else {
      out.BeginArray();
      for (size_t j = 0; j < dim; ++j) out.Number(row[j]);
      out.EndArray();
    }
    out.EndObject();
  }
  const uint64_t tokens = std::accumulate(embeddings.token_counts.begin(), embeddings.token_counts.end(), uint64_t{0});
  out.EndArray().Key("model").String(model.name).Key("usage").BeginObject().Key("prompt_tokens").Number(tokens);
  out.Key("total_tokens").Number(tokens).EndObject().EndObject();
  return {.body = out.Take()};
}

http::Response Embeddings(models::ModelRegistry* models, const http::Request& request) {
  const auto document = JsonDocument::Parse(request.body);
  if (!document.ok()) return ErrorResponse({400, document.status().message(), "", ""});
  const JsonObject& body = (*document)->root();
  const Result<std::string> name = body.Text("model");
  if (!name.ok()) return BadRequest("model", "`model` is required: the name of a configured model, see GET /v1/models");
  const Result<std::string> format = body.TextOr("encoding_format", "float");
  if (!format.ok() || (*format != "float" && *format != "base64")) {
    return BadRequest("encoding_format", "`encoding_format` should be \"float\" or \"base64\"");
  }
  std::vector<std::string> texts;
  if (auto refused = ReadInput(body, &texts)) return *refused;
  const Result<embed::ModelInfo> model = models->Info(*name);
  if (!model.ok()) return ErrorOf(model.status());
  const Result<int64_t> dimensions = body.IntegerOr("dimensions", model->dim);
  if (!dimensions.ok() || *dimensions != model->dim) {
    return BadRequest("dimensions", "the model ", model->name, " gives ", model->dim,
                      " dimensions and cannot be shortened; leave `dimensions` out");
  }
  // One text is most likely a question that somebody waits for; a client may say otherwise.
  auto use = texts.size() == 1 ? proxy::TextEmbedder::Use::kQuery : proxy::TextEmbedder::Use::kPassage;
  const Result<std::string> input_type = body.TextOr("input_type", "");
  if (input_type.ok() && *input_type == "query") use = proxy::TextEmbedder::Use::kQuery;
  if (input_type.ok() && (*input_type == "passage" || *input_type == "document")) use = proxy::TextEmbedder::Use::kPassage;
  const Result<embed::Embeddings> embeddings = models->EmbedTexts(*name, texts, use, request.context);
  if (!embeddings.ok()) return ErrorOf(embeddings.status());
  return WriteEmbeddings(*embeddings, *model, *format == "base64");
}

void WriteModel(const models::ModelStatus& model, const std::string& id, JsonWriter* out) {
  out->BeginObject().Key("id").String(id).Key("object").String("model").Key("created").Number(model.created_unix);
  out->Key("owned_by").String("saker").Key("state").String(models::ModelStateName(model.state));
  if (id != model.entry.name) out->Key("alias_of").String(model.entry.name);
  if (model.state == models::ModelState::kReady) {
    out->Key("dimensions").Number(model.info.dim).Key("max_model_len").Number(model.info.max_tokens);
  }
  if (!model.reason.empty()) out->Key("reason").String(model.reason);
  out->EndObject();
}

http::Response ListModels(models::ModelRegistry* models) {
  JsonWriter out;
  out.BeginObject().Key("object").String("list").Key("data").BeginArray();
  for (const models::ModelStatus& model : models->List()) {
    WriteModel(model, model.entry.name, &out);
    for (const std::string& alias : model.entry.aliases) WriteModel(model, alias, &out);
  }
  out.EndArray().EndObject();
  return {.body = out.Take()};
}

http::Response OneModel(models::ModelRegistry* models, const std::string& id) {
  for (const models::ModelStatus& model : models->List()) {
    const auto& aliases = model.entry.aliases;
    if (model.entry.name != id && std::find(aliases.begin(), aliases.end(), id) == aliases.end()) continue;
    JsonWriter out;
    WriteModel(model, id, &out);
    return {.body = out.Take()};
  }
  return ErrorResponse({404, "The model `" + id + "` does not exist", "model", "model_not_found"});
}

}  // namespace

void AddOpenAiRoutes(http::Router* router, models::ModelRegistry* models) {
  using http::Access;
  using http::RunOn;
  router->SetErrorShape("/v1/", ShapeError);
  router->SetErrorShape("/embeddings", ShapeError);
  for (const char* path : {"/v1/embeddings", "/embeddings"}) {
    router->Add({"POST", path, Access::kAuthenticated, RunOn::kPool, [models](const http::Request& request) {
                   const auto start = Context::Clock::now();
                   http::Response response = Embeddings(models, request);
                   GetHistogram("saker_rest_openai_seconds", "Answers of /v1/embeddings.", LatencySecondsBuckets(),
                                {{"status", response.status == 200 ? "success" : "fail"}})
                       .Observe(std::chrono::duration<double>(Context::Clock::now() - start).count());
                   return response;
                 }});
  }
  router->Add({"GET", "/v1/models", Access::kAuthenticated, RunOn::kPool, [models](const http::Request&) { return ListModels(models); }});
  router->Add({"GET", "/v1/models/{model...}", Access::kAuthenticated, RunOn::kPool,
               [models](const http::Request& request) { return OneModel(models, request.path_values[0]); }});
}

}  // namespace saker::rest
