// What a scalar index is made of: the column, the path in it, the kind of values it keeps.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "server/scalar_index/json_path.h"
#include "server/schema/schema.h"

namespace saker::scalar_index {

// Which values at a JSON path are kept. kAny: booleans, numbers and strings.
enum class JsonCast { kNone, kBool, kDouble, kVarChar, kArrayBool, kArrayDouble, kArrayVarChar, kAny };

struct Spec {
  std::string type;  // INVERTED, BITMAP, STL_SORT, TRIE, NGRAM; AUTOINDEX is one of them by now; TOKENS, which nobody asks for
  int64_t field_id = 0;
  DataType field_type = DataType::kNone;
  DataType element_type = DataType::kNone;  // of an array field
  std::vector<PathKey> path;                // JSON only; empty: the whole value
  JsonCast cast = JsonCast::kNone;          // JSON only
  bool string_to_double = false;            // JSON cast to kDouble: strings that begin with a number are kept as that
  uint32_t min_gram = 0;                    // NGRAM only, in characters
  uint32_t max_gram = 0;
  std::string analyzer_params;  // TOKENS only

  // One line that is equal for equal indexes; it stands in the file.
  std::string Text() const;
  bool ngram() const { return type == "NGRAM"; }
  bool tokens() const { return type == "TOKENS"; }
  // The kept values are elements of arrays, any number of them a row.
  bool of_elements() const;
};

// The spec that a definition with Milvus' parameters means. Errors are Milvus' sentences, InvalidArgument with code 1100 but for a
// missing json_cast_type (1101).
Result<Spec> MakeSpec(const FieldSchema& field, std::string_view index_type, const KeyValues& params);

// The index behind text_match and phrase_match: a field with enable_match has one without being asked.
bool WantsTokens(const FieldSchema& field);
Spec TokenSpec(const FieldSchema& field);

}  // namespace saker::scalar_index
