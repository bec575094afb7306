#include "index/ivf/ivf_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "index/flat/batch_scan.h"
#include "index/flat/exact_scan.h"
#include "index/index_file.h"
#include "index/ivf/filtered_probes.h"
#include "index/ivf/list_codes.h"
#include "index/ivf/list_ranker.h"
#include "index/ivf/list_reach.h"
#include "index/ivf/lists.h"
#include "index/ivf/zero_rows.h"
#include "index/params.h"
#include "index/scorer.h"
#include "index/topk.h"

namespace saker::index {
namespace {

constexpr size_t kTogether = 1024;             // queries that go through the lists together
constexpr size_t kTogetherEntries = 1u << 20;  // what they collect: 8 MiB
constexpr size_t kTogetherBytes = 32u << 20;   // and what they became
constexpr size_t kChunkRows = 256;             // stay in the cache while all the queries of their list score them

// What a search of one query works in; reused by the thread's next one, never holds results.
struct Scratch {
  std::vector<float> query, keys;
  std::vector<uint64_t> order;
  std::vector<uint32_t> places, rows, queries;
  ListRanker::Scratch ranker;
  CodeQuery codes;
};

class IvfIndex final : public Index, public SavedWithin {
 public:
  IvfIndex(IndexSpec spec, std::shared_ptr<const VectorSource> source, std::unique_ptr<const IvfLists> lists, ListRanker ranker,
           std::unique_ptr<ListCodes> codes, ListReach reach, std::vector<float> inverse_norms, ZeroRows zeros)
      : spec_(std::move(spec)),
        source_(std::move(source)),
        owned_lists_(std::move(lists)),
        lists_(*owned_lists_),
        ranker_(std::move(ranker)),
        codes_(std::move(codes)),
        reach_(std::move(reach)),
        inverse_norms_(std::move(inverse_norms)),
        zeros_(std::move(zeros)) {
    for (size_t list = 0; list < lists_.count(); ++list) longest_list_ = std::max(longest_list_, lists_.Rows(list).size());
  }

  const IndexSpec& spec() const override { return spec_; }
  size_t row_count() const override { return source_->row_count(); }
  size_t memory_bytes() const override {
    return sizeof *this + (lists_.centroids.size() + lists_.offsets.size() + lists_.rows.size() + inverse_norms_.size()) * 4 +
           ranker_.memory_bytes() + reach_.memory_bytes() + zeros_.memory_bytes() + (codes_ != nullptr ? codes_->memory_bytes() : 0);
  }

