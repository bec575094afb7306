#include "server/models/model_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <utility>

#include "common/checksum.h"
#include "common/file.h"
#include "common/kill_point.h"

namespace saker::models {

namespace {

using Json = nlohmann::json;
constexpr uint64_t kFileLimitBytes = 1 << 20;
constexpr int kVersion = 1;

std::string ChecksumText(const Json& models) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(Checksum(models.dump())));
  return text;
}

// Held while the file is read, changed and replaced; the lock goes with the descriptor.
class FileLock {
 public:
  static Result<FileLock> Take(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return Unavailable("cannot open the lock file ", path, ": ", std::strerror(errno));
    FileLock lock(fd);
    if (::flock(fd, LOCK_EX) != 0) return Unavailable("cannot lock ", path, ": ", std::strerror(errno));
    return lock;
  }
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

Status Change(const std::string& data_directory, const std::function<Status(std::vector<ModelEntry>*)>& change) {
  FileSystem& files = FileSystem::Posix();
  TRY(files.MakeDirectories(data_directory));
  const std::string path = ModelFilePath(data_directory);
  const FileLock lock = TRY(FileLock::Take(path + ".lock"));
  std::vector<ModelEntry> entries = TRY(ReadModelFile(path));
  TRY(change(&entries));
  std::sort(entries.begin(), entries.end(), [](const ModelEntry& a, const ModelEntry& b) { return a.name < b.name; });
  TRY(CheckModelEntries(entries));
  SAKER_KILL_POINT("models.before_write");
  TRY(WriteFileAtomically(files, path, EncodeModelFile(entries)));
  SAKER_KILL_POINT("models.after_write");
  return OkStatus();
}

Result<std::string> TextOf(const Json& object, const char* key, const std::string& path) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return Corruption(path, ": a model without a text '", key, "'");
  return found->get<std::string>();
}

}  // namespace

Status CheckModelName(std::string_view name) {
  if (name.empty() || name.size() > 255) return InvalidArgument("a model's name has 1 to 255 bytes, this one has ", name.size());
  char before = '/';
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!letter && c != '/') return InvalidArgument("the model name '", name, "' may only hold letters, digits, - _ . and /");
    if (c == '/' && before == '/') return InvalidArgument("the model name '", name, "' has a slash at its start or two in a row");
    before = c;
  }
  if (before == '/') return InvalidArgument("the model name '", name, "' ends with a slash");
  const std::string slashed = "/" + std::string(name) + "/";
  if (slashed.find("/./") != std::string::npos || slashed.find("/../") != std::string::npos) {
    return InvalidArgument("the model name '", name, "' has a part that is only dots, as a path would");
  }
  return OkStatus();
}

Result<std::string> CheckModelDirectory(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::canonical(path, error);
  if (error) return NotFound("the model directory ", path, " cannot be opened: ", error.message());
  if (!std::filesystem::is_directory(absolute, error)) {
    return InvalidArgument(path, " is not a directory; a model is a Hugging Face directory with config.json, tokenizer and safetensors");
  }
  if (!std::filesystem::exists(absolute / "config.json", error)) {
    return InvalidArgument("the directory ", absolute.string(), " has no config.json, so it is not a Hugging Face model");
  }
  return absolute.string();
}

Result<ModelEntry> ParseModelArgument(std::string_view argument) {
  ModelEntry entry;
  const size_t equals = argument.find('=');
  // A path may hold '=' too: what stands before the first one must look like a name.
  if (equals != std::string_view::npos && CheckModelName(argument.substr(0, equals)).ok()) {
    entry.name = std::string(argument.substr(0, equals));
    entry.path = TRY(CheckModelDirectory(std::string(argument.substr(equals + 1))));
    return entry;
  }
  entry.path = TRY(CheckModelDirectory(std::string(argument)));
  entry.name = std::filesystem::path(entry.path).filename().string();
  TRY(CheckModelName(entry.name));
  return entry;
}

