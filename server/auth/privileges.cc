#include "server/auth/privileges.h"

#include <algorithm>
#include <array>

namespace saker::auth {
namespace {

// Sorted by method. UpdateCredential is open to every user: the authenticator lets each change only its own password.
constexpr auto kTable = std::to_array<MethodPrivilege>({
    {"AddCollectionField", "AddCollectionField"},
    {"AddCollectionFunction", "CreateCollection"},
    {"AddCollectionStructField", "AddCollectionField"},
    {"AddFileResource", "AddFileResource"},
    {"AllocTimestamp", ""},
    {"AlterAlias", "CreateAlias"},
    {"AlterCollection", "CreateCollection"},
    {"AlterCollectionField", "CreateCollection"},
    {"AlterCollectionFunction", "CreateCollection"},
    {"AlterCollectionSchema", "AlterCollectionSchema"},
    {"AlterDatabase", "AlterDatabase"},
    {"AlterIndex", "CreateIndex"},
    {"AlterRole", "CreateOwnership", Access::kRootOnly},
    {"BackupRBAC", "BackupRBAC", Access::kRootOnly},
    {"BatchDescribeCollection", "DescribeCollection"},
    {"CalcDistance", ""},
    {"CheckHealth", ""},
    {"ComputePhraseMatchSlop", ""},
    {"Connect", ""},
    {"CreateAlias", "CreateAlias"},
    {"CreateCollection", "CreateCollection"},
    {"CreateCredential", "CreateOwnership", Access::kRootOnly},
    {"CreateDatabase", "CreateDatabase"},
    {"CreateIndex", "CreateIndex"},
    {"CreatePartition", "CreatePartition"},
    {"CreatePrivilegeGroup", "CreatePrivilegeGroup", Access::kRootOnly},
    {"CreateResourceGroup", "CreateResourceGroup"},
    {"CreateRole", "CreateOwnership", Access::kRootOnly},
    {"CreateSnapshot", "CreateSnapshot"},
    {"Delete", "Delete"},
    {"DeleteCredential", "DropOwnership", Access::kRootOnly},
    {"DescribeAlias", "DescribeAlias"},
    {"DescribeCollection", "DescribeCollection"},
    {"DescribeDatabase", "DescribeDatabase"},
    {"DescribeIndex", "IndexDetail"},
    {"DescribeResourceGroup", "DescribeResourceGroup"},
    {"DescribeSnapshot", "DescribeSnapshot"},
    {"DropAlias", "DropAlias"},
    {"DropCollection", "DropCollection"},
    {"DropCollectionFunction", "CreateCollection"},
    {"DropDatabase", "DropDatabase"},
    {"DropIndex", "DropIndex"},
    {"DropPartition", "DropPartition"},
    {"DropPrivilegeGroup", "DropPrivilegeGroup", Access::kRootOnly},
    {"DropResourceGroup", "DropResourceGroup"},
    {"DropRole", "DropOwnership", Access::kRootOnly},
    {"DropSnapshot", "DropSnapshot"},
    {"Dummy", ""},
    {"Flush", "Flush"},
    {"FlushAll", "FlushAll"},
    {"GetCollectionStatistics", "GetStatistics"},
    {"GetCompactionState", ""},
    {"GetCompactionStateWithPlans", ""},
    {"GetComponentStates", ""},
    {"GetFlushAllState", ""},
    {"GetFlushState", "GetFlushState"},
    {"GetImportState", ""},
    {"GetIndexBuildProgress", "IndexDetail"},
    {"GetIndexState", "IndexDetail"},
    {"GetIndexStatistics", "IndexDetail"},
    {"GetLoadState", "GetLoadState"},
    {"GetLoadingProgress", "GetLoadState"},
    {"GetMetrics", ""},
    {"GetPartitionStatistics", "GetStatistics"},
    {"GetPersistentSegmentInfo", ""},
    {"GetQuerySegmentInfo", ""},
    {"GetReplicas", ""},
    {"GetRestoreSnapshotState", "RestoreSnapshot"},
    {"GetVersion", ""},
    {"HasCollection", "DescribeCollection"},
    {"HasPartition", "HasPartition"},
    {"HybridSearch", "Search"},
    {"Import", "Import"},
    {"Insert", "Insert"},
    {"ListAliases", "ListAliases"},
    {"ListCredUsers", "SelectOwnership", Access::kRootOnly},
    {"ListDatabases", ""},
    {"ListFileResources", "ListFileResources"},
    {"ListImportTasks", ""},
    {"ListPrivilegeGroups", "ListPrivilegeGroups", Access::kRootOnly},
    {"ListResourceGroups", "ListResourceGroups"},
    {"ListRestoreSnapshotJobs", "RestoreSnapshot"},
    {"ListSnapshots", "ListSnapshots"},
    {"LoadBalance", "LoadBalance"},
    {"LoadCollection", "Load"},
    {"LoadPartitions", "Load"},
    {"ManualCompaction", "Compaction"},
    {"OperatePrivilege", "ManageOwnership", Access::kRootOnly},
    {"OperatePrivilegeGroup", "OperatePrivilegeGroup", Access::kRootOnly},
    {"OperatePrivilegeV2", "ManageOwnership", Access::kRootOnly},
    {"OperateUserRole", "ManageOwnership", Access::kRootOnly},
    {"PinSnapshotData", "PinSnapshotData"},
    {"Query", "Query"},
    {"RegisterLink", ""},
    {"ReleaseCollection", "Release"},
    {"ReleasePartitions", "Release"},
    {"RemoveFileResource", "RemoveFileResource"},
    {"RenameCollection", "RenameCollection"},
    {"RestoreRBAC", "RestoreRBAC", Access::kRootOnly},
    {"RestoreSnapshot", "RestoreSnapshot"},
    {"RunAnalyzer", ""},
    {"Search", "Search"},
    {"SelectGrant", "SelectOwnership", Access::kRootOnly},
    {"SelectRole", "SelectOwnership", Access::kRootOnly},
    {"SelectUser", "SelectUser", Access::kRootOnly},
    {"ShowCollections", ""},
    {"ShowPartitions", "ShowPartitions"},
    {"TransferNode", "TransferNode"},
    {"TransferReplica", "TransferReplica"},
    {"TruncateCollection", "DropCollection"},
    {"UnpinSnapshotData", "UnpinSnapshotData"},
    {"UpdateCredential", "UpdateUser"},
    {"UpdateResourceGroups", "UpdateResourceGroups"},
    {"Upsert", "Upsert"},
});

constexpr bool Before(const MethodPrivilege& a, const MethodPrivilege& b) {
  return a.method < b.method;
}
static_assert(std::is_sorted(kTable.begin(), kTable.end(), Before));

}  // namespace

std::span<const MethodPrivilege> MethodPrivileges() {
  return kTable;
}

const MethodPrivilege* FindPrivilege(std::string_view method) {
  const auto found = std::lower_bound(kTable.begin(), kTable.end(), MethodPrivilege{method, ""}, Before);
  return found != kTable.end() && found->method == method ? &*found : nullptr;
}

}  // namespace saker::auth
