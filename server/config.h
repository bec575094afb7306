// Every setting of `saker serve`: a plain struct with defaults, filled from a YAML file and from flags of the same names.
//
// Flags win over the file. An unknown key is an error that names it and the nearest known one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace saker::server {

struct Config {
  std::string data = "./saker-data";
  std::string address = "127.0.0.1";
  int port = 19530;
  std::string ops_address = "127.0.0.1";
  int ops_port = 9091;
  bool insecure_open = false;

  bool auth = false;
  std::string root_password_file;
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_client_ca;

  std::vector<std::string> model;  // [NAME=]PATH
  std::string embed_precision = "auto";
  int embed_threads = 0;
  uint64_t embed_queue_tokens = 1 << 20;

  std::string memory_limit = "80%";  // of the machine or its cgroup; or bytes, or with KiB, MiB, GiB
  uint64_t seal_bytes = 128ull << 20;
  uint64_t segment_bytes = 512ull << 20;
  uint64_t reserve_bytes = 0;
  uint64_t block_cache_bytes = 16ull << 20;
  uint64_t write_buffer_bytes = 64ull << 20;
  int search_threads = 0;
  int background_threads = 0;
  int request_threads = 0;
  int request_queue = 2048;
  bool accept_log_loss = false;
  int drain_seconds = 30;
  std::string log_level = "info";
  std::string log_format = "plain";
};

// Calls f(name, member, help) for each setting; the one list behind flags, file and the log of the effective values.
template <typename C, typename F>
void ForEachSetting(C& c, F&& f) {
  f("data", c.data, "directory of everything durable");
  f("address", c.address, "address of the public port; 0.0.0.0 opens it to others");
  f("port", c.port, "public port: Milvus gRPC and all HTTP dialects");
  f("ops-address", c.ops_address, "address of the operations port");
  f("ops-port", c.ops_port, "operations port: /metrics, /livez, /readyz, /healthz");
  f("insecure-open", c.insecure_open, "allow a non-loopback address without authentication");
  f("auth", c.auth, "ask every caller for a user and a password");
  f("root-password-file", c.root_password_file, "first password of root; else $SAKER_ROOT_PASSWORD, else one is made and printed once");
  f("tls-certificate", c.tls_certificate, "PEM file; with --tls-key the public port speaks TLS only");
  f("tls-key", c.tls_key, "PEM file, readable by its owner only");
  f("tls-client-ca", c.tls_client_ca, "PEM file; clients must then show a certificate it signed, gRPC and HTTP alike");
  f("model", c.model, "[NAME=]PATH of a model to serve, a Hugging Face directory; may be given more than once");
  f("embed-precision", c.embed_precision, "auto, fp32 or bf16");
  f("embed-threads", c.embed_threads, "threads of a model; 0: all cores");
  f("embed-queue-tokens", c.embed_queue_tokens, "tokens that may wait for a model");
  f("memory-limit", c.memory_limit, "bytes, 8GiB, or a share like 80% of the machine");
  f("seal-bytes", c.seal_bytes, "a growing segment of this size becomes files");
  f("segment-bytes", c.segment_bytes, "compaction merges segments up to this size");
  f("reserve-bytes", c.reserve_bytes, "disk space kept for the moment the disk is full; 0: chosen from the disk");
  f("block-cache-bytes", c.block_cache_bytes, "cache of RocksDB's blocks");
  f("write-buffer-bytes", c.write_buffer_bytes, "all RocksDB memtables together");
  f("search-threads", c.search_threads, "0: one per core");
  f("background-threads", c.background_threads, "sealing, index builds, compaction; 0: one per core");
  f("request-threads", c.request_threads, "calls in work at the same time; 0: chosen from the cores");
  f("request-queue", c.request_queue, "calls waiting; more are refused");
  f("accept-log-loss", c.accept_log_loss, "open a damaged log, dropping what cannot be read, and say how much that was");
  f("drain-seconds", c.drain_seconds, "time for running calls to end after SIGTERM");
  f("log-level", c.log_level, "debug, info, warning or error");
  f("log-format", c.log_format, "plain or json");
}

// Reads a YAML file of `name: value` lines over what `config` holds.
Status ReadConfigFile(const std::string& path, Config* config);
bool IsOpenToOthers(const Config& config);  // the public port is not on a loopback address
// Values that make no sense together, with the way out; also the rule that an open address wants authentication.
Status CheckConfig(const Config& config);
// "80%" of `machine_bytes`, "8GiB", "1000000".
Result<uint64_t> ParseBytes(const std::string& text, uint64_t machine_bytes);

}  // namespace saker::server
