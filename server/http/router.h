// Method and path to handler, with who may call it; and how each dialect words what the server itself has to refuse.
//
// A pattern is a path with placeholders: `{x}` stands for one segment, `{x...}` for one or more (a model's name may hold
// slashes). Filled before the server starts and only read afterwards: then thread-safe.
//
// Default deny: every route states its access, and one that is not open is never reached without a checked caller while
// an authenticator is set.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/result.h"
#include "server/http/message.h"

namespace saker::http {

enum class Access {
  kOpen,           // says nothing about data: a health check, the welcome page
  kAuthenticated,  // any known user
  kRoot,           // root alone
};

// kPool handlers may block and run on the server's pool; kInline ones answer at once on a network thread.
enum class RunOn { kPool, kInline };

using Handler = std::function<Response(const Request&)>;
// An error in a dialect's own shape. `http_status` is what plain HTTP would say (404, 413, 503 ...).
using ErrorShape = std::function<Response(int http_status, const Status& error)>;
// The caller's name, or why not; looks at the Authorization header. May take as long as a password hash takes.
using Authenticator = std::function<Result<std::string>(const Request&)>;

struct Route {
  std::string method;
  std::string pattern;
  Access access = Access::kRoot;
  RunOn run_on = RunOn::kPool;
  Handler handler;
};

class Router {
 public:
  void Add(Route route);
  // Errors below this path prefix are worded by `shape`; the longest prefix wins. "" is the default for all.
  void SetErrorShape(std::string prefix, ErrorShape shape);
  // Without one (authentication is off) every caller is let in and context.user stays empty.
  void SetAuthenticator(Authenticator authenticator) { authenticator_ = std::move(authenticator); }

  // When each request must be done, by its headers; without one requests have all the time they want.
  void SetDeadline(std::function<Context::Clock::time_point(const Request&)> deadline) { deadline_ = std::move(deadline); }
  Context::Clock::time_point Deadline(const Request& request) const {
    return deadline_ ? deadline_(request) : Context::Clock::time_point::max();
  }

  // The route, with path_values filled in; nullptr and in `http_status` 404 or 405.
  const Route* Find(Request* request, int* http_status) const;
  // Authenticates and runs the handler; never throws. On the thread of whoever calls.
  Response Run(const Route& route, Request* request) const;
  Response Error(std::string_view path, int http_status, const Status& error) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
  std::unordered_map<std::string, std::vector<size_t>> exact_;  // patterns without placeholders
  std::vector<size_t> patterns_;
  std::vector<std::pair<std::string, ErrorShape>> shapes_;
  Authenticator authenticator_;
  std::function<Context::Clock::time_point(const Request&)> deadline_;
};

// True when `path` fits; `values` then holds what the placeholders matched.
bool MatchPattern(std::string_view pattern, std::string_view path, std::vector<std::string>* values);
// False for a broken escape or an encoded NUL.
bool PercentDecode(std::string_view text, std::string* out);

}  // namespace saker::http
