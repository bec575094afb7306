#include "server/coord/fake_world.h"

#include <algorithm>
#include <numeric>

namespace saker::coord {
namespace {

class FakeShard final : public shard::Shard {
 public:
  FakeShard(shard::ShardConfig config, shard::Environment& environment, FakeWorld& world)
      : id_(config.id), environment_(environment), world_(world), state_(world.State(config.id)), loaded_(config.loaded) {
    MutexLock lock(state_->mutex);
    state_->schema = config.schema;
    state_->indexes = config.indexes;
  }

  Result<shard::WriteResult> Write(shard::WriteRequest request, const Context& /*context*/) override {
    MutexLock lock(state_->mutex);
    shard::WriteResult result;
    result.timestamp = TRY(environment_.timestamps.Next());
    const auto kill = [&](const PrimaryKey& key, bool everywhere) {
      for (FakeShardState::Row& row : state_->rows) {
        if (row.key != key || row.died != kMaxTimestamp || (!everywhere && row.partition != *request.partition)) continue;
        row.died = result.timestamp;
        ++result.deleted;
      }
    };
    const bool by_partition = request.kind == shard::WriteRequest::Kind::kDelete && request.partition.has_value();
    for (size_t i = 0; i < request.delete_keys.size(); ++i) kill(request.delete_keys.At(i), !by_partition);
    const int64_t primary = state_->schema->PrimaryKey().id;
    for (size_t i = 0; i < request.rows.row_count; ++i) {
      FakeShardState::Row row;
      row.values.field_ids = request.rows.field_ids;
      row.values.row_count = 1;
      for (const Column& column : request.rows.columns) {
        row.values.columns.emplace_back(column.type(), column.element_type(), column.width_bytes()).AppendFrom(column, i);
      }
      row.key = PrimaryKeyAt(*row.values.Find(primary), 0);
      row.partition = *request.partition;
      row.written = result.timestamp;
      kill(row.key, true);
      state_->rows.push_back(std::move(row));
    }
    return result;
  }

  Result<shard::SearchResult> Search(const shard::SearchRequest& request, const Context& context) override {
    MutexLock lock(state_->mutex);
    if (!loaded_) return FailedPrecondition("shard ", id_, " is not loaded");
    shard::SearchResult result;
    result.timestamp = watermark_;
    const std::vector<size_t> visible = TRY(Visible(request.scope, context));
    const size_t width = request.queries.size() / std::max<size_t>(request.query_count, 1);
    std::vector<size_t> winners;
    for (size_t q = 0; q < request.query_count; ++q) {
      const float* query = reinterpret_cast<const float*>(request.queries.data() + q * width);
      std::vector<std::pair<float, size_t>> hits;
      for (const size_t row : visible) {
        const Column* vectors = state_->rows[row].values.Find(request.field_id);
        if (vectors == nullptr || !vectors->IsValid(0)) continue;
        const float score = Score(request.metric, query, reinterpret_cast<const float*>(vectors->Row(0)), width / sizeof(float));
        if (InRange(request, score)) hits.emplace_back(score, row);
      }
      const bool smaller = index::SmallerIsBetter(request.metric);
      std::stable_sort(hits.begin(), hits.end(), [&](const auto& a, const auto& b) {
        if (a.first != b.first) return smaller ? a.first < b.first : a.first > b.first;
        return state_->rows[a.second].key < state_->rows[b.second].key;
      });
      std::map<std::string, size_t> groups;
      size_t taken = 0;
      for (const auto& [score, row] : hits) {
        if (request.group_by_field_id) {
          const Column& column = *state_->rows[row].values.Find(*request.group_by_field_id);
          const std::string key(column.variable() ? column.Text(0) : std::string_view(column.bytes()));
          if (groups.count(key) == 0 && groups.size() == request.k) continue;
          if (groups[key]++ >= request.group_size) continue;
        } else if (taken == request.k) {
          break;
        }
        ++taken;
        winners.push_back(row);
        result.scores.push_back(score);
      }
      result.hits_per_query.push_back(taken);
    }
    std::vector<int64_t> fields = request.output_field_ids;
    if (request.group_by_field_id) fields.push_back(*request.group_by_field_id);
    result.rows = Fetch(winners, fields);
    return result;
  }

  Result<shard::QueryResult> Query(const shard::QueryRequest& request, const Context& context) override {
    MutexLock lock(state_->mutex);
    if (!loaded_) return FailedPrecondition("shard ", id_, " is not loaded");
    shard::QueryResult result;
    result.timestamp = watermark_;
    std::vector<size_t> visible = TRY(Visible(request.scope, context));
    result.count = visible.size();
    if (request.count_only) return result;
    std::sort(visible.begin(), visible.end(), [&](size_t a, size_t b) { return state_->rows[a].key < state_->rows[b].key; });
    visible.erase(visible.begin(), visible.begin() + static_cast<std::ptrdiff_t>(std::min(request.offset, visible.size())));
    if (request.limit && visible.size() > *request.limit) visible.resize(*request.limit);
    result.rows = Fetch(visible, request.output_field_ids);
    return result;
  }

  Result<index::Bm25Statistics> CountTerms(const shard::CountTermsRequest& /*request*/, const Context& /*context*/) override {
    return Status(StatusCode::kUnimplemented, "the fake shard has no sparse fields");
  }

