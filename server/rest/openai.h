// OpenAI's embeddings API over the configured models: /v1/embeddings, /v1/models.
#pragma once

#include "server/http/router.h"
#include "server/models/model_registry.h"

namespace saker::rest {

void AddOpenAiRoutes(http::Router* router, models::ModelRegistry* models);

}  // namespace saker::rest
