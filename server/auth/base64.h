// Base64 as clients send credentials: the standard alphabet, padding optional, nothing else accepted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace saker::auth {

std::optional<std::string> DecodeBase64(std::string_view text);
std::string EncodeBase64(std::string_view bytes);

}  // namespace saker::auth
