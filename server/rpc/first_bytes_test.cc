#include "server/rpc/first_bytes.h"

#include <gtest/gtest.h>

#include <string>

namespace saker::rpc {
namespace {

TEST(ClassifyPlain, NeedsTheWholePreface) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (size_t size = 0; size < preface.size(); ++size) EXPECT_EQ(ClassifyPlain(preface.substr(0, size)), Peer::kUnknownYet) << size;
  EXPECT_EQ(ClassifyPlain(preface), Peer::kGrpc);
  EXPECT_EQ(ClassifyPlain("PRI * HTTP/1"), Peer::kGarbage);
}

TEST(ClassifyPlain, KnowsHttpByItsMethod) {
  for (const char* line : {"GET / HTTP/1.1", "POST /v2", "PUT /", "DELETE /", "HEAD /", "OPTIONS *", "PATCH /"}) {
    EXPECT_EQ(ClassifyPlain(line), Peer::kHttp) << line;
  }
  for (const char* start : {"G", "P", "PO", "PAT", "OPTIONS"}) EXPECT_EQ(ClassifyPlain(start), Peer::kUnknownYet) << start;
  for (const char* garbage : {"\x16\x03\x01", "get /", "SSH-2.0", "\n", "CONNECT x", "GETS"}) {
    EXPECT_EQ(ClassifyPlain(garbage), Peer::kGarbage) << garbage;
  }
}

std::string Block(size_t width, const std::string& bytes) {
  std::string out;
  for (size_t i = width; i-- > 0;) out.push_back(static_cast<char>(bytes.size() >> (8 * i) & 0xff));
  return out + bytes;
}

std::string ClientHello(const std::string& alpn_list) {
  std::string extensions = std::string("\0\x0a", 2) + Block(2, "abcd");
  if (!alpn_list.empty()) extensions += std::string("\0\x10", 2) + Block(2, Block(2, alpn_list));
  const std::string body =
      "\x03\x03" + std::string(32, 'r') + Block(1, "session") + Block(2, "ciph") + Block(1, std::string(1, '\0')) + Block(2, extensions);
  return "\x16\x03\x01" + Block(2, "\x01" + Block(3, body));
}

TEST(ClassifyTls, ReadsAlpn) {
  EXPECT_EQ(ClassifyTls(ClientHello(Block(1, "h2"))), Peer::kGrpc);
  EXPECT_EQ(ClassifyTls(ClientHello(Block(1, "grpc-exp") + Block(1, "h2"))), Peer::kGrpc);
  EXPECT_EQ(ClassifyTls(ClientHello(Block(1, "http/1.1"))), Peer::kHttp);
  EXPECT_EQ(ClassifyTls(ClientHello(Block(1, "h2") + Block(1, "http/1.1"))), Peer::kHttp);  // curl, browsers
  EXPECT_EQ(ClassifyTls(ClientHello("")), Peer::kHttp);
}

TEST(ClassifyTls, WaitsForTheRestAndRefusesTheWrong) {
  const std::string hello = ClientHello(Block(1, "h2"));
  for (size_t size = 0; size < hello.size(); ++size) EXPECT_EQ(ClassifyTls(hello.substr(0, size)), Peer::kUnknownYet) << size;
  EXPECT_EQ(ClassifyTls("GET / HTTP/1.1"), Peer::kGarbage);
  EXPECT_EQ(ClassifyTls(std::string("\x16\x03\x01\xff\xff", 5)), Peer::kGarbage);
  for (size_t i = 5; i < hello.size(); ++i) {  // no byte may be believed: nothing here reads past the end
    std::string broken = hello;
    broken[i] = static_cast<char>(0xff);
    ClassifyTls(broken);
  }
}

}  // namespace
}  // namespace saker::rpc
