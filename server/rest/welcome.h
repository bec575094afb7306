// The page that a browser or a bare curl on the public port gets.
#pragma once

#include <string>

namespace saker::rest {

std::string WelcomePage(const std::string& version, const std::string& host, bool has_models);

}  // namespace saker::rest
