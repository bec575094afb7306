// Where the names and password hashes of users are kept. The coordinator's catalog implements it. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace saker::auth {

class UserStore {
 public:
  virtual ~UserStore() = default;
  // The hash text, or nullopt for an unknown user.
  virtual Result<std::optional<std::string>> Get(const std::string& user) = 0;
  // Durable when it returns.
  virtual Status Put(const std::string& user, const std::string& hash) = 0;
  virtual Status Delete(const std::string& user) = 0;
  virtual Result<std::vector<std::string>> List() = 0;
};

}  // namespace saker::auth
