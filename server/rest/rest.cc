#include "server/rest/rest.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "server/rest/milvus_v2.h"
#include "server/rest/openai.h"
#include "server/rest/welcome.h"

namespace saker::rest {

namespace {

// "Request-Timeout: 5" is Milvus' header, taken by the other dialects too; embedding many texts may take minutes.
Context::Clock::time_point Deadline(const http::Request& request) {
  constexpr int64_t kMaxSeconds = 24 * 3600;
  int64_t seconds = 0;
  const std::string* header = request.Header("request-timeout");
  if (header == nullptr || !ParseInteger(*header, &seconds) || seconds <= 0) seconds = request.path.starts_with(kMilvusPrefix) ? 30 : 600;
  return Context::Clock::now() + std::chrono::seconds(std::min(seconds, kMaxSeconds));
}

// A Host header is the client's text: only what can stand in a URL is repeated.
std::string HostOf(const http::Request& request) {
  const std::string* host = request.Header("host");
  const auto allowed = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == ':' || c == '-' || c == '[' ||
           c == ']';
  };
  if (host == nullptr || host->empty() || host->size() > 255 || !std::all_of(host->begin(), host->end(), allowed)) return "localhost:19530";
  return *host;
}

http::Response Welcome(const RestParts& parts, const http::Request& request) {
  return {.content_type = "text/plain; charset=utf-8", .body = WelcomePage(parts.version, HostOf(request), !parts.models->List().empty())};
}

http::Response Health(const RestParts& parts) {
  http::Response response{.content_type = "text/plain; charset=utf-8"};
  for (const std::string& reason : parts.missing ? parts.missing() : parts.models->Missing()) response.body += reason + "\n";
  if (!response.body.empty()) response.status = 503;
  return response;
}

}  // namespace

void RegisterRest(http::Router& router, const RestParts& given) {
  RestParts parts = given;
  if (parts.authenticator != nullptr && !parts.authenticator->enabled()) parts.authenticator = nullptr;
  if (parts.authenticator != nullptr) {
    router.SetAuthenticator([authenticator = parts.authenticator](const http::Request& request) -> Result<std::string> {
      const std::string* header = request.Header("authorization");
      const auto value = header != nullptr ? std::optional<std::string_view>(*header) : std::nullopt;
      return TRY(authenticator->AuthenticateHttp(value, request.peer)).user;
    });
  }
  router.SetDeadline(Deadline);
  router.SetErrorShape("", MilvusError);
  MilvusRoutes milvus(&router, parts);
  AddCollectionRoutes(&milvus);
  AddEntityRoutes(&milvus);
  AddSearchRoutes(&milvus);
  AddAdminRoutes(&milvus);
  AddAnalyzerRoutes(&milvus);
  AddOpenAiRoutes(&router, parts.models);
  router.Add(
      {"GET", "/", http::Access::kOpen, http::RunOn::kInline, [parts](const http::Request& request) { return Welcome(parts, request); }});
  router.Add({"GET", "/health", http::Access::kOpen, http::RunOn::kPool, [parts](const http::Request&) { return Health(parts); }});
}

}  // namespace saker::rest
