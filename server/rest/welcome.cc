#include "server/rest/welcome.h"

namespace saker::rest {

// GET / of the public port: what to type first. The host is the one the reader has used, so that lines can be copied.
std::string WelcomePage(const std::string& version, const std::string& host, bool has_models) {
  const std::string base = "http://" + host;
  const std::string post = "curl -s " + base + "/v2/vectordb/";
  std::string page = "This is Saker " + version + ": a vector database that embeds text in the same process.\n\n";
  page +=
      "Milvus clients (gRPC and REST) and the OpenAI embeddings API are served on this port.\n"
      "With authentication on, add:  -H 'Authorization: Bearer root:<password>'\n\n"
      "Create a collection, put two rows in, find the nearest:\n\n";
  page += "  " + post + "collections/create -d '{\"collectionName\": \"demo\", \"dimension\": 4}'\n";
  page +=
      "  " + post +
      "entities/insert -d '{\"collectionName\": \"demo\", \"data\": [{\"id\": 1, \"vector\": [0.1, 0.2, 0.3, 0.4], \"color\": \"red\"}, "
      "{\"id\": 2, \"vector\": [0.4, 0.3, 0.2, 0.1], \"color\": \"blue\"}]}'\n";
  page += "  " + post +
          "entities/search -d '{\"collectionName\": \"demo\", \"data\": [[0.1, 0.2, 0.3, 0.4]], \"limit\": 2, \"outputFields\": "
          "[\"color\"]}'\n\n";
  if (has_models) {
    page += "Text to vectors:\n\n  curl -s " + base + "/v1/models\n  curl -s " + base +
            "/v1/embeddings -d '{\"model\": \"<a name from there>\", \"input\": \"hello\"}'\n\n";
  } else {
    page += "Text to vectors: name a model first (the server notices):  saker model add NAME PATH\n\n";
  }
  page += "Python:  pip install pymilvus;  MilvusClient(\"" + base + "\")\n";
  page += "More: README.md and docs/ of the source tree; Milvus' own documentation holds for the API: https://milvus.io/docs\n";
  return page;
}

}  // namespace saker::rest
