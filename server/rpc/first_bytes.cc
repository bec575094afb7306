#include "server/rpc/first_bytes.h"

#include <array>
#include <cstdint>
#include <optional>

namespace saker::rpc {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::array<std::string_view, 7> kMethods = {"GET ", "POST ", "PUT ", "DELETE ", "HEAD ", "OPTIONS ", "PATCH "};

// Reads big-endian numbers and blocks; any read past the end fails and stays failed.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  size_t Number(size_t width) {
    size_t value = 0;
    for (const char c : Block(width)) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }
  std::string_view Block(size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view block = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return block;
  }
  std::string_view rest() const { return rest_; }
  bool failed() const { return failed_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

// Does the list of protocols hold "h2" and not "http/1.1"? nullopt when it is malformed.
std::optional<bool> OffersOnlyH2(std::string_view extension) {
  Reader reader(extension);
  Reader list(reader.Block(reader.Number(2)));
  bool h2 = false, http = false;
  while (!list.failed() && !list.rest().empty()) {
    const std::string_view protocol = list.Block(list.Number(1));
    h2 |= protocol == "h2";
    http |= protocol == "http/1.1";
  }
  if (reader.failed() || list.failed()) return std::nullopt;
  return h2 && !http;
}

}  // namespace

Peer ClassifyPlain(std::string_view bytes) {
  if (bytes.starts_with(kPreface)) return Peer::kGrpc;
  for (const std::string_view method : kMethods) {
    if (bytes.starts_with(method)) return Peer::kHttp;
  }
  bool may_become = kPreface.starts_with(bytes);
  for (const std::string_view method : kMethods) may_become |= method.starts_with(bytes);
  return may_become ? Peer::kUnknownYet : Peer::kGarbage;
}

Peer ClassifyTls(std::string_view bytes) {
  constexpr size_t kHandshake = 22, kClientHello = 1, kAlpn = 16, kMaxRecord = 16384;
  if (bytes.empty()) return Peer::kUnknownYet;
  if (static_cast<uint8_t>(bytes[0]) != kHandshake || (bytes.size() > 1 && bytes[1] != 3)) return Peer::kGarbage;
  if (bytes.size() < 5) return Peer::kUnknownYet;
  Reader record(bytes.substr(3));
  const size_t length = record.Number(2);
  if (length < 4 || length > kMaxRecord) return Peer::kGarbage;
  if (record.rest().size() >= 1 && static_cast<uint8_t>(record.rest()[0]) != kClientHello) return Peer::kGarbage;
  if (record.rest().size() < length) return Peer::kUnknownYet;
  Reader hello(record.Block(length));
  hello.Number(1);
  Reader body(hello.Block(hello.Number(3)));
  body.Block(2 + 32);          // version, random
  body.Block(body.Number(1));  // session
  body.Block(body.Number(2));  // cipher suites
  body.Block(body.Number(1));  // compression
  if (body.rest().empty()) return hello.failed() || body.failed() ? Peer::kGarbage : Peer::kHttp;
  Reader extensions(body.Block(body.Number(2)));
  while (!extensions.failed() && !extensions.rest().empty()) {
    const size_t type = extensions.Number(2);
    const std::string_view extension = extensions.Block(extensions.Number(2));
    if (type != kAlpn || extensions.failed()) continue;
    const std::optional<bool> only_h2 = OffersOnlyH2(extension);
    if (!only_h2) return Peer::kGarbage;
    return *only_h2 ? Peer::kGrpc : Peer::kHttp;
  }
  return hello.failed() || body.failed() || extensions.failed() ? Peer::kGarbage : Peer::kHttp;
}

}  // namespace saker::rpc
