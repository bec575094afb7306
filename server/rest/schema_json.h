// A collection's definition as REST writes it: {"fieldName": .., "dataType": .., "elementTypeParams": {..}} in, and the
// members of a description out (Milvus' RESTful v2).
#pragma once

#include "server/rest/json_reader.h"
#include "server/rest/json_writer.h"
#include "server/schema/error.h"
#include "server/schema/schema.h"

namespace saker::rest {

template <typename... Parts>
Status InvalidParameter(const Parts&... parts) {
  return saker::MilvusError(MilvusErrorCode::kInvalidParameter, parts..., ": invalid parameter");
}

Result<FieldSchema> ReadField(const JsonObject& object);
Status ReadSchema(const JsonObject& object, CollectionSchema* schema);
// {"collectionName": "c", "dimension": 4} and a few wishes: two fields, everything else dynamic.
Status QuickSchema(const JsonObject& body, const KeyValues& params, CollectionSchema* schema);

void WriteField(const FieldSchema& field, JsonWriter* out);
void WriteFunction(const FunctionSchema& function, JsonWriter* out);

}  // namespace saker::rest
