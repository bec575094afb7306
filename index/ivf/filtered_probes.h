// How far a search under a filter has to go through the lists for its recall not to fall below that without a filter.
//
// The best of few rows lie as far away as many of all the rows. A filter that leaves a random share s is answered by s^-e times as
// many lists, e = 0.45 and 0.05 more for each tenth (measured on word vectors and image descriptors at 4 to 64 lists of 1,024: with 0.4
// up to 0.027 of recall were lost at s = 0.1 and 0.097 at 0.01). One that leaves what is elsewhere is not: the nearest lists then
// hold fewer allowed rows than their size promises, ratio r, and the best are spread over the more lists the smaller r is. Such a
// search goes on until it has seen r^-3 times as many as were promised, or leaves it to the exact scan when that costs less; and when
// r is surely below 0.7 and there are codes: the best of what is far away are too alike for them.
// One query's, by one thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "index/flat/allowed_rows.h"

namespace saker::index {

// Of `lists`, for a search that probes `probes` without a filter.
inline size_t ProbesUnder(size_t probes, size_t lists, size_t rows, size_t allowed) {
  if (allowed == 0) return std::min(probes, lists);
  const double share = static_cast<double>(allowed) / static_cast<double>(rows);
  const double power = 0.45 - 0.05 * std::log10(share);
  return std::min(static_cast<size_t>(std::ceil(static_cast<double>(probes) * std::pow(share, -power))), lists);
}

// About how many of a list's rows are allowed, from 32 of them.
inline double AllowedAmong(std::span<const uint32_t> rows, const AllowedRows& allowed) {
  constexpr size_t kSample = 32;
  const size_t step = std::max<size_t>(1, rows.size() / kSample);
  size_t tested = 0, found = 0;
  for (size_t i = step / 2; i < rows.size(); i += step) {
    ++tested;
    found += allowed.Test(rows[i]) ? 1 : 0;
  }
  return tested == 0 ? 0 : static_cast<double>(found * rows.size()) / static_cast<double>(tested);
}

class FilteredProbes {
 public:
  // `allowed` null: no filter, whatever was seen is enough.
  FilteredProbes(const AllowedRows* allowed, size_t rows)
      : rows_(static_cast<double>(rows)), allowed_(allowed != nullptr ? static_cast<double>(allowed->count()) : 0) {}

  // A list of so many rows of which so many are allowed.
  void Saw(size_t rows, double allowed) {
    seen_rows_ += static_cast<double>(rows);
    seen_ += allowed;
    if (rows > 0) hits_ += kSample * allowed / static_cast<double>(rows);
  }
  // After the lists that a random filter asks for.
  bool Enough() const { return allowed_ == 0 || seen_ >= Wanted(); }
  // From here on: counts what else must be seen.
  void GoOn() { wanted_ = Wanted(); }
  bool SawWanted() const { return seen_ >= wanted_; }
  // Few hits of the sample say little: a random filter is then to be let pass.
  bool Elsewhere() const { return seen_ < (hits_ >= kManyHits ? kRandom : kElsewhere) * Promised(); }
  // Whether scoring every allowed row costs less than going on, a row of a list costing `list_row` of that and an allowed one `more`.
  bool ScanCostsLess(double list_row, double more) const {
    const double missing = Wanted() - seen_, left = std::max(1.0, allowed_ - seen_);
    return allowed_ <= missing * more + std::min(1.0, missing / left) * (rows_ - seen_rows_) * list_row;
  }

 private:
  static constexpr double kRandom = 0.7;  // lists of a random filter hold at least this share of what is promised
  static constexpr double kElsewhere = 0.5;
  static constexpr double kManyHits = 150;
  static constexpr double kSample = 32;  // AllowedAmong
  static constexpr double kPower = 3;

  double Promised() const { return seen_rows_ * allowed_ / rows_; }
  double Wanted() const {
    const double promised = Promised();
    if (seen_ >= kRandom * promised) return 0;
    const double ratio = std::max(seen_ / promised, 1e-3);
    return std::min(allowed_, promised * std::pow(ratio, -kPower));
  }

  const double rows_, allowed_;
  double seen_rows_ = 0, seen_ = 0, wanted_ = 0, hits_ = 0;
};

}  // namespace saker::index
