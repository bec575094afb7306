#include "index/ivf/ivf_index.h"

#include <algorithm>

#include "index/flat/exact_scan.h"
#include "index/index_file.h"
#include "index/ivf/list_codes.h"
#include "index/ivf/list_ranker.h"
#include "index/ivf/lists.h"
#include "index/params.h"
#include "index/scorer.h"
#include "index/topk.h"

namespace saker::index {
namespace {

// What a search of one query works in; reused by the thread's next one, never holds results.
struct Scratch {
  std::vector<float> query, keys;
  std::vector<uint64_t> order;
  std::vector<uint32_t> places, rows;
  ListRanker::Scratch ranker;
  CodeQuery codes;
};

class IvfIndex final : public Index, public SavedWithin {
 public:
  IvfIndex(IndexSpec spec, std::shared_ptr<const VectorSource> source, std::unique_ptr<const IvfLists> lists, ListRanker ranker,
           std::unique_ptr<ListCodes> codes, std::vector<float> inverse_norms)
      : spec_(std::move(spec)),
        source_(std::move(source)),
        owned_lists_(std::move(lists)),
        lists_(*owned_lists_),
        ranker_(std::move(ranker)),
        codes_(std::move(codes)),
        inverse_norms_(std::move(inverse_norms)) {
    for (size_t list = 0; list < lists_.count(); ++list) longest_list_ = std::max(longest_list_, lists_.Rows(list).size());
  }

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return source_->row_count(); }
  size_t memory_bytes() const override {
    return sizeof *this + (lists_.centroids.size() + lists_.offsets.size() + lists_.rows.size() + inverse_norms_.size()) * 4 +
           ranker_.memory_bytes() + (codes_ != nullptr ? codes_->memory_bytes() : 0);
  }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    TRY(CheckRequest(request, source_->type(), row_count()));
    TRY(ValidateSearchParams(spec_, request.params, request.k));
    SearchStats unused;
    if (stats == nullptr) stats = &unused;
    const AllowedRows allowed(request.allowed, source_->valid(), row_count());
    const size_t k = std::min(request.k, allowed.count());
    const size_t probes = std::min(ProbeCount(spec_, request.params), lists_.count());
    const size_t candidates = codes_ != nullptr ? CandidateCount(spec_, request.params, k) : 0;
    // A range must be complete, and few rows are scanned sooner than lists are sifted for them. A code costs about a sixteenth
    // of a row fetched from anywhere.
    const size_t probed = row_count() / lists_.count() * probes;
    const size_t work = codes_ != nullptr ? probed / 16 + candidates : probed;
    if (request.radius.has_value() || k == allowed.count() || allowed.count() <= work) {
      return ScanRows(*source_, spec_.metric, Norms(), request.queries, request.query_count, request, allowed, context, stats);
    }
    thread_local Scratch scratch;
    std::vector<std::vector<Hit>> results(request.query_count);
    const size_t stride = RowBytes(source_->type(), source_->dim());
    for (size_t q = 0; q < request.query_count; ++q) {
      const void* query = static_cast<const char*>(request.queries) + q * stride;
      const One one = {query, k, probes, candidates, request.allowed != nullptr ? &allowed : nullptr};
      results[q] = TRY(codes_ != nullptr ? SearchCodes(one, context, &scratch, stats) : SearchRows(one, context, &scratch, stats));
      // Rows that no estimate can be made of (not finite, beyond a float) are never candidates; without them too few were left.
      if (results[q].size() < k) {
        auto exact = TRY(ScanRows(*source_, spec_.metric, Norms(), query, 1, request, allowed, context, stats));
        results[q] = std::move(exact[0]);
      }
    }
    return results;
  }

  Status Save(WritableFile& file) const override { return SaveAs(spec_, {}, file); }

  Status SaveAs(const IndexSpec& spec, std::span<const SectionBytes> more, WritableFile& file) const override {
    IndexFileWriter writer(spec, *source_);
    writer.Add(Section::kCentroids, std::as_bytes(std::span(lists_.centroids)));
    writer.Add(Section::kListOffsets, std::as_bytes(std::span(lists_.offsets)));
    writer.Add(Section::kListRows, std::as_bytes(std::span(lists_.rows)));
    writer.Add(Section::kInverseNorms, std::as_bytes(std::span(inverse_norms_)));
    std::vector<CodeSection> sections;
    if (codes_ != nullptr) sections = codes_->Sections();
    for (const CodeSection& section : sections) writer.Add(section.section, section.bytes);
    for (const SectionBytes& section : more) writer.Add(section.section, section.bytes);
    return writer.Write(file);
  }

