// Anonymous memory on 2 MiB pages where the kernel gives them: what is read at random spends most of its time in
// page-table walks with 4 KiB pages. Zeroed; owns its memory; movable only; not for small things (a page each).
#pragma once

#include <cstddef>
#include <utility>

#include "common/result.h"

namespace saker {

class HugeMemory {
 public:
  HugeMemory() = default;
  HugeMemory(HugeMemory&& other) noexcept { Swap(other); }
  HugeMemory& operator=(HugeMemory&& other) noexcept {
    Swap(other);
    return *this;
  }
  ~HugeMemory();

  // `what` is for the message: ResourceExhausted when the system refuses.
  static Result<HugeMemory> Allocate(size_t bytes, const char* what);

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size_bytes() const { return size_; }

 private:
  void Swap(HugeMemory& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace saker
