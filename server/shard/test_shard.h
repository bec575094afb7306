// What the shard's tests share: a shard over real storage in a temporary directory, rows to write, a filter to fake.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "common/timestamp.h"
#include "server/shard/shard.h"

namespace saker::shard {

inline constexpr int64_t kIdField = 100;
inline constexpr int64_t kVectorField = 101;
inline constexpr int64_t kNumberField = 102;
inline constexpr int64_t kTextField = 103;
inline constexpr int64_t kAddedField = 104;
inline constexpr size_t kDim = 8;

inline std::shared_ptr<CollectionSchema> TestSchema(DataType key_type = DataType::kInt64) {
  auto schema = std::make_shared<CollectionSchema>();
  schema->name = "test";
  FieldSchema id;
  id.id = kIdField;
  id.name = "id";
  id.type = key_type;
  id.is_primary_key = true;
  id.max_length = 64;
  FieldSchema vector;
  vector.id = kVectorField;
  vector.name = "vector";
  vector.type = DataType::kFloatVector;
  vector.dim = kDim;
  FieldSchema number;
  number.id = kNumberField;
  number.name = "number";
  number.type = DataType::kInt64;
  FieldSchema text;
  text.id = kTextField;
  text.name = "text";
  text.type = DataType::kVarChar;
  text.max_length = 100;
  text.nullable = true;
  schema->fields = {id, vector, number, text};
  return schema;
}

// Whatever a server gives its shards, for one directory. The clock and the ids go on in files beside the data, because
// neither may ever go back.
class TestWorld {
 public:
  explicit TestWorld(std::string directory, uint64_t memory_bytes = 1ull << 30) : directory_(std::move(directory)), memory_(memory_bytes) {
    storage::StorageOptions options;
    options.directory = directory_;
    options.reserve_bytes = 4096;
    options.write_buffer_bytes = 8 << 20;
    Result<std::unique_ptr<storage::Storage>> opened = storage::OpenStorage(options);
    CHECK(opened.ok());
    storage_ = std::move(*opened);
    environment_.emplace(Environment{*storage_, search_, background_, build_, memory_, clock_, ids_});
  }

  Environment& environment() { return *environment_; }
  storage::Storage& storage() { return *storage_; }
  MemoryBudget& memory() { return memory_; }

 private:
  class Clock : public TimestampSource {
   public:
    Result<Timestamp> Next() override { return next_.fetch_add(1); }

   private:
    std::atomic<Timestamp> next_{MakeTimestamp(UnixMs())};
  };
  class Ids : public IdSource {
   public:
    Result<int64_t> Next() override { return next_.fetch_add(1); }

   private:
    std::atomic<int64_t> next_{static_cast<int64_t>(MakeTimestamp(UnixMs()))};
  };

  std::string directory_;
  std::unique_ptr<storage::Storage> storage_;
  WorkerPool search_{{"search", 2}};
  WorkerPool background_{{"background", 2}};
  WorkerPool build_{{"build", 1}};
  MemoryBudget memory_;
  Clock clock_;
  Ids ids_;
  std::optional<Environment> environment_;
};

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "saker_shard_XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One row as a test thinks of it.
struct TestRow {
  int64_t id = 0;
  int64_t number = 0;
  std::vector<float> vector;
  std::optional<std::string> text;
  friend bool operator==(const TestRow&, const TestRow&) = default;
};

inline std::string TextKey(int64_t id) {
  return "key-" + std::to_string(id);
}

inline RowBatch ToBatch(const std::vector<TestRow>& rows, const CollectionSchema& schema) {
  RowBatch batch;
  batch.row_count = rows.size();
  for (const FieldSchema& field : schema.fields) {
    Column column(field, rows.size());
    for (const TestRow& row : rows) {
      switch (field.id) {
        case kIdField:
          if (field.type == DataType::kInt64) {
            column.AppendFixed(&row.id);
          } else {
            column.AppendVariable(TextKey(row.id));
          }
          break;
        case kVectorField: column.AppendFixed(row.vector.data()); break;
        case kNumberField: column.AppendFixed(&row.number); break;
        case kTextField: row.text ? column.AppendVariable(*row.text) : column.AppendNull(); break;
        default: column.AppendNull();
      }
    }
    batch.field_ids.push_back(field.id);
    batch.columns.push_back(std::move(column));
  }
  return batch;
}

inline int64_t KeyOf(const Column& keys, size_t row) {
  return keys.variable() ? std::stoll(std::string(keys.Text(row).substr(4))) : keys.Get<int64_t>(row);
}

inline PrimaryKeys ToKeys(const std::vector<int64_t>& ids, const CollectionSchema& schema) {
  PrimaryKeys keys;
  keys.type = schema.PrimaryKey().type;
  for (const int64_t id : ids) {
    if (keys.type == DataType::kInt64) {
      keys.ints.push_back(id);
    } else {
      keys.strings.push_back(TextKey(id));
    }
  }
  return keys;
}

inline WriteRequest InsertOf(const std::vector<TestRow>& rows, const CollectionSchema& schema, int64_t partition = 1) {
  WriteRequest request;
  request.partition = PartitionId(partition);
  request.rows = ToBatch(rows, schema);
  return request;
}

// number < bound, or exactly these keys.
class FakeFilter : public filter::Filter {
 public:
  explicit FakeFilter(int64_t bound) : bound_(bound), fields_{kNumberField} {}
  explicit FakeFilter(PrimaryKeys keys) : keys_(std::move(keys)), fields_{kIdField} {}

  bool always_true() const override { return false; }
  const std::vector<int64_t>& field_ids() const override { return fields_; }
  const PrimaryKeys* exact_primary_keys() const override { return keys_ ? &*keys_ : nullptr; }
  const std::vector<ScalarValue>* partition_key_values() const override { return nullptr; }
  Result<index::Bitset> Evaluate(const RowBatch& rows, const filter::RowIndexes&, const Context&) const override {
    index::Bitset bits(rows.row_count);
    for (size_t row = 0; row < rows.row_count; ++row) {
      bool chosen = false;
      if (keys_) {
        for (size_t i = 0; i < keys_->size(); ++i) chosen |= keys_->At(i) == PrimaryKeyAt(*rows.Find(kIdField), row);
      } else {
        chosen = rows.Find(kNumberField)->Get<int64_t>(row) < bound_;
      }
      if (chosen) bits.Set(row);
    }
    return bits;
  }

 private:
  int64_t bound_ = 0;
  std::optional<PrimaryKeys> keys_;
  std::vector<int64_t> fields_;
};

}  // namespace saker::shard
