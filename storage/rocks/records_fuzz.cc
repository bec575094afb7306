// Any bytes as a framed record, a tombstone, a segment manifest, a checkpoint; what decodes must encode to the same.
#include <cstdlib>

#include "storage/rocks/codec.h"
#include "storage/rocks/manifest_codec.h"

using namespace saker;
using namespace saker::storage;
using namespace saker::storage::rocks;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: {
      const auto payload = Unframe("fuzz", "key", bytes);
      if (payload.ok() && Frame("key", *payload) != bytes) std::abort();
      if (Unframe("fuzz", "key", Frame("key", bytes)).value() != bytes) std::abort();
      break;
    }
    case 1: {
      const size_t key = std::min<size_t>(bytes.size(), 24);
      static_cast<void>(DecodeTombstone(bytes.substr(0, key), bytes.substr(key)));
      break;
    }
    case 2: {
      // Fields in another order decode too; what was decoded must come back.
      const auto manifest = DecodeSegmentManifest(bytes);
      if (!manifest.ok()) break;
      const auto again = EncodeSegmentManifest(*manifest);
      if (again.ok() && !(DecodeSegmentManifest(*again).value() == *manifest)) std::abort();
      break;
    }
    default: {
      const auto checkpoint = DecodeCheckpoint(bytes);
      if (checkpoint.ok() && EncodeCheckpoint(*checkpoint) != bytes) std::abort();
      static_cast<void>(DecodeLogState(bytes));
    }
  }
  return 0;
}
