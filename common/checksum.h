// The checksum of every Saker file and record: XXH3, 64 bits. Not cryptographic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace saker {

uint64_t Checksum(std::span<const std::byte> bytes, uint64_t seed = 0);
uint64_t Checksum(std::string_view bytes, uint64_t seed = 0);

}  // namespace saker
