// Text that somebody else must be able to read.
#pragma once

#include <string>
#include <string_view>

namespace saker {

// `text` with U+FFFD in place of each byte that is no part of well-formed UTF-8. For messages that quote a client's bytes or
// cut a text short: protobuf and JSON readers drop a whole answer for one such byte.
std::string ReadableUtf8(std::string_view text);

}  // namespace saker