  Result<std::vector<std::vector<Hit>>> Search(const SearchRequest& request, const Context& context, SearchStats* stats) const override {
    TRY(CheckRequest(request, source_->type(), row_count()));
    TRY(ValidateSearchParams(spec_, request.params, request.k));
    SearchStats unused;
    if (stats == nullptr) stats = &unused;
    const AllowedRows allowed(request.allowed, source_->valid(), row_count());
    const size_t k = std::min(request.k, allowed.count());
    const size_t wanted = ProbeCount(spec_, request.params), lists = lists_.count() - zeros_.lists();
    const size_t probes = request.allowed != nullptr ? ProbesUnder(wanted, lists, row_count(), allowed.count()) : std::min(wanted, lists);
    const size_t candidates = codes_ != nullptr ? CandidateCount(spec_, request.params, k) : 0;
    // A range must be complete, and few rows are scanned sooner than lists are sifted for them. A code costs about a sixteenth
    // of a row fetched from anywhere.
    const size_t probed = row_count() / lists_.count() * probes;
    const size_t work = codes_ != nullptr ? probed / 16 + candidates : probed;
    if (request.radius.has_value()) return SearchRange(request, allowed, context, stats);
    if (k == allowed.count() || allowed.count() <= work) {
      return ScanRows(*source_, spec_.metric, Norms(), request.queries, request.query_count, request, allowed, context, stats);
    }
    thread_local Scratch scratch;
    std::vector<std::vector<Hit>> results(request.query_count);
    const size_t stride = RowBytes(source_->type(), source_->dim());
    const auto query_at = [&](size_t q) {
      const void* query = static_cast<const char*>(request.queries) + q * stride;
      return One{query, k, probes, candidates, request.allowed != nullptr ? &allowed : nullptr};
    };
    const size_t together = std::min({kTogether, kTogetherEntries / (2 * std::max(k, candidates) + 64), kTogetherBytes / QueryBytes()});
    for (size_t first = 0; together > 1 && request.query_count > 1 && first < request.query_count; first += together) {
      std::vector<One> group;
      for (size_t q = first; q < std::min(first + together, request.query_count); ++q) group.push_back(query_at(q));
      TRY(SearchTogether(group, context, &scratch, stats, results.data() + first));
    }
    for (size_t q = 0; q < request.query_count; ++q) {
      if (results[q].size() >= k) continue;
      const One one = query_at(q);
      results[q] = TRY(codes_ != nullptr ? SearchCodes(one, context, &scratch, stats) : SearchRows(one, context, &scratch, stats));
      // Rows that no estimate can be made of (not finite, beyond a float) are never candidates; without them too few were left. Or the
      // filter leaves what is elsewhere.
      if (results[q].size() < k) {
        auto exact = TRY(ScanRows(*source_, spec_.metric, Norms(), one.query, 1, request, allowed, context, stats));
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
    if (!reach_.reach().empty()) writer.Add(Section::kListReaches, std::as_bytes(std::span(reach_.reach())));
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
    const size_t ranked = std::min(one.probes + zeros_.lists(), lists_.count());
    stats->distances += ranker_.Nearest(scratch->query.data(), ranked, &scratch->ranker, &scratch->order);
    if (zeros_.lists() == 0) return;
    std::erase_if(scratch->order, [&](uint64_t list) { return zeros_.IsOnlyZeros(RowOf(list)); });
    if (scratch->order.size() > one.probes) scratch->order.resize(one.probes);
  }

  // Exactly all rows in the range; of those in lists that may hold one.
  Result<std::vector<std::vector<Hit>>> SearchRange(const SearchRequest& request, const AllowedRows& allowed, const Context& context,
                                                    SearchStats* stats) const {
    if (reach_.reach().empty() || request.query_count >= kBatchQueries) {  // together they are scanned sooner
      return ScanRows(*source_, spec_.metric, Norms(), request.queries, request.query_count, request, allowed, context, stats);
    }
    std::vector<std::vector<Hit>> results(request.query_count);
    std::vector<float> floats(source_->dim());
    for (size_t q = 0; q < request.query_count; ++q) {
      const void* query = static_cast<const char*>(request.queries) + q * RowBytes(source_->type(), source_->dim());
      RowFloats(*source_, spec_.metric).Query(query, floats.data());
      Bitset rows;
      if (reach_.RowsInRange(floats.data(), *request.radius, row_count(), &rows)) {
        const AllowedRows some(&rows, allowed.bits(), row_count());
        results[q] = std::move(TRY(ScanRows(*source_, spec_.metric, Norms(), query, 1, request, some, context, stats))[0]);
      } else {
        results[q] = std::move(TRY(ScanRows(*source_, spec_.metric, Norms(), query, 1, request, allowed, context, stats))[0]);
      }
    }
    return results;
  }

  // Of a query made ready: floats, tables, codes (CodeQuery, BatchScan).
  size_t QueryBytes() const { return source_->dim() * (codes_ != nullptr ? 96 : 16) + 1024; }

  // A query at a list: `key` is the centroid's.
  struct Visit {
    uint32_t list, query;
    float key;
  };

  // Lists one after the other, each for all the queries that probe it, so that it is read once. The nearest of each query come
  // first: after them it is known how good a row must be. Queries whose lists hold too few rows get less than k, those that a filter
  // sends elsewhere nothing.
  Status SearchTogether(const std::vector<One>& group, const Context& context, Scratch* scratch, SearchStats* stats,
                        std::vector<Hit>* results) const {
    const size_t count = group.size();
    std::vector<Visit> visits, later;
    std::vector<CodeQuery> coded(codes_ != nullptr ? count : 0);
    std::vector<Scorer> scorers(count, Scorer(*source_, spec_.metric, Norms()));
    std::vector<TopK> best(count, TopK(codes_ != nullptr ? group[0].candidates : group[0].k));
    std::optional<BatchScan> batch;
    if (codes_ == nullptr && BatchScan::Pays(source_->type(), count)) {
      batch.emplace(*source_, spec_.metric, static_cast<const char*>(group[0].query), count, std::numeric_limits<float>::infinity());
    }
    for (uint32_t q = 0; q < count; ++q) {
      TRY(context.Check());
      RankLists(group[q], scratch, stats);
      scorers[q].SetQuery(group[q].query);
      if (codes_ != nullptr) codes_->SetQuery(scratch->query.data(), &coded[q]);
      for (size_t i = 0; i < scratch->order.size(); ++i) {
        (i == 0 ? visits : later).push_back({RowOf(scratch->order[i]), q, KeyOf(scratch->order[i])});
      }
    }
    const auto by_list = [](const Visit& a, const Visit& b) { return a.list != b.list ? a.list < b.list : a.query < b.query; };
    std::sort(visits.begin(), visits.end(), by_list);
    std::sort(later.begin(), later.end(), by_list);
    visits.insert(visits.end(), later.begin(), later.end());
    scratch->keys.resize(longest_list_ + 64);
    scratch->places.resize(longest_list_ + 64);
    std::vector<FilteredProbes> filtered(count, FilteredProbes(group[0].allowed, row_count()));
    for (size_t begin = 0, end = 0; begin < visits.size(); begin = end) {
      TRY(context.Check());
      while (end < visits.size() && visits[end].list == visits[begin].list) ++end;
      const std::span<const Visit> here(visits.data() + begin, end - begin);
      if (codes_ != nullptr) {
        for (const Visit& visit : here) ScanCodes(visit.list, visit.key, coded[visit.query], group[0].allowed, scratch, &best[visit.query]);
      } else {
        ScoreList(here, group[0].allowed, scorers, batch, scratch, &best);
      }
      if (group[0].allowed != nullptr) {
        const auto rows = lists_.Rows(visits[begin].list);
        const double among = AllowedAmong(rows, *group[0].allowed);
        for (const Visit& visit : here) filtered[visit.query].Saw(rows.size(), among);
      }
      stats->hops += here.size();
      stats->distances += here.size() * lists_.Rows(visits[begin].list).size();
    }
    for (size_t q = 0; q < count; ++q) {
      if (!filtered[q].Enough()) continue;
      if (codes_ == nullptr) {
        results[q] = Finish(group[q], &best[q]);
        continue;
      }
      best[q].TakeRows(&scratch->rows);
      results[q] = TRY(Refine(group[q], scratch, stats));
    }
    return OkStatus();
  }

  // The rows of one list for the queries that visit it, some at a time; for many queries only those that may be among the best.
  void ScoreList(std::span<const Visit> visits, const AllowedRows* allowed, const std::vector<Scorer>& scorers,
                 std::optional<BatchScan>& batch, Scratch* scratch, std::vector<TopK>* best) const {
    const std::span<const uint32_t> rows = AllowedOf(visits[0].list, allowed, scratch);
    const bool sift = batch.has_value() && visits.size() >= kBatchQueries;
    const size_t chunk = sift ? std::min(kChunkRows, batch->block_rows()) : kChunkRows;
    scratch->queries.clear();
    for (const Visit& visit : visits) scratch->queries.push_back(visit.query);
    scratch->places.resize(std::max(scratch->places.size(), chunk));
    for (size_t first = 0; first < rows.size(); first += chunk) {
      const size_t n = std::min(chunk, rows.size() - first);
      const uint32_t* scored = rows.data() + first;
      if (sift) batch->SiftFor(scratch->queries, scorers[0], Norms(), scored, n, *best);
      for (size_t v = 0; v < visits.size(); ++v) {
        const size_t likely = sift ? batch->Rows(v, rows.data() + first, n, scratch->places.data()) : n;
        if (sift) scored = scratch->places.data();
        scorers[visits[v].query].Keys(scored, likely, scratch->keys.data());
        TopK& top = (*best)[visits[v].query];
        for (size_t i = 0; i < likely; ++i) top.Offer(scratch->keys[i], scored[i]);
        if (sift) top.Settle();
      }
    }
  }

  std::span<const uint32_t> AllowedOf(size_t list, const AllowedRows* allowed, Scratch* scratch) const {
    const std::span<const uint32_t> rows = lists_.Rows(list);
    if (allowed == nullptr) return rows;
    scratch->rows.clear();
    for (const uint32_t row : rows) {
      if (allowed->Test(row)) scratch->rows.push_back(row);
    }
    return scratch->rows;
  }

  // Offers the estimates of one list's rows; the scratch's arrays have room for them.
  void ScanCodes(size_t list, float centroid_key, const CodeQuery& query, const AllowedRows* allowed, Scratch* scratch,
                 TopK* likely) const {
    const std::span<const uint32_t> rows = lists_.Rows(list);
    const size_t found = codes_->Scan(query, list, centroid_key, likely->worst(), scratch->keys.data(), scratch->places.data());
    for (size_t i = 0; i < found; ++i) {
      const uint32_t row = rows[scratch->places[i]];
      if (allowed == nullptr || allowed->Test(row)) likely->Offer(scratch->keys[i], row);
    }
  }

  // All the lists not probed yet behind those that are, nearest first.
  void RankTheRest(Scratch* scratch) const {
    std::vector<uint64_t> all;
    ranker_.All(scratch->query.data(), &scratch->ranker.keys, &all);
    std::vector<bool> probed(lists_.count());
    for (const uint64_t list : scratch->order) probed[RowOf(list)] = true;
    std::erase_if(all, [&](uint64_t list) { return probed[RowOf(list)] || zeros_.IsOnlyZeros(RowOf(list)); });
    std::sort(all.begin(), all.end());
    scratch->order.insert(scratch->order.end(), all.begin(), all.end());
  }

  // Calls scan(list, centroid key) for the probed lists, and after them for more until `enough()` and the filter has left enough.
  // False: stopped, the exact scan of the allowed rows costs less.
  template <typename Enough, typename Scan>
  Result<bool> Probe(const One& one, const Context& context, Scratch* scratch, SearchStats* stats, Enough&& enough, Scan&& scan) const {
    FilteredProbes filtered(one.allowed, row_count());
    for (size_t i = 0;; ++i) {
      if (i == one.probes && !filtered.Enough()) {
        const bool coded = codes_ != nullptr;
        if (filtered.ScanCostsLess(1.0 / 16, coded ? 0 : 1) || (coded && filtered.Elsewhere())) return false;
        filtered.GoOn();
      }
      if (i >= one.probes && filtered.SawWanted() && enough()) break;
      if (i == one.probes) RankTheRest(scratch);
      if (i >= scratch->order.size()) break;
      if (i % 64 == 0) TRY(context.Check());
      if (codes_ != nullptr && i + 1 < one.probes) codes_->Prefetch(RowOf(scratch->order[i + 1]));
      const uint32_t list = RowOf(scratch->order[i]);
      scan(list, KeyOf(scratch->order[i]));
      if (one.allowed != nullptr) filtered.Saw(lists_.Rows(list).size(), AllowedAmong(lists_.Rows(list), *one.allowed));
      ++stats->hops;
    }
    return true;
  }

  // Every row of the lists, exactly.
  Result<std::vector<Hit>> SearchRows(const One& one, const Context& context, Scratch* scratch, SearchStats* stats) const {
    RankLists(one, scratch, stats);
    Scorer scorer(*source_, spec_.metric, Norms());
    scorer.SetQuery(one.query);
    TopK best(one.k);
    scratch->keys.resize(longest_list_);
    const bool probed = TRY(Probe(
        one, context, scratch, stats, [&] { return best.full(); },
        [&](size_t list, float) {
          const std::span<const uint32_t> rows = AllowedOf(list, one.allowed, scratch);
          scorer.Keys(rows.data(), rows.size(), scratch->keys.data());
          for (size_t i = 0; i < rows.size(); ++i) best.Offer(scratch->keys[i], rows[i]);
          stats->distances += rows.size();
        }));
    if (!probed) return std::vector<Hit>();
    return Finish(one, &best);
  }

  // The best `candidates` by their codes, then those exactly.
  Result<std::vector<Hit>> SearchCodes(const One& one, const Context& context, Scratch* scratch, SearchStats* stats) const {
    RankLists(one, scratch, stats);
    codes_->SetQuery(scratch->query.data(), &scratch->codes);
    TopK likely(one.candidates);
    scratch->keys.resize(longest_list_ + 64);
    scratch->places.resize(longest_list_ + 64);
    const bool probed = TRY(Probe(
        one, context, scratch, stats, [&] { return likely.size() >= one.k; },
        [&](size_t list, float centroid_key) {
          ScanCodes(list, centroid_key, scratch->codes, one.allowed, scratch, &likely);
          stats->distances += lists_.Rows(list).size();
        }));
    if (!probed) return std::vector<Hit>();
    likely.TakeRows(&scratch->rows);
    return Refine(one, scratch, stats);
  }

  std::vector<Hit> Finish(const One& one, TopK* best) const {
    zeros_.Offer(one.k, one.allowed, best);
    return best->Finish(spec_.metric);
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
    return Finish(one, &best);
  }

  const IndexSpec spec_;
  const std::shared_ptr<const VectorSource> source_;
  const std::unique_ptr<const IvfLists> owned_lists_;  // where the ranker looks for them
  const IvfLists& lists_;
  const ListRanker ranker_;
  const std::unique_ptr<const ListCodes> codes_;  // null: lists of rows, read from the source
  const ListReach reach_;
  const std::vector<float> inverse_norms_;
  const ZeroRows zeros_;
  size_t longest_list_ = 0;
};

Result<std::unique_ptr<Index>> MakeIvfIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source, IvfLists lists,
                                            std::unique_ptr<ListCodes> codes, std::vector<float> reaches,
                                            std::vector<float> inverse_norms) {
  auto owned = std::make_unique<const IvfLists>(std::move(lists));
  ListReach reach(*owned, spec.metric, source->dim(), std::move(reaches));
  ListRanker ranker = TRY(ListRanker::Make(*owned, spec.metric, source->dim()));
  ZeroRows zeros(*owned, inverse_norms, codes.get());
  return std::unique_ptr<Index>(new IvfIndex(spec, std::move(source), std::move(owned), std::move(ranker), std::move(codes),
                                             std::move(reach), std::move(inverse_norms), std::move(zeros)));
}

}  // namespace

Result<std::unique_ptr<Index>> BuildIvfIndex(const IndexSpec& spec, std::shared_ptr<const VectorSource> source,
                                             const BuildOptions& options) {
  IvfLists lists = TRY(BuildIvfLists(*source, spec.metric, ListCount(spec), options));
  // Without codes the lists are scanned exactly.
  const CodeShape shape = CodesCanTell(*source, spec.metric, lists) ? CodeShapeOf(spec, source->dim()) : CodeShape{};
  auto codes = TRY(BuildListCodes(shape, *source, spec.metric, lists, options));
  std::vector<float> reaches = ListReach::Measure(*source, spec.metric, lists, options), norms;
  if (options.context != nullptr) TRY(options.context->Check());
  if (spec.metric == Metric::kCosine) norms = InverseNorms(*source);
  if (options.progress) options.progress(1.0);
  return MakeIvfIndex(spec, std::move(source), std::move(lists), std::move(codes), std::move(reaches), std::move(norms));
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
  std::vector<float> reaches;
  if (file.Has(Section::kListReaches)) reaches = TRY(file.Copy<float>(Section::kListReaches, lists.count()));
  for (const float reach : reaches) {
    if (!(reach >= 0)) return file.Damaged(Section::kListReaches, "a reach that is no length");
  }
  return MakeIvfIndex(file.spec(), std::move(source), std::move(lists), std::move(codes), std::move(reaches), std::move(norms));
}

}  // namespace saker::index