 private:
  struct One {
    const void* query;
    size_t k;
    size_t probes;
    size_t candidates;
    const AllowedRows* allowed;  // null: every row
  };

  const float* Norms() const { return inverse_norms_.empty() ? nullptr : inverse_norms_.data(); }

  // The query in floats and its nearest lists, in `order`.
  void RankLists(const One& one, Scratch* scratch, SearchStats* stats) const {
    scratch->query.resize(source_->dim());
    RowFloats(*source_, spec_.metric).Query(one.query, scratch->query.data());
    stats->distances += ranker_.Nearest(scratch->query.data(), one.probes, &scratch->ranker, &scratch->order);
  }

  // All the lists not probed yet behind those that are, nearest first.
  void RankTheRest(Scratch* scratch) const {
    std::vector<uint64_t> all;
    ranker_.All(scratch->query.data(), &scratch->ranker.keys, &all);
    std::vector<bool> probed(lists_.count());
    for (const uint64_t list : scratch->order) probed[RowOf(list)] = true;
    std::erase_if(all, [&](uint64_t list) { return probed[RowOf(list)]; });
    std::sort(all.begin(), all.end());
    scratch->order.insert(scratch->order.end(), all.begin(), all.end());
  }

  // Calls scan(list, centroid key) for the probed lists, and after them for more until `enough()`.
  template <typename Enough, typename Scan>
  Status Probe(const One& one, const Context& context, Scratch* scratch, SearchStats* stats, Enough&& enough, Scan&& scan) const {
    for (size_t i = 0; i < lists_.count(); ++i) {
      if (i >= one.probes && enough()) break;
      if (i == one.probes) RankTheRest(scratch);
      if (i % 64 == 0) TRY(context.Check());
      if (codes_ != nullptr && i + 1 < one.probes) codes_->Prefetch(RowOf(scratch->order[i + 1]));
      scan(RowOf(scratch->order[i]), KeyOf(scratch->order[i]));
      ++stats->hops;
    }
    return OkStatus();
  }

  // Every row of the lists, exactly.
  Result<std::vector<Hit>> SearchRows(const One& one, const Context& context, Scratch* scratch, SearchStats* stats) const {
    RankLists(one, scratch, stats);
    Scorer scorer(*source_, spec_.metric, Norms());
    scorer.SetQuery(one.query);
    TopK best(one.k);
    scratch->keys.resize(longest_list_);
    TRY(Probe(
        one, context, scratch, stats, [&] { return best.full(); },
        [&](size_t list, float) {
          std::span<const uint32_t> rows = lists_.Rows(list);
          if (one.allowed != nullptr) {
            scratch->rows.clear();
            for (const uint32_t row : rows) {
              if (one.allowed->Test(row)) scratch->rows.push_back(row);
            }
            rows = scratch->rows;
          }
          scorer.Keys(rows.data(), rows.size(), scratch->keys.data());
          for (size_t i = 0; i < rows.size(); ++i) best.Offer(scratch->keys[i], rows[i]);
          stats->distances += rows.size();
        }));
    return best.Finish(spec_.metric);
  }

  // The best `candidates` by their codes, then those exactly.
  Result<std::vector<Hit>> SearchCodes(const One& one, const Context& context, Scratch* scratch, SearchStats* stats) const {
    RankLists(one, scratch, stats);
    codes_->SetQuery(scratch->query.data(), &scratch->codes);
    TopK likely(one.candidates);
    scratch->keys.resize(longest_list_ + 64);
    scratch->places.resize(longest_list_ + 64);
    float* const keys = scratch->keys.data();
    TRY(Probe(
        one, context, scratch, stats, [&] { return likely.full(); },
        [&](size_t list, float centroid_key) {
          const std::span<const uint32_t> rows = lists_.Rows(list);
          const size_t found = codes_->Scan(scratch->codes, list, centroid_key, likely.worst(), keys, scratch->places.data());
          for (size_t i = 0; i < found; ++i) {
            const uint32_t row = rows[scratch->places[i]];
            if (one.allowed == nullptr || one.allowed->Test(row)) likely.Offer(keys[i], row);
          }
          stats->distances += rows.size();
        }));
    likely.TakeRows(&scratch->rows);
    return Refine(one, scratch, stats);
  }

