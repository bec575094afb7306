// Base64 with padding, as RFC 4648 section 4 says it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace saker::rest {

void AppendBase64(std::string* out, std::string_view bytes);
// nullopt for anything that is not the encoding of some bytes; padding may be missing.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace saker::rest
