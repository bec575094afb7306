#include "server/coord/id_allocator.h"

#include "proto/saker/catalog.pb.h"
#include "server/coord/counter.h"

namespace saker::coord {

Result<std::unique_ptr<IdAllocator>> IdAllocator::Open(storage::Catalog& catalog) {
  const uint64_t first = TRY(ReadCounter(catalog, "next_id"));
  return std::unique_ptr<IdAllocator>(new IdAllocator(catalog, first == 0 ? 1 : static_cast<int64_t>(first)));
}

Result<int64_t> IdAllocator::Next() {
  MutexLock lock(mutex_);
  if (next_ == end_) {
    TRY(WriteCounter(catalog_, "next_id", static_cast<uint64_t>(end_ + kBlock)));
    end_ += kBlock;
  }
  return next_++;
}

}  // namespace saker::coord
