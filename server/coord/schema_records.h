// A schema as the catalog keeps it.
#pragma once

#include <google/protobuf/repeated_field.h>

#include "proto/saker/catalog.pb.h"
#include "server/schema/schema.h"

namespace saker::coord {

using KeyValueRecords = google::protobuf::RepeatedPtrField<catalog::KeyValue>;

void ToRecords(const KeyValues& values, KeyValueRecords* out);
KeyValues FromRecords(const KeyValueRecords& records);
void ToRecord(const CollectionSchema& schema, catalog::Schema* out);
CollectionSchema FromRecord(const catalog::Schema& record);

}  // namespace saker::coord
