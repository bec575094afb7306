#include "index/graph/flat_graph.h"

namespace saker::index {

Status FlatGraph::Validate(size_t rows) const {
  if (degree < 1 || degree > kMaxDegree) return Corruption("a degree of ", degree, "; it is 1 to ", kMaxDegree);
  if (links.size() < rows * degree) return Corruption(links.size(), " links, ", rows, " rows of ", degree, " need more");
  for (size_t row = 0; row < rows; ++row) {
    const uint32_t* own = Links(row);
    bool ended = false;
    for (uint32_t i = 0; i < degree; ++i) {
      if (own[i] == kNone) {
        ended = true;
      } else if (own[i] >= rows || ended) {
        return Corruption("row ", row, " links to ", own[i], " at place ", i, " of ", rows, " rows");
      }
    }
  }
  for (const uint32_t entry : entries) {
    if (entry >= rows) return Corruption("entry ", entry, " of ", rows, " rows");
  }
  return OkStatus();
}

}  // namespace saker::index
