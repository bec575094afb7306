// A loaded model's forward pass: packed token sequences in, one pooled vector a sequence out.
//
// Used by one thread at a time (the batcher's); it may run threads of its own within a call.
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
  virtual uint64_t memory_bytes() const = 0;
  // Writes sequence_count() x dim() floats. InvalidArgument when a sequence is empty or too long, the batch too large or
  // an id outside the vocabulary.
  virtual Status Encode(const PackedBatch& batch, float* vectors) = 0;
};

}  // namespace saker::embed
