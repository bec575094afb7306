// Bytes of an insert, of a search's placeholder group and of a collection's schema: never a crash, and what was accepted
// must survive a round trip.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "milvus/milvus.pb.h"
#include "server/rpc/field_data.h"
#include "server/rpc/first_bytes.h"
#include "server/rpc/schema_codec.h"

namespace {

void TryInsert(std::string_view bytes) {
  milvus::proto::milvus::InsertRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const size_t rows = request.num_rows() % 1024;
  const auto columns = saker::rpc::DecodeFields(request.fields_data(), rows);
  if (!columns.ok()) return;
  for (const auto& column : *columns) {
    if (column.column.row_count() != rows) std::abort();
    milvus::proto::schema::FieldData encoded;
    saker::rpc::EncodeField(column, &encoded);
    const auto again = saker::rpc::DecodeField(encoded, rows);
    if (!again.ok()) std::abort();
    std::string first, second;
    column.column.EncodeTo(&first);
    again->column.EncodeTo(&second);
    if (first != second) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  TryInsert(bytes);
  (void)saker::rpc::DecodePlaceholders(bytes);
  (void)saker::rpc::DecodeCollectionSchema(bytes);
  saker::rpc::ClassifyPlain(bytes);
  saker::rpc::ClassifyTls(bytes);
  return 0;
}
