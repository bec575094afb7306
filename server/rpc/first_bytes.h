// What kind of peer opened a connection, told from its first bytes without consuming them.
#pragma once

#include <cstddef>
#include <string_view>

namespace saker::rpc {

enum class Peer { kUnknownYet, kGrpc, kHttp, kGarbage };

// More than this many bytes never change the answer.
inline constexpr size_t kMaxFirstBytes = 5 + 16384;  // one TLS record

// On a plain port: the HTTP/2 preface or the beginning of an HTTP/1.1 request.
Peer ClassifyPlain(std::string_view bytes);

// On a TLS port: a ClientHello that offers "h2" in ALPN is gRPC, any other ClientHello HTTP. One that offers "http/1.1" beside
// it is HTTP too: curl and browsers do so, and gRPC's clients take nothing but HTTP/2.
Peer ClassifyTls(std::string_view bytes);

}  // namespace saker::rpc
