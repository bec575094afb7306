// Link lists of a build on their way through a file without a name: appended one by one, read back in order. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/file.h"

namespace saker::index {

class Spill {
 public:
  // Records of `words` numbers.
  Spill(std::unique_ptr<ScratchFile> file, size_t words) : file_(std::move(file)), words_(words) {}

  Status Append(std::span<const uint32_t> record) {
    buffer_.insert(buffer_.end(), record.begin(), record.end());
    return buffer_.size() >= kBufferWords ? Flush() : OkStatus();
  }
  Status Flush() {
    if (buffer_.empty()) return OkStatus();
    TRY(file_->Append(std::as_bytes(std::span(buffer_))));
    records_ += buffer_.size() / words_;
    buffer_.clear();
    return OkStatus();
  }
  // After Flush.
  size_t records() const { return records_; }
  Status Read(size_t first, size_t count, std::vector<uint32_t>* out) const {
    out->resize(count * words_);
    return file_->ReadAt(uint64_t{first} * words_ * sizeof(uint32_t), std::as_writable_bytes(std::span(*out)));
  }

 private:
  static constexpr size_t kBufferWords = 8192;
  std::unique_ptr<ScratchFile> file_;
  size_t words_;
  size_t records_ = 0;
  std::vector<uint32_t> buffer_;
};

}  // namespace saker::index
