// Protobuf's columns, keys, query vectors and templates to plain ones and back. Every count and length that a client sent is
// checked here against the bytes that came with it; what the schema says about them is the proxy's matter.
//
// On the way in nulls may be compressed (only valid rows have values, Milvus' way) or expanded; on the way out scalars are
// expanded and vectors compressed, as clients expect. Errors are InvalidArgument with Milvus' code 1100.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "milvus/common.pb.h"
#include "milvus/schema.pb.h"
#include "server/proxy/requests.h"

namespace saker::rpc {

namespace pb = ::milvus::proto;

Result<proxy::NamedColumn> DecodeField(const pb::schema::FieldData& data, size_t row_count);
Result<std::vector<proxy::NamedColumn>> DecodeFields(const google::protobuf::RepeatedPtrField<pb::schema::FieldData>& fields,
                                                     size_t row_count);
// Always sets the type and the oneof, also without rows: clients look at them.
void EncodeField(const proxy::NamedColumn& column, pb::schema::FieldData* out);

// `bytes` is a serialized PlaceholderGroup.
Result<proxy::Queries> DecodePlaceholders(std::string_view bytes);
Result<PrimaryKeys> DecodeIds(const pb::schema::IDs& ids);
void EncodeIds(const PrimaryKeys& keys, pb::schema::IDs* out);

Result<filter::Templates> DecodeTemplates(const google::protobuf::Map<std::string, pb::schema::TemplateValue>& values);

// Checks one sparse row and brings it into ascending order; `max_index` grows to its largest index + 1.
Result<std::string> NormalizeSparseRow(std::string_view row, int64_t* max_index);

}  // namespace saker::rpc
