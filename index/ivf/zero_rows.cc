#include "index/ivf/zero_rows.h"

#include <algorithm>

namespace saker::index {

ZeroRows::ZeroRows(const IvfLists& lists, const std::vector<float>& inverse_norms, ListCodes* codes) : only_zeros_(lists.count()) {
  if (inverse_norms.empty()) return;
  const auto zero = [&](uint32_t row) { return inverse_norms[row] == 0; };
  for (size_t list = 0; list < lists.count(); ++list) {
    const auto rows = lists.Rows(list);
    only_zeros_[list] = !rows.empty() && std::all_of(rows.begin(), rows.end(), zero);
    lists_ += only_zeros_[list] ? 1 : 0;
    for (size_t place = 0; place < rows.size(); ++place) {
      if (!zero(rows[place])) continue;
      if (codes != nullptr) codes->Exclude(list, place);
      if (codes != nullptr || only_zeros_[list]) rows_.push_back(rows[place]);
    }
  }
  std::sort(rows_.begin(), rows_.end());
}

void ZeroRows::Offer(size_t k, const AllowedRows* allowed, TopK* best) const {
  size_t offered = 0;
  for (const uint32_t row : rows_) {
    if (offered == k || PackKey(0.0f, row) >= best->limit()) return;
    if (allowed != nullptr && !allowed->Test(row)) continue;
    best->Offer(0.0f, row);
    ++offered;
  }
}

}  // namespace saker::index
