// Functions of a collection that is there already. Milvus lets no BM25 function come, change or go then, and says so in these words;
// here the same holds for functions of every type, for the rows that are there were written without, or with it.
#include <algorithm>

#include "server/rpc/call.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

using FunctionType = pb::schema::FunctionType;

template <typename... Parts>
Status Refused(const Parts&... parts) {
  return MilvusError(MilvusErrorCode::kUnexpected, parts...);
}

std::string NameOf(FunctionType type) {
  const std::string name = FunctionType_Name(type);
  return name.empty() ? std::to_string(type) : name;
}

template <typename Request>
Result<const FunctionSchema*> FindFunction(const Call& call, const Request& request,
                                           std::shared_ptr<const proxy::CollectionInfo>* collection) {
  *collection = TRY(call.backend().DescribeCollection(call.Target(request)));
  const std::vector<FunctionSchema>& functions = (*collection)->schema.functions;
  const auto found =
      std::find_if(functions.begin(), functions.end(), [&](const FunctionSchema& one) { return one.name == request.function_name(); });
  return found == functions.end() ? nullptr : &*found;
}

Status AddCollectionFunction(const Call& call, const mp::AddCollectionFunctionRequest& request, pb::common::Status*) {
  if (!request.has_functionschema()) return Refused("Function Schema is empty");
  if (request.functionschema().type() != pb::schema::BM25) TRY(call.backend().DescribeCollection(call.Target(request)));
  return Refused("Currently does not support adding ", NameOf(request.functionschema().type()), " function");
}

Status AlterCollectionFunction(const Call& call, const mp::AlterCollectionFunctionRequest& request, pb::common::Status*) {
  if (!request.has_functionschema()) return Refused("Function Schema is empty");
  const FunctionType type = request.functionschema().type();
  if (type == pb::schema::BM25) return Refused("Currently does not support alter BM25 function");
  if (request.function_name() != request.functionschema().name()) return Refused("Invalid function config, name not match");
  std::shared_ptr<const proxy::CollectionInfo> collection;
  const FunctionSchema* function = TRY(FindFunction(call, request, &collection));
  if (function == nullptr) return Refused("Function ", request.function_name(), " not found");
  if (function->type == saker::FunctionType::kBm25) return Refused("Currently does not support alter BM25 function");
  return Refused("Currently does not support alter ", NameOf(type), " function");
}

// One that is not there is as good as dropped.
Status DropCollectionFunction(const Call& call, const mp::DropCollectionFunctionRequest& request, pb::common::Status*) {
  std::shared_ptr<const proxy::CollectionInfo> collection;
  const FunctionSchema* function = TRY(FindFunction(call, request, &collection));
  if (function == nullptr) return OkStatus();
  return Refused("Currently does not support droping ", NameOf(static_cast<FunctionType>(function->type)), " function");
}

}  // namespace

std::vector<Method> FunctionMethods() {
  return {Entry<AddCollectionFunction>("AddCollectionFunction"), Entry<AlterCollectionFunction>("AlterCollectionFunction"),
          Entry<DropCollectionFunction>("DropCollectionFunction")};
}

}  // namespace saker::rpc
