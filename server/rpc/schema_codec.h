// Protobuf's schemas, functions and key-value lists to plain ones and back. Only what makes a text a number is checked here;
// whether a schema makes sense is the proxy's matter.
#pragma once

#include <string_view>

#include "common/result.h"
#include "milvus/common.pb.h"
#include "milvus/schema.pb.h"
#include "server/proxy/requests.h"

namespace saker::rpc {

namespace pb = ::milvus::proto;
using PbKeyValues = google::protobuf::RepeatedPtrField<pb::common::KeyValuePair>;

KeyValues DecodeKeyValues(const PbKeyValues& pairs);
void EncodeKeyValues(const KeyValues& values, PbKeyValues* out);

Result<FieldSchema> DecodeFieldSchema(const pb::schema::FieldSchema& in);
// From the bytes that CreateCollection carries.
Result<CollectionSchema> DecodeCollectionSchema(std::string_view bytes);
FunctionSchema DecodeFunction(const pb::schema::FunctionSchema& in);

// Without the hidden dynamic field.
void EncodeCollectionSchema(const CollectionSchema& schema, pb::schema::CollectionSchema* out);

}  // namespace saker::rpc
