#include "tools/bench/kept_index.h"

#include <fstream>
#include <span>
#include <sstream>

#include "common/checksum.h"

namespace saker::bench {
namespace {

std::string DescriptionOf(const VectorRows& base) {
  const size_t bytes = base.row_count() * index::RowBytes(base.type(), base.dim());
  std::ostringstream out;
  out << base.row_count() << " rows of dimension " << base.dim() << ", checksum " << std::hex
      << Checksum(std::span(static_cast<const std::byte*>(base.Contiguous()), bytes));
  return out.str();
}

}  // namespace

Status RememberBase(const std::string& path, const VectorRows& base) {
  std::ofstream out(path + ".base", std::ios::trunc);
  out << DescriptionOf(base) << "\n";
  out.close();
  if (!out) return Unavailable("cannot write ", path, ".base");
  return OkStatus();
}

Status CheckBase(const std::string& path, const VectorRows& base) {
  std::ifstream in(path + ".base");
  std::string kept;
  if (!in || !std::getline(in, kept)) return OkStatus();
  const std::string given = DescriptionOf(base);
  if (kept == given) return OkStatus();
  return InvalidArgument("--index-file ", path, " was built from ", kept, "; --base has ", given, ": give another file name, or remove it");
}

Status CheckKept(const std::string& path, const index::IndexSpec& kept, const AnnPlan& plan) {
  if (kept.type != plan.spec.type) return InvalidArgument("--index-file ", path, " is of type ", kept.type, ", not ", plan.spec.type);
  if (kept.metric != plan.spec.metric) {
    return InvalidArgument("--index-file ", path, " is for metric ", index::MetricName(kept.metric), ", not ",
                           index::MetricName(plan.spec.metric));
  }
  for (const auto& [name, value] : plan.given) {
    const auto found = kept.params.find(name);
    if (found == kept.params.end()) return InvalidArgument("--index-file ", path, " was built without ", name, ", not with ", value);
    if (found->second != value)
      return InvalidArgument("--index-file ", path, " was built with ", name, "=", found->second, ", not ", value);
  }
  return OkStatus();
}

}  // namespace saker::bench
