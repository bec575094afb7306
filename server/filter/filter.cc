#include "server/filter/filter.h"

#include <algorithm>
#include <random>
#include <unordered_set>
#include <utility>

#include <simdjson.h>

#include "server/filter/binder.h"
#include "server/filter/json_scan.h"
#include "server/filter/parser.h"
#include "server/schema/error.h"

namespace saker::filter {
namespace {

constexpr size_t kMaxTextBytes = size_t{16} << 20;
constexpr size_t kMaxQuotedBytes = 4096;
constexpr size_t kMaxCacheKeyBytes = 4096;

// The expression inside an error text: whole, unless it is very long.
std::string Quoted(std::string_view text) {
  if (text.size() <= kMaxQuotedBytes) return std::string(text);
  size_t end = kMaxQuotedBytes;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "... (" + std::to_string(text.size()) + " bytes)";
}

Status CannotParse(std::string_view text, const std::string& detail) {
  const bool readable = text.size() <= kMaxTextBytes && simdjson::validate_utf8(text.data(), text.size());
  return MilvusError(MilvusErrorCode::kInvalidParameter, "cannot parse expression: ", readable ? Quoted(text) : "<unreadable>",
                     ", error: ", detail, ": invalid parameter");
}

std::optional<PrimaryKeys> ExactKeys(const Predicate& root, const std::vector<FieldRef>& fields, const FieldSchema& key_field) {
  if (root.keys == nullptr || fields[root.keys->field].id != key_field.id) return std::nullopt;
  const List& values = root.keys->values;
  PrimaryKeys keys;
  keys.type = key_field.type;
  if (key_field.type == DataType::kInt64 && values.ints() != nullptr) {
    std::unordered_set<int64_t> seen;
    seen.reserve(values.size());
    for (const int64_t value : *values.ints()) {
      if (seen.insert(value).second) keys.ints.push_back(value);
    }
  } else if (values.texts() != nullptr) {
    std::unordered_set<std::string_view> seen;
    seen.reserve(values.size());
    for (const std::string& value : *values.texts()) {
      if (seen.insert(value).second) keys.strings.push_back(value);
    }
  } else if (values.size() > 0) {
    return std::nullopt;
  }
  return keys;
}

// Any operand of the top-level `and` that fixes the field will do: the rows lie in all of their value sets.
const KeyConstraint* FindConstraint(const Predicate& predicate, const std::vector<FieldRef>& fields, int64_t field_id) {
  if (predicate.keys != nullptr && fields[predicate.keys->field].id == field_id) return predicate.keys.get();
  if (predicate.and_operands() == nullptr) return nullptr;
  const KeyConstraint* best = nullptr;
  for (const PredicatePtr& operand : *predicate.and_operands()) {
    const KeyConstraint* found = FindConstraint(*operand, fields, field_id);
    if (found != nullptr && (best == nullptr || found->values.size() < best->values.size())) best = found;
  }
  return best;
}

std::vector<ScalarValue> ScalarValues(const List& list) {
  std::vector<ScalarValue> values;
  values.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    Constant constant = list.At(i);
    if (constant.integer() != nullptr) values.emplace_back(*constant.integer());
    if (constant.text() != nullptr) values.emplace_back(*constant.text());
  }
  return values;
}

// Folding may have dropped predicates on JSON that were planned for, so only those in the final tree are linked.
void LinkLeaves(const Predicate& root, std::vector<JsonField>* json_fields) {
  std::vector<const Predicate*> leaves;
  root.AddLeaves(&leaves);
  for (const Predicate* predicate : leaves) {
    const auto* leaf = dynamic_cast<const JsonLeaf*>(predicate);
    if (leaf == nullptr) continue;
    JsonField& field = (*json_fields)[leaf->json_field()];
    field.paths[field.path_of_leaf[leaf->leaf()]].leaves.push_back(leaf);
  }
}

void AppendTemplate(const TemplateValue& value, std::string* key) {
  const auto append = [key](char kind, std::string_view text) {
    key->push_back(kind);
    *key += std::to_string(text.size()) + ":";
    key->append(text);
  };
  if (key->size() > kMaxCacheKeyBytes) return;
  if (const auto* boolean = std::get_if<bool>(&value.value)) append('b', *boolean ? "1" : "0");
  if (const auto* integer = std::get_if<int64_t>(&value.value)) append('i', std::to_string(*integer));
  if (const auto* real = std::get_if<double>(&value.value)) append('d', {reinterpret_cast<const char*>(real), sizeof *real});
  if (const auto* text = std::get_if<std::string>(&value.value)) append('s', *text);
  if (const auto* json = std::get_if<Json>(&value.value)) append('j', json->text);
  if (const auto* list = std::get_if<TemplateValue::List>(&value.value)) {
    append('l', std::to_string(list->size()));
    for (const TemplateValue& item : *list) AppendTemplate(item, key);
  }
}

// What decides the outcome beside the rows: the fields' names and meaning, the text, the values beside it.
std::string CacheKey(std::string_view text, const CollectionSchema& schema, const Templates& templates, const CastPaths& casts) {
  if (text.size() > kMaxCacheKeyBytes) return {};
  std::string key = std::to_string(schema.version) + ":" + std::to_string(text.size()) + ":";
  key += text;
  for (const auto& [name, value] : templates) {
    key += std::to_string(name.size()) + ":" + name;
    AppendTemplate(value, &key);
    if (key.size() > kMaxCacheKeyBytes) return {};
  }
  for (const auto& [field_id, path] : casts) {
    key += "c" + std::to_string(field_id);
    for (const PathKey& step : path) key += ":" + std::to_string(step.name.size()) + ":" + step.name;
  }
  return key.size() > kMaxCacheKeyBytes ? std::string() : key;
}

class CompiledFilter final : public Filter {
 public:
  CompiledFilter(PredicatePtr root, Binder* binder, const CollectionSchema& schema, uint64_t sample_seed, std::string cache_key)
      : root_(std::move(root)),
        fields_(std::move(binder->fields())),
        json_fields_(std::move(binder->json_fields())),
        indexed_leaves_(binder->indexed_leaves()),
        sample_seed_(sample_seed),
        cache_key_(root_->samples() ? "" : std::move(cache_key)) {
    for (const FieldRef& field : fields_) field_ids_.push_back(field.id);
    for (const FieldSchema& field : schema.fields) {
      if (field.is_primary_key) primary_keys_ = ExactKeys(*root_, fields_, field);
    }
    if (const FieldSchema* field = schema.PartitionKey()) {
      const KeyConstraint* constraint = FindConstraint(*root_, fields_, field->id);
      if (constraint != nullptr) partition_keys_ = ScalarValues(constraint->values);
    }
    LinkLeaves(*root_, &json_fields_);
    if (root_->constant() != nullptr) field_ids_.clear();
  }

