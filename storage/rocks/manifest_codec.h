// The bytes of a segment's manifest and of a checkpoint. Decoding checks every length before it is believed.
#pragma once

#include <string>
#include <string_view>

#include "storage/manifest.h"

namespace saker::storage::rocks {

Result<std::string> EncodeSegmentManifest(const SegmentManifest& manifest);
Result<SegmentManifest> DecodeSegmentManifest(std::string_view bytes);

std::string EncodeCheckpoint(const Checkpoint& checkpoint);
Result<Checkpoint> DecodeCheckpoint(std::string_view bytes);

}  // namespace saker::storage::rocks
