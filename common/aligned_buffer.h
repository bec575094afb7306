// A block of bytes whose start is aligned to 64 (a cache line, an AVX-512 register). Owns its memory; movable only.
// New bytes are zero. Throws nothing: Allocate answers ResourceExhausted when the allocator refuses.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "common/result.h"

namespace saker {

class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 64;

  AlignedBuffer() = default;

  static Result<AlignedBuffer> Allocate(size_t size_bytes) {
    AlignedBuffer buffer;
    if (size_bytes == 0) return buffer;
    const size_t rounded = (size_bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (rounded < size_bytes) return ResourceExhausted("a buffer of ", size_bytes, " bytes cannot exist");
    auto* bytes = static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded));
    if (bytes == nullptr) return ResourceExhausted("the allocator refused ", rounded, " bytes");
    std::memset(bytes, 0, rounded);
    buffer.bytes_.reset(bytes);
    buffer.size_ = size_bytes;
    return buffer;
  }

  std::byte* data() { return bytes_.get(); }
  const std::byte* data() const { return bytes_.get(); }
  size_t size() const { return size_; }
  std::span<std::byte> bytes() { return {bytes_.get(), size_}; }
  std::span<const std::byte> bytes() const { return {bytes_.get(), size_}; }
  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(bytes_.get());
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(bytes_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte[], Free> bytes_;
  size_t size_ = 0;
};

}  // namespace saker
