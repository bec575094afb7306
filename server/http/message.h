// One HTTP request as a handler sees it, and its answer. Plain values, no library's types.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/context.h"

namespace saker::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;                    // "GET", "POST": upper case as it came
  std::string path;                      // percent-decoded, without the query
  std::string query;                     // what stood behind '?', raw
  Headers headers;                       // names in lower case
  std::string body;                      // whole; at most the server's limit
  std::vector<std::string> path_values;  // what the pattern's placeholders matched, in order
  std::string peer;                      // the client's address, for the log
  Context context;                       // has the router's deadline; cancelled when the client goes; its user is set once authenticated

  // The first value, or nullptr. `name` in lower case.
  const std::string* Header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return &value;
    }
    return nullptr;
  }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  Headers headers = {};  // beside Content-Type, Content-Length, Connection and CORS
};

}  // namespace saker::http
