// Columns into rows as Milvus' RESTful v2 shows them.
#pragma once

#include <string>
#include <vector>

#include "server/proxy/requests.h"
#include "server/rest/json_writer.h"

namespace saker::rest {

enum class Int64As { kNumber, kText };

// The members of one row, without braces around them; `skip` names a column that stands there already.
class RowWriter {
 public:
  // Both must outlive the writer. `output_fields` decides which dynamic keys are shown.
  RowWriter(const std::vector<proxy::NamedColumn>& columns, const std::vector<std::string>& output_fields, Int64As int64_as);
  void Write(size_t row, const std::string& skip, JsonWriter* out) const;

 private:
  void WriteDynamic(const Column& column, size_t row, JsonWriter* out) const;

  const std::vector<proxy::NamedColumn>& columns_;
  const std::vector<std::string>& output_fields_;
  const Int64As int64_as_;
  bool all_dynamic_ = false;
};

void WriteInt64(int64_t value, Int64As as, JsonWriter* out);
void WritePrimaryKey(const PrimaryKeys& keys, size_t at, Int64As as, JsonWriter* out);
// One value of any type, null included.
void WriteValue(const Column& column, size_t row, Int64As as, JsonWriter* out);

}  // namespace saker::rest
