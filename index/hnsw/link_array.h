// A large array of uint32 that a walk reads at random (common/huge_memory.h). Movable only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "common/huge_memory.h"

namespace saker::index {

class LinkArray {
 public:
  LinkArray() = default;

  static Result<LinkArray> Allocate(size_t size) {
    LinkArray array;
    array.memory_ = TRY(HugeMemory::Allocate(size * sizeof(uint32_t), "a graph"));
    return array;
  }

  uint32_t* data() { return reinterpret_cast<uint32_t*>(memory_.data()); }
  const uint32_t* data() const { return reinterpret_cast<const uint32_t*>(memory_.data()); }
  size_t size() const { return memory_.size_bytes() / sizeof(uint32_t); }

 private:
  HugeMemory memory_;
};

}  // namespace saker::index
