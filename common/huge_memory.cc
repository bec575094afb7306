#include "common/huge_memory.h"

#include <sys/mman.h>

#include <cstdint>

namespace saker {
namespace {
constexpr size_t kHugePage = size_t{2} << 20;
}

HugeMemory::~HugeMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

Result<HugeMemory> HugeMemory::Allocate(size_t bytes, const char* what) {
  HugeMemory memory;
  if (bytes == 0) return memory;
  // A huge page must begin at a multiple of its size: ask for one more and give back what is over at both ends.
  const size_t spare = bytes >= kHugePage ? kHugePage : 0;
  void* const got = mmap(nullptr, bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) return ResourceExhausted("the system refused ", bytes, " bytes for ", what);
  auto* begin = static_cast<std::byte*>(got);
  if (spare > 0) {
    const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(begin) % kHugePage) % kHugePage;
    constexpr size_t kPage = 4096;
    const size_t kept = (bytes + kPage - 1) / kPage * kPage;
    if (before > 0) munmap(begin, before);
    begin += before;
    if (spare > before) munmap(begin + kept, spare - before);
    madvise(begin, bytes, MADV_HUGEPAGE);  // a wish; without it everything still works
  }
  memory.data_ = begin;
  memory.size_ = bytes;
  return memory;
}

}  // namespace saker
