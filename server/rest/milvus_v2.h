// Milvus' RESTful v2: what its endpoints share. Every one is a POST with a JSON body and answers HTTP 200 with
// {"code":0,"data":...} or {"code":<Milvus code>,"message":...}.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "server/proxy/proxy.h"
#include "server/rest/json_reader.h"
#include "server/rest/json_writer.h"
#include "server/rest/rest.h"
#include "server/rest/rows_out.h"

namespace saker::rest {

inline constexpr std::string_view kMilvusPrefix = "/v2/vectordb/";

// One request, read as far as all endpoints do it alike.
struct MilvusCall {
  const JsonObject& body;
  std::string database;  // from the body, else from the DB-Name header, else "default"
  Context context;
  Int64As int64_as = Int64As::kNumber;

  // The collection that `collectionName` names; an error when it is absent.
  Result<proxy::CollectionRef> Target() const;
};

// Writes the answer's members after "code": a key "data" and perhaps more.
using MilvusHandler = std::function<Status(const MilvusCall& call, JsonWriter* out)>;

class MilvusRoutes {
 public:
  MilvusRoutes(http::Router* router, const RestParts& parts) : router_(router), parts_(parts) {}

  // `method` is the gRPC method whose rights the endpoint needs (auth::Authenticator::Authorize).
  void Add(std::string_view path, std::string_view method, MilvusHandler handler);
  // An endpoint of Milvus that this server knows and does not have.
  void AddUnsupported(std::string_view path, std::string_view what);

  proxy::Proxy* proxy() const { return parts_.proxy; }
  auth::Authenticator* authenticator() const { return parts_.authenticator; }

 private:
  http::Router* const router_;
  const RestParts parts_;
};

void AddCollectionRoutes(MilvusRoutes* routes);
void AddEntityRoutes(MilvusRoutes* routes);
void AddSearchRoutes(MilvusRoutes* routes);
void AddAnalyzerRoutes(MilvusRoutes* routes);
void AddAdminRoutes(MilvusRoutes* routes);  // databases, partitions, indexes, aliases, users, and what is not supported

http::Response MilvusError(int http_status, const Status& error);

// {"data":{}}: the operations without a result.
void WriteNothing(JsonWriter* out);
void WriteTexts(const std::vector<std::string>& texts, JsonWriter* out);
// [{"key":..,"value":..}]
void WritePairs(const KeyValues& pairs, JsonWriter* out);

// Parts of requests that several endpoints read.
Result<proxy::Consistency> ReadConsistency(const JsonObject& body);
Result<filter::Templates> ReadTemplates(const JsonObject& body);
Result<std::vector<std::string>> ReadPartitions(const JsonObject& body);
Result<FunctionSchema> ReadFunction(const JsonObject& body);
Result<std::vector<proxy::CreateIndexRequest>> ReadIndexes(const proxy::CollectionRef& target, const JsonObject& body);

}  // namespace saker::rest
