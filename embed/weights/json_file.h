// Small files of a model directory: read whole, named in every error; a Git LFS pointer is recognised as one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "common/result.h"

namespace saker::embed {

constexpr uint64_t kJsonFileLimitBytes = 64 << 20;

// True when `bytes` begins as the text that Git LFS leaves in place of a large file.
bool IsGitLfsPointer(std::string_view bytes);
Status GitLfsPointerError(const std::string& path);

// NotFound, InvalidArgument (Git LFS pointer) or ResourceExhausted (over the limit), each naming the path.
Result<std::string> ReadModelFile(const std::string& path, uint64_t limit_bytes);

// A parsed document; the elements it hands out live as long as it does. Movable.
class JsonDocument {
 public:
  // `name` stands in errors. DataLoss when the text is not JSON, InvalidArgument when it is not an object or array.
  static Result<JsonDocument> Parse(std::string_view text, const std::string& name);
  static Result<JsonDocument> Load(const std::string& path);

  const std::string& name() const { return name_; }
  simdjson::dom::element root() const { return root_; }

 private:
  JsonDocument() = default;
  std::string name_;
  std::unique_ptr<simdjson::dom::parser> parser_;  // elements point into it, so it must not move
  simdjson::dom::element root_;
};

// Members of an object; absent and null both give nullopt, another type is InvalidArgument naming file and key.
Result<std::optional<int64_t>> JsonInteger(simdjson::dom::object object, std::string_view key, const std::string& name);
Result<std::optional<double>> JsonNumber(simdjson::dom::object object, std::string_view key, const std::string& name);
Result<std::optional<bool>> JsonBool(simdjson::dom::object object, std::string_view key, const std::string& name);
Result<std::optional<std::string>> JsonString(simdjson::dom::object object, std::string_view key, const std::string& name);

}  // namespace saker::embed
