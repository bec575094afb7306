// What a collection's schema must look like, with Milvus' texts; and what the server adds to it.
#pragma once

#include <string_view>

#include "common/result.h"
#include "server/proxy/requests.h"
#include "server/proxy/text_embedder.h"
#include "server/schema/schema.h"

namespace saker::proxy {

// The parameter of a function that remembers which model's vectors the field holds.
inline constexpr std::string_view kFingerprintParam = "saker.fingerprint";
inline constexpr int64_t kFirstFieldId = 100;

// Checks everything and fills in: numbers from the type parameters, ids, $meta, function outputs and fingerprints.
// `embedder` may be null.
Status CompleteSchema(CollectionSchema* schema, TextEmbedder* embedder);
Status CheckCreateLimits(const CreateCollectionRequest& request);
Status CheckProperties(const KeyValues& properties);

// Checks one field's types, sizes and default; sets dim, max_length and max_capacity from its type parameters.
Status CompleteField(FieldSchema* field, std::string_view collection);
// A field that an existing collection may still get; it goes before $meta.
Status AddFieldTo(CollectionSchema* schema, FieldSchema field);
Status AlterFieldIn(CollectionSchema* schema, std::string_view field, const KeyValues& set, const std::vector<std::string>& remove);

Status CompleteFunctions(CollectionSchema* schema, TextEmbedder* embedder);

}  // namespace saker::proxy