  Timestamp watermark() const override { return watermark_; }
  Result<std::vector<SegmentId>> Flush(const Context& /*context*/) override {
    MutexLock lock(state_->mutex);
    ++state_->flushes;
    return std::vector<SegmentId>{SegmentId(TRY(environment_.ids.Next()))};
  }
  Status Compact(const Context& /*context*/, std::vector<std::pair<std::vector<SegmentId>, SegmentId>>* merges) override {
    merges->push_back({{SegmentId(1), SegmentId(2)}, SegmentId(3)});
    return OkStatus();
  }
  Status Load(const std::function<void(double)>& progress) override {
    if (world_.fail_load) return ResourceExhausted("no memory for the shard");
    progress(1);
    MutexLock lock(state_->mutex);
    ++state_->loads;
    loaded_ = true;
    return OkStatus();
  }
  void Release() override {
    MutexLock lock(state_->mutex);
    loaded_ = false;
  }
  Status SetSchema(std::shared_ptr<const CollectionSchema> schema) override {
    MutexLock lock(state_->mutex);
    state_->schema = std::move(schema);
    return OkStatus();
  }
  Status SetIndexes(std::vector<shard::IndexDefinition> indexes) override {
    MutexLock lock(state_->mutex);
    state_->indexes = std::move(indexes);
    return OkStatus();
  }
  Status DropPartition(PartitionId partition) override {
    MutexLock lock(state_->mutex);
    std::erase_if(state_->rows, [&](const FakeShardState::Row& row) { return row.partition == partition; });
    return OkStatus();
  }
  std::vector<shard::SegmentStatus> Segments() const override {
    shard::SegmentStatus status;
    status.id = SegmentId(7);
    status.live_rows = LiveRows(std::nullopt);
    return {status};
  }
  uint64_t LiveRows(std::optional<PartitionId> partition) const override {
    MutexLock lock(state_->mutex);
    return static_cast<uint64_t>(std::count_if(state_->rows.begin(), state_->rows.end(), [&](const FakeShardState::Row& row) {
      return row.died == kMaxTimestamp && (!partition || row.partition == *partition);
    }));
  }
  IndexProgress GetIndexProgress(int64_t /*index_id*/) const override {
    const uint64_t rows = LiveRows(std::nullopt);
    return {rows, rows, false, ""};
  }
  Status Destroy() override {
    if (world_.fail_destroy) return Unavailable("not now");
    MutexLock lock(world_.mutex);
    world_.shards.erase(id_);
    return OkStatus();
  }

 private:
  static float Score(index::Metric metric, const float* a, const float* b, size_t dim) {
    float dot = 0, l2 = 0, norm_a = 0, norm_b = 0;
    for (size_t i = 0; i < dim; ++i) {
      dot += a[i] * b[i];
      l2 += (a[i] - b[i]) * (a[i] - b[i]);
      norm_a += a[i] * a[i];
      norm_b += b[i] * b[i];
    }
    if (metric == index::Metric::kL2) return l2;
    return metric == index::Metric::kIp ? dot : dot / std::sqrt(norm_a * norm_b);
  }

  static bool InRange(const shard::SearchRequest& request, float score) {
    const bool smaller = index::SmallerIsBetter(request.metric);
    if (request.after_score && (smaller ? score <= *request.after_score : score >= *request.after_score)) return false;
    if (request.radius && (smaller ? score >= *request.radius : score <= *request.radius)) return false;
    return !request.range_filter || (smaller ? score >= *request.range_filter : score <= *request.range_filter);
  }

  Result<std::vector<size_t>> Visible(const shard::ReadScope& scope, const Context& context) REQUIRES(state_->mutex) {
    std::vector<size_t> visible;
    for (size_t i = 0; i < state_->rows.size(); ++i) {
      const FakeShardState::Row& row = state_->rows[i];
      watermark_ = std::max(watermark_, row.written);
      if (row.written > scope.timestamp || row.died <= scope.timestamp) {
        if (!(scope.timestamp == kMaxTimestamp && row.died == kMaxTimestamp)) continue;
      }
      if (scope.min_timestamp && row.written < *scope.min_timestamp) continue;
      if (scope.partitions && std::find(scope.partitions->begin(), scope.partitions->end(), row.partition) == scope.partitions->end())
        continue;
      if (scope.filter != nullptr) {
        const index::Bitset bits = TRY(scope.filter->Evaluate(row.values, context));
        if (!bits.Test(0)) continue;
      }
      visible.push_back(i);
    }
    return visible;
  }

  RowBatch Fetch(const std::vector<size_t>& rows, std::vector<int64_t> fields) REQUIRES(state_->mutex) {
    RowBatch out;
    out.row_count = rows.size();
    const int64_t primary = state_->schema->PrimaryKey().id;
    if (std::find(fields.begin(), fields.end(), primary) == fields.end()) fields.insert(fields.begin(), primary);
    for (const int64_t id : fields) {
      const FieldSchema& field = *state_->schema->FindId(id);
      Column column(field);
      for (const size_t row : rows) {
        const Column* source = state_->rows[row].values.Find(id);
        if (source == nullptr) {
          column.AppendNull();
        } else {
          column.AppendFrom(*source, 0);
        }
      }
      out.field_ids.push_back(id);
      out.columns.push_back(std::move(column));
    }
    return out;
  }

  const ShardId id_;
  shard::Environment& environment_;
  FakeWorld& world_;
  const std::shared_ptr<FakeShardState> state_;
  bool loaded_;
  Timestamp watermark_ = 0;
};

}  // namespace

std::unique_ptr<shard::Shard> MakeFakeShard(shard::ShardConfig config, shard::Environment& environment, FakeWorld& world) {
  return std::make_unique<FakeShard>(std::move(config), environment, world);
}

}  // namespace saker::coord
