// Any bytes as one of RocksDB's log files.
#include "storage/rocks/log_file_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static_cast<void>(saker::storage::rocks::CheckLogFile("fuzz", std::string_view(reinterpret_cast<const char*>(data), size)));
  return 0;
}
