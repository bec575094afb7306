// What an index definition must look like, with Milvus' texts.
#pragma once

#include <string_view>

#include "common/result.h"
#include "server/coord/collection.h"
#include "server/proxy/requests.h"

namespace saker::proxy {

bool ParseMetric(std::string_view name, index::Metric* metric);  // upper-case names
index::Metric DefaultMetric(const CollectionSchema& schema, const FieldSchema& field);
// BM25 is for what a BM25 function fills, and nothing else is.
Status CheckBm25Metric(const CollectionSchema& schema, const FieldSchema& field, index::Metric metric);

// The definition without its id: named, with flat parameters, checked against the field's type and dimension.
Result<coord::IndexDefinition> MakeIndexDefinition(const CollectionSchema& schema, const CreateIndexRequest& request);
Status CheckIndexProperties(const KeyValues& set, const std::vector<std::string>& remove);

}  // namespace saker::proxy
