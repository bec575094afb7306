#include "server/rpc/health_book.h"

#include <vector>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

namespace saker::rpc {

using google::protobuf::internal::WireFormatLite;

// message HealthCheckRequest { string service = 1; }
bool ReadHealthRequest(const grpc::ByteBuffer& request, std::string* service) {
  constexpr size_t kMaxBytes = 4096;
  if (request.Length() > kMaxBytes) return false;
  std::vector<grpc::Slice> slices;
  if (request.Length() > 0 && !request.Dump(&slices).ok()) return false;
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  while (const uint32_t tag = in.ReadTag()) {
    if (tag != WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
    } else if (!WireFormatLite::ReadString(&in, service)) {
      return false;
    }
  }
  return in.ConsumedEntireMessage();
}

// message HealthCheckResponse { ServingStatus status = 1; }
grpc::ByteBuffer HealthResponse(Health health) {
  const char bytes[] = {0x08, static_cast<char>(health)};
  const grpc::Slice slice(bytes, sizeof bytes);
  return {&slice, 1};
}

void HealthBook::Set(bool serving) {
  MutexLock lock(mutex_);
  if (closed_) return;
  serving_ = serving;
  for (const auto& [watcher, known] : watchers_) {
    if (known) watcher->Tell(serving ? Health::kServing : Health::kNotServing);
  }
}

Health HealthBook::Get() const {
  MutexLock lock(mutex_);
  return serving_ ? Health::kServing : Health::kNotServing;
}

void HealthBook::Add(HealthWatcher* watcher, bool known) {
  MutexLock lock(mutex_);
  if (closed_) return watcher->End();
  watchers_.emplace(watcher, known);
  watcher->Tell(!known ? Health::kServiceUnknown : serving_ ? Health::kServing : Health::kNotServing);
}

void HealthBook::Remove(HealthWatcher* watcher) {
  MutexLock lock(mutex_);
  watchers_.erase(watcher);
}

void HealthBook::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  serving_ = false;
  for (const auto& [watcher, known] : watchers_) watcher->End();
  watchers_.clear();
}

}  // namespace saker::rpc
