// A large array of uint32 in anonymous memory on 2 MiB pages where the kernel gives them: a walk reads it at random, and
// with 4 KiB pages most of its time would be page-table walks. Owns its memory; movable only.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "common/result.h"

namespace saker::index {

class LinkArray {
 public:
  LinkArray() = default;
  LinkArray(LinkArray&& other) noexcept { Swap(other); }
  LinkArray& operator=(LinkArray&& other) noexcept {
    Swap(other);
    return *this;
  }
  ~LinkArray() {
    if (data_ != nullptr) munmap(data_, size_ * sizeof(uint32_t));
  }

  static Result<LinkArray> Allocate(size_t size) {
    LinkArray array;
    if (size == 0) return array;
    void* memory = mmap(nullptr, size * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return ResourceExhausted("the system refused ", size * sizeof(uint32_t), " bytes for a graph");
    madvise(memory, size * sizeof(uint32_t), MADV_HUGEPAGE);  // a wish; without it everything still works
    array.data_ = static_cast<uint32_t*>(memory);
    array.size_ = size;
    return array;
  }

  uint32_t* data() { return data_; }
  const uint32_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void Swap(LinkArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  uint32_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace saker::index
