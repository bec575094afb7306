// Finds what an index can do beside searching: the small interfaces that index.h speaks of.
//
// An index that wraps another (AUTOINDEX) offers what the one inside offers; its parameters go through ParamsOf first.
#pragma once

#include <map>
#include <string>

#include "index/index.h"

namespace saker::index {

class IndexInside {
 public:
  virtual ~IndexInside() = default;
  virtual const Index& Inside() const = 0;
  // The request's parameters as the index inside takes them.
  virtual std::map<std::string, std::string> ParamsOf(const SearchRequest& request) const = 0;
};

// Null when neither the index nor the one inside it can do this.
template <typename T>
const T* CapabilityOf(const Index& index) {
  if (const T* own = dynamic_cast<const T*>(&index)) return own;
  const auto* outside = dynamic_cast<const IndexInside*>(&index);
  return outside != nullptr ? dynamic_cast<const T*>(&outside->Inside()) : nullptr;
}

}  // namespace saker::index
