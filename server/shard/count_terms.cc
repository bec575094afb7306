// What BM25 asks of every shard before its searches.
#include <algorithm>

#include "server/segment/count_terms.h"
#include "server/shard/local_shard.h"

namespace saker::shard {

Result<index::Bm25Statistics> LocalShard::CountTerms(const CountTermsRequest& request, const Context& context) {
  TRY(context.Check());
  ReadScope scope;
  scope.partitions = request.partitions;
  scope.timestamp = request.timestamp;
  const View view = TRY(TakeView(scope));
  const FieldSchema* field = view.schema->FindId(request.field_id);
  if (field == nullptr || field->type != DataType::kSparseFloatVector) {
    return InvalidArgument("field ", request.field_id, " is no sparse vector field");
  }
  const bool ascending = std::adjacent_find(request.terms.begin(), request.terms.end(), std::greater_equal<>()) == request.terms.end();
  if (!ascending) return InvalidArgument("terms to count do not ascend");
  index::Bm25Statistics sum;
  for (const View::Part& part : view.parts) {
    TRY(context.Check());
    if (request.rows == CountTermsRequest::Rows::kVisible) {
      segment::CountVisibleTerms(*part.pieces, *part.segment->deletions, view.timestamp, request.field_id, request.terms, &sum);
    } else {
      segment::CountStoredTerms(*part.pieces, request.field_id, request.terms, &sum);
    }
  }
  return sum;
}

}  // namespace saker::shard
