// UTF-8 in and out, one code point at a time, and text that somebody else must be able to read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace saker {

// The code point at `text[*at]`, which moves behind it; false, with *at unmoved, where no well-formed character stands (overlong forms,
// surrogates, what is above U+10FFFF, the end).
bool DecodeUtf8(std::string_view text, size_t* at, char32_t* c);
void AppendUtf8(char32_t c, std::string* out);
// The bytes of `text` before the first that is no part of well-formed UTF-8; text.size() when all is well.
size_t ValidUtf8Prefix(std::string_view text);

// `text` with U+FFFD in place of each byte that is no part of well-formed UTF-8. For messages that quote a client's bytes or
// cut a text short: protobuf and JSON readers drop a whole answer for one such byte.
std::string ReadableUtf8(std::string_view text);

}  // namespace saker