Status CheckModelEntries(const std::vector<ModelEntry>& entries) {
  if (entries.size() > kMaxModels) return InvalidArgument(entries.size(), " models are named, at most ", kMaxModels, " may be");
  std::set<std::string> seen;
  for (const ModelEntry& entry : entries) {
    if (entry.aliases.size() > 16)
      return InvalidArgument("model ", entry.name, " has ", entry.aliases.size(), " aliases, at most 16 may be");
    std::vector<std::string> names = entry.aliases;
    names.push_back(entry.name);
    for (const std::string& name : names) {
      TRY(CheckModelName(name));
      if (!seen.insert(name).second) return InvalidArgument("the model name or alias '", name, "' is used twice");
    }
  }
  return OkStatus();
}

std::string ModelFilePath(const std::string& data_directory) {
  return data_directory + "/models.json";
}

std::string EncodeModelFile(const std::vector<ModelEntry>& entries) {
  Json models = Json::array();
  for (const ModelEntry& entry : entries) models.push_back({{"name", entry.name}, {"path", entry.path}, {"aliases", entry.aliases}});
  const Json file = {{"version", kVersion}, {"models", models}, {"checksum", ChecksumText(models)}};
  return file.dump(2) + "\n";
}

Result<std::vector<ModelEntry>> DecodeModelFile(std::string_view text, const std::string& path) {
  const Json file = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!file.is_object()) return Corruption(path, " is not a JSON object");
  const auto version = file.find("version");
  if (version == file.end() || !version->is_number_integer()) return Corruption(path, " has no version");
  if (*version != kVersion) return InvalidArgument(path, " has version ", version->dump(), ", this server reads version ", kVersion);
  const auto models = file.find("models");
  const auto checksum = file.find("checksum");
  if (models == file.end() || !models->is_array()) return Corruption(path, " has no list of models");
  if (models->size() > kMaxModels) return Corruption(path, " names ", models->size(), " models, at most ", kMaxModels, " may be");
  const std::string expected = ChecksumText(*models);
  if (checksum == file.end() || *checksum != expected) {
    return Corruption(path, ": the checksum is ", checksum == file.end() ? "missing" : checksum->dump(), ", its models have \"", expected,
                      "\"; change this file with `saker model add` and `saker model remove`");
  }
  std::vector<ModelEntry> entries;
  for (const Json& model : *models) {
    if (!model.is_object()) return Corruption(path, ": a model that is not an object");
    ModelEntry entry{.name = TRY(TextOf(model, "name", path)), .path = TRY(TextOf(model, "path", path)), .aliases = {}};
    const auto aliases = model.find("aliases");
    if (aliases != model.end()) {
      if (!aliases->is_array()) return Corruption(path, ": the aliases of ", entry.name, " are not a list");
      for (const Json& alias : *aliases) {
        if (!alias.is_string()) return Corruption(path, ": an alias of ", entry.name, " is not a text");
        entry.aliases.push_back(alias.get<std::string>());
      }
    }
    entries.push_back(std::move(entry));
  }
  TRY(CheckModelEntries(entries));
  return entries;
}

Result<std::vector<ModelEntry>> ReadModelFile(const std::string& path) {
  FileSystem& files = FileSystem::Posix();
  if (!files.Exists(path)) return std::vector<ModelEntry>();
  return DecodeModelFile(TRY(files.ReadAll(path, kFileLimitBytes)), path);
}

Status AddModel(const std::string& data_directory, const ModelEntry& entry) {
  ModelEntry checked = entry;
  TRY(CheckModelName(entry.name));
  checked.path = TRY(CheckModelDirectory(entry.path));
  return Change(data_directory, [&checked](std::vector<ModelEntry>* entries) {
    std::erase_if(*entries, [&checked](const ModelEntry& other) { return other.name == checked.name; });
    entries->push_back(checked);
    return OkStatus();
  });
}

Status RemoveModel(const std::string& data_directory, const std::string& name) {
  if (!FileSystem::Posix().Exists(ModelFilePath(data_directory))) {
    return NotFound("no models are registered in ", data_directory, ", so there is no '", name, "' to remove");
  }
  return Change(data_directory, [&name](std::vector<ModelEntry>* entries) -> Status {
    if (std::erase_if(*entries, [&name](const ModelEntry& entry) { return entry.name == name; }) > 0) return OkStatus();
    std::string known;
    for (const ModelEntry& entry : *entries) known += (known.empty() ? "" : ", ") + entry.name;
    return NotFound("no model is named '", name, "'; registered are: ", known.empty() ? "none" : known);
  });
}

}  // namespace saker::models
