#include "server/http/router.h"

#include <exception>
#include <new>
#include <utility>

#include "common/log.h"

namespace saker::http {

namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Response PlainError(int http_status, const Status& error) {
  Response response;
  response.status = http_status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = error.message() + "\n";
  return response;
}

}  // namespace

bool PercentDecode(std::string_view text, std::string* out) {
  out->clear();
  out->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return false;
    out->push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

// Tries the longest text for a placeholder first; a pattern has few of them, so the backtracking stays small.
bool MatchPattern(std::string_view pattern, std::string_view path, std::vector<std::string>* values) {
  const size_t open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == path;
  if (path.substr(0, open) != pattern.substr(0, open)) return false;
  const size_t close = pattern.find('}', open);
  const bool many = pattern.substr(open, close - open).ends_with("...");
  pattern.remove_prefix(close + 1);
  path.remove_prefix(open);
  size_t longest = path.size();
  if (!many && path.find('/') != std::string_view::npos) longest = path.find('/');
  for (size_t length = longest; length > 0; --length) {
    values->emplace_back(path.substr(0, length));
    if (MatchPattern(pattern, path.substr(length), values)) return true;
    values->pop_back();
  }
  return false;
}

void Router::Add(Route route) {
  const size_t at = routes_.size();
  if (route.pattern.find('{') == std::string::npos) {
    exact_[route.pattern].push_back(at);
  } else {
    patterns_.push_back(at);
  }
  routes_.push_back(std::move(route));
}

void Router::SetErrorShape(std::string prefix, ErrorShape shape) {
  shapes_.emplace_back(std::move(prefix), std::move(shape));
}

const Route* Router::Find(Request* request, int* http_status) const {
  const std::string_view method = request->method == "HEAD" ? std::string_view("GET") : std::string_view(request->method);
  bool path_known = false;
  if (const auto found = exact_.find(request->path); found != exact_.end()) {
    for (const size_t at : found->second) {
      if (routes_[at].method == method) return &routes_[at];
    }
    path_known = true;
  }
  for (const size_t at : patterns_) {
    std::vector<std::string> values;
    if (!MatchPattern(routes_[at].pattern, request->path, &values)) continue;
    path_known = true;
    if (routes_[at].method != method) continue;
    request->path_values = std::move(values);
    return &routes_[at];
  }
  *http_status = path_known ? 405 : 404;
  return nullptr;
}

Response Router::Error(std::string_view path, int http_status, const Status& error) const {
  const ErrorShape* best = nullptr;
  size_t length = 0;
  for (const auto& [prefix, shape] : shapes_) {
    if (path.starts_with(prefix) && (best == nullptr || prefix.size() >= length)) {
      best = &shape;
      length = prefix.size();
    }
  }
  return best != nullptr ? (*best)(http_status, error) : PlainError(http_status, error);
}

Response Router::Run(const Route& route, Request* request) const {
  try {
    if (route.access != Access::kOpen && authenticator_) {
      Result<std::string> user = authenticator_(*request);
      if (!user.ok()) return Error(request->path, 401, user.status());
      request->context.user = *user;
      if (route.access == Access::kRoot && *user != "root") {
        return Error(request->path, 403, PermissionDenied("only root may call ", request->path, ", not ", *user));
      }
    }
    return route.handler(*request);
  } catch (const std::bad_alloc&) {
    return Error(request->path, 503, ResourceExhausted("not enough memory to answer a request of ", request->body.size(), " bytes"));
  } catch (const std::exception& error) {
    Log(kError, "request failed unexpectedly", {{"path", request->path}, {"error", error.what()}});
    return Error(request->path, 500, Internal("unexpected error: ", error.what()));
  }
}

}  // namespace saker::http