  bool always_true() const override { return root_->constant() != nullptr && *root_->constant(); }
  const std::vector<int64_t>& field_ids() const override { return field_ids_; }
  const PrimaryKeys* exact_primary_keys() const override { return primary_keys_.has_value() ? &*primary_keys_ : nullptr; }
  const std::vector<ScalarValue>* partition_key_values() const override {
    return partition_keys_.has_value() ? &*partition_keys_ : nullptr;
  }

  const std::string& cache_key() const override { return cache_key_; }

  using Filter::Evaluate;
  Result<index::Bitset> Evaluate(const RowBatch& rows, const RowIndexes& indexes, const Context& context) const override {
    if (root_->constant() != nullptr) return index::Bitset(rows.row_count, *root_->constant());
    Evaluation evaluation(fields_, json_fields_, rows, indexes, sample_seed_);
    TRY(evaluation.Bind());
    evaluation.UseIndexes(indexed_leaves_);
    root_->Plan(evaluation, static_cast<double>(rows.row_count));
    if (const LeafAnswer* whole = root_->answer(evaluation); whole != nullptr && !whole->unsure) return whole->truth;
    index::Bitset chosen(rows.row_count);
    for (size_t begin = 0; begin < rows.row_count; begin += kBlockRows) {
      TRY(context.Check());
      const size_t count = std::min(kBlockRows, rows.row_count - begin);
      evaluation.StartBlock(begin, count);
      uint64_t mask[kBlockWords];
      std::fill_n(mask, evaluation.block_words(), ~uint64_t{0});
      if (count % 64 != 0) mask[count / 64] = (uint64_t{1} << (count % 64)) - 1;
      Block block;
      root_->Evaluate(evaluation, mask, &block);
      TRY(evaluation.error());
      uint64_t* words = chosen.words() + begin / 64;
      for (size_t w = 0; w < evaluation.block_words(); ++w) words[w] = block.truth[w] & block.known[w] & mask[w];
    }
    return chosen;
  }

 private:
  PredicatePtr root_;
  std::vector<FieldRef> fields_;
  std::vector<JsonField> json_fields_;
  size_t indexed_leaves_;
  uint64_t sample_seed_;
  std::string cache_key_;
  std::vector<int64_t> field_ids_;
  std::optional<PrimaryKeys> primary_keys_;
  std::optional<std::vector<ScalarValue>> partition_keys_;
};

Result<std::shared_ptr<const Filter>> CompileText(std::string_view text, const CollectionSchema& schema, const Templates& templates,
                                                  uint64_t sample_seed, const CastPaths& casts) {
  if (text.size() > kMaxTextBytes) return InvalidArgument("the expression has ", text.size(), " bytes, the limit is ", kMaxTextBytes);
  if (!simdjson::validate_utf8(text.data(), text.size())) return InvalidArgument("the expression is not valid UTF-8");
  Binder binder(text, schema, templates, casts);
  PredicatePtr root;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    root = MakeConstant(true);
  } else {
    const NodePtr tree = TRY(Parser(text).Parse());
    root = TRY(binder.Bind(*tree));
  }
  return std::make_shared<const CompiledFilter>(std::move(root), &binder, schema, sample_seed, CacheKey(text, schema, templates, casts));
}

}  // namespace

Result<std::shared_ptr<const Filter>> Filter::Compile(std::string_view text, const CollectionSchema& schema, const Templates& templates,
                                                      std::optional<uint64_t> sample_seed, const CastPaths& casts) {
  const uint64_t seed = sample_seed.has_value() ? *sample_seed : std::random_device()();
  auto filter = CompileText(text, schema, templates, seed, casts);
  if (!filter.ok()) return CannotParse(text, filter.status().message());
  return filter;
}

}  // namespace saker::filter
