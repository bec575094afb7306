// The HTTP dialects of port 19530: Milvus' RESTful v2, OpenAI's embeddings, a health check and a welcome page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "server/http/router.h"
#include "server/models/model_registry.h"
#include "server/proxy/proxy.h"

namespace saker::rest {

// The users behind /v2/vectordb/users and the Authorization header; authentication being on is having one. Thread-safe.
class Accounts {
 public:
  virtual ~Accounts() = default;
  // `token` is "user:password" or whatever else the server gave out. The user's name, or Unauthenticated.
  virtual Result<std::string> Authenticate(std::string_view token, std::string_view peer) = 0;
  virtual std::vector<std::string> ListUsers() = 0;
  virtual Status CreateUser(const std::string& name, const std::string& password) = 0;
  virtual Status UpdatePassword(const std::string& name, const std::string& old_password, const std::string& new_password) = 0;
  virtual Status DropUser(const std::string& name) = 0;
};

struct RestParts {
  proxy::Proxy* proxy = nullptr;
  models::ModelRegistry* models = nullptr;
  Accounts* accounts = nullptr;  // nullptr: authentication is off
  std::string version;
};

// The parts must outlive the router's server.
void RegisterRest(http::Router& router, const RestParts& parts);

}  // namespace saker::rest
