// The HTTP dialects of port 19530: Milvus' RESTful v2, OpenAI's embeddings, a health check and a welcome page.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/auth/authenticator.h"
#include "server/http/router.h"
#include "server/models/model_registry.h"
#include "server/proxy/proxy.h"

namespace saker::rest {

struct RestParts {
  proxy::Proxy* proxy = nullptr;
  models::ModelRegistry* models = nullptr;
  auth::Authenticator* authenticator = nullptr;  // nullptr is the same as one that is not enabled
  std::string version = {};
  // What stands between the server and right answers, for /health; empty: only the models are asked.
  std::function<std::vector<std::string>()> missing = {};
};

// The parts must outlive the router's server.
void RegisterRest(http::Router& router, const RestParts& parts);

}  // namespace saker::rest
