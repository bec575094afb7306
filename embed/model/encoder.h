// A loaded model's forward pass: packed token sequences in, one pooled vector a sequence out.
//
// Work runs on lanes: a lane carries one batch through the model on its caller's thread, and lanes do not wait for each
// other, which is fastest when there is much to do. One short text is answered soonest by all lanes together.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/result.h"
#include "embed/model/packed_batch.h"

namespace saker::embed {

class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual size_t dim() const = 0;
  virtual size_t max_tokens() const = 0;        // of one sequence
  virtual size_t max_batch_tokens() const = 0;  // of one call, at least max_tokens()
  virtual size_t lanes() const = 0;
  virtual uint64_t memory_bytes() const = 0;
  // Writes sequence_count() x dim() floats. InvalidArgument when a sequence is empty or too long, the batch too large or
  // an id outside the vocabulary. Different lanes may run at the same time, the same lane may not.
  virtual Status Encode(const PackedBatch& batch, size_t lane, float* vectors) = 0;
  // The same by all lanes; no other call may run meanwhile.
  virtual Status EncodeTogether(const PackedBatch& batch, float* vectors) = 0;
};

}  // namespace saker::embed
