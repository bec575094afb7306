#include "embed/weights/json_file.h"

#include <algorithm>
#include <utility>

#include "common/file.h"

namespace saker::embed {
namespace {

// Finds the member and asks for it as T; absent and null give nullopt.
template <typename T>
Result<std::optional<T>> Member(simdjson::dom::object object, std::string_view key, const std::string& name, const char* type) {
  simdjson::dom::element element;
  if (object.at_key(key).get(element) != simdjson::SUCCESS || element.is_null()) return std::optional<T>();
  T value;
  if (element.get(value) != simdjson::SUCCESS) return InvalidArgument(name, ": \"", key, "\" is not ", type);
  return std::optional<T>(value);
}

// simdjson refuses a whole document for one integer beyond 64 bits, and transformers writes "no limit" as 1e30 in
// digits: such a number keeps its first 18 digits and is thereby still larger than anything believed.
void ShortenHugeIntegers(std::string* text) {
  constexpr size_t kKept = 18;
  bool in_string = false;
  for (size_t i = 0; i < text->size(); ++i) {
    const char c = (*text)[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && c >= '0' && c <= '9') {
      size_t end = i;
      while (end < text->size() && (*text)[end] >= '0' && (*text)[end] <= '9') ++end;
      const bool integer = end == text->size() || ((*text)[end] != '.' && (*text)[end] != 'e' && (*text)[end] != 'E');
      const bool fraction = i > 0 && ((*text)[i - 1] == '.' || (*text)[i - 1] == '+');
      if (integer && !fraction && end - i > kKept + 1) std::fill(text->begin() + i + kKept, text->begin() + end, ' ');
      i = end - 1;
    }
  }
}

}  // namespace

bool IsGitLfsPointer(std::string_view bytes) {
  return bytes.starts_with("version https://git-lfs.github.com/spec/");
}

Status GitLfsPointerError(const std::string& path) {
  return InvalidArgument(path, " is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`");
}

Result<std::string> ReadModelFile(const std::string& path, uint64_t limit_bytes) {
  std::string text = TRY(FileSystem::Posix().ReadAll(path, limit_bytes));
  if (IsGitLfsPointer(text)) return GitLfsPointerError(path);
  return text;
}

Result<JsonDocument> JsonDocument::Parse(std::string_view text, const std::string& name) {
  JsonDocument document;
  document.name_ = name;
  document.parser_ = std::make_unique<simdjson::dom::parser>();
  auto error = document.parser_->parse(text.data(), text.size()).get(document.root_);
  if (error == simdjson::NUMBER_ERROR) {
    std::string shortened(text);
    ShortenHugeIntegers(&shortened);
    error = document.parser_->parse(shortened).get(document.root_);
  }
  if (error != simdjson::SUCCESS) return Corruption(name, " is not JSON: ", simdjson::error_message(error));
  if (!document.root_.is_object() && !document.root_.is_array()) return InvalidArgument(name, " is neither a JSON object nor an array");
  return document;
}

Result<JsonDocument> JsonDocument::Load(const std::string& path) {
  const std::string text = TRY(ReadModelFile(path, kJsonFileLimitBytes));
  return Parse(text, path);
}

Result<std::optional<int64_t>> JsonInteger(simdjson::dom::object object, std::string_view key, const std::string& name) {
  return Member<int64_t>(object, key, name, "an integer");
}
Result<std::optional<double>> JsonNumber(simdjson::dom::object object, std::string_view key, const std::string& name) {
  return Member<double>(object, key, name, "a number");
}
Result<std::optional<bool>> JsonBool(simdjson::dom::object object, std::string_view key, const std::string& name) {
  return Member<bool>(object, key, name, "true or false");
}
Result<std::optional<std::string>> JsonString(simdjson::dom::object object, std::string_view key, const std::string& name) {
  const auto value = TRY(Member<std::string_view>(object, key, name, "a string"));
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

}  // namespace saker::embed