  Result<std::vector<Hit>> Refine(const One& one, Scratch* scratch, SearchStats* stats) const {
    Scorer scorer(*source_, spec_.metric, Norms());
    scorer.SetQuery(one.query);
    TopK best(one.k);
    const std::vector<uint32_t>& rows = scratch->rows;
    scratch->keys.resize(std::max(scratch->keys.size(), rows.size()));
    scorer.Keys(rows.data(), rows.size(), scratch->keys.data());
    for (size_t i = 0; i < rows.size(); ++i) best.Offer(scratch->keys[i], rows[i]);
    stats->distances += rows.size();
    return best.Finish(spec_.metric);
  }

  const IndexSpec spec_;
  const std::shared_ptr<const VectorSource> source_;
  const std::unique_ptr<const IvfLists> owned_lists_;  // where the ranker looks for them
  const IvfLists& lists_;
  const ListRanker ranker_;
  const std::unique_ptr<const ListCodes> codes_;  // null: lists of rows, read from the source
  const std::vector<float> inverse_norms_;
  size_t longest_list_ = 0;
};

Result<std::unique_ptr<Index>> MakeIvfIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source, IvfLists lists,
                                            std::unique_ptr<ListCodes> codes, std::vector<float> inverse_norms) {
  auto owned = std::make_unique<const IvfLists>(std::move(lists));
  ListRanker ranker = TRY(ListRanker::Make(*owned, spec.metric, source->dim()));
  return std::unique_ptr<Index>(
      new IvfIndex(spec, std::move(source), std::move(owned), std::move(ranker), std::move(codes), std::move(inverse_norms)));
}

}  // namespace

Result<std::unique_ptr<Index>> BuildIvfIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                             const BuildOptions& options) {
  IvfLists lists = TRY(BuildIvfLists(*source, spec.metric, ListCount(spec), options));
  auto codes = TRY(BuildListCodes(CodeShapeOf(spec, source->dim()), *source, spec.metric, lists, options));
  std::vector<float> norms;
  if (spec.metric == Metric::kCosine) norms = InverseNorms(*source);
  if (options.progress) options.progress(1.0);
  return MakeIvfIndex(spec, std::move(source), std::move(lists), std::move(codes), std::move(norms));
}

Result<std::unique_ptr<Index>> OpenIvfIndex(const IndexFileReader& file, std::shared_ptr<const VectorSource> source) {
  IvfLists lists;
  const uint64_t offsets = TRY(file.Count(Section::kListOffsets, 4));
  if (offsets < 2 || offsets > 65537) return file.Damaged(Section::kListOffsets, internal::Join(offsets, " offsets"));
  lists.offsets = TRY(file.Copy<uint32_t>(Section::kListOffsets, offsets));
  lists.centroids = TRY(file.Copy<float>(Section::kCentroids, (offsets - 1) * source->dim()));
  // Every row that has a vector stands in exactly one list.
  Bitset seen(source->row_count());
  const size_t with_vector = source->valid() != nullptr ? source->valid()->Count() : source->row_count();
  lists.rows = TRY(file.Copy<uint32_t>(Section::kListRows, with_vector));
  if (lists.offsets.front() != 0 || lists.offsets.back() != lists.rows.size() ||
      !std::is_sorted(lists.offsets.begin(), lists.offsets.end())) {
    return file.Damaged(Section::kListOffsets, "the lists do not cover the rows");
  }
  for (const uint32_t row : lists.rows) {
    if (row >= source->row_count() || seen.Test(row))
      return file.Damaged(Section::kListRows, internal::Join("row ", row, " of ", source->row_count()));
    seen.Set(row);
  }
  auto codes = TRY(OpenListCodes(file, *source, lists));
  std::vector<float> norms;
  if (file.spec().metric == Metric::kCosine) norms = TRY(file.Copy<float>(Section::kInverseNorms, source->row_count()));
  return MakeIvfIndex(file.spec(), std::move(source), std::move(lists), std::move(codes), std::move(norms));
}

}  // namespace saker::index
