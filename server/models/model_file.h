// DATA/models.json: the models that `saker model add` has named. See FORMAT.md.
//
// Changed only as a whole and under a lock file, so several commands and a running server may use it at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace saker::models {

struct ModelEntry {
  std::string name;  // may hold slashes: "BAAI/bge-m3"
  std::string path;  // an absolute directory once checked
  std::vector<std::string> aliases;
  friend bool operator==(const ModelEntry&, const ModelEntry&) = default;
};

inline constexpr size_t kMaxModels = 64;

// "NAME=PATH", or a path alone, whose last part is then the name. The path must be a directory with a config.json.
Result<ModelEntry> ParseModelArgument(std::string_view argument);

// Letters, digits, `-_.` and single inner slashes; 1 to 255 bytes.
Status CheckModelName(std::string_view name);
// The absolute form of a directory that looks like a model.
Result<std::string> CheckModelDirectory(const std::string& path);
// Names and aliases are valid, distinct and not too many.
Status CheckModelEntries(const std::vector<ModelEntry>& entries);

std::string ModelFilePath(const std::string& data_directory);
std::string EncodeModelFile(const std::vector<ModelEntry>& entries);
Result<std::vector<ModelEntry>> DecodeModelFile(std::string_view text, const std::string& path);
// No file is no models.
Result<std::vector<ModelEntry>> ReadModelFile(const std::string& path);

// `saker model add | remove`: add creates the data directory when it is missing, and replaces a model of the same name.
Status AddModel(const std::string& data_directory, const ModelEntry& entry);
Status RemoveModel(const std::string& data_directory, const std::string& name);

}  // namespace saker::models
