#include "server/proxy/filter_cache.h"

namespace saker::proxy {
namespace {
constexpr size_t kLongestCached = 4096;

// Of the collection's JSON indexes with a json_cast_function.
filter::CastPaths CastsOf(const coord::Collection& collection) {
  filter::CastPaths casts;
  for (const coord::IndexDefinition& index : collection.indexes) {
    const FieldSchema* field = collection.schema->FindId(index.field_id);
    const std::string* type = FindValue(index.params, "index_type");
    if (index.is_vector || field == nullptr || type == nullptr || FindValue(index.params, "json_cast_function") == nullptr) continue;
    const Result<scalar_index::Spec> spec = scalar_index::MakeSpec(*field, *type, index.params);
    if (spec.ok() && spec->string_to_double) casts.emplace_back(index.field_id, spec->path);
  }
  return casts;
}
}  // namespace

Result<std::shared_ptr<const filter::Filter>> FilterCache::Get(const coord::Collection& collection, std::string_view text,
                                                               const filter::Templates& templates) {
  if (text.empty()) return std::shared_ptr<const filter::Filter>();
  const filter::CastPaths casts = CastsOf(collection);
  if (!templates.empty() || text.size() > kLongestCached)
    return filter::Filter::Compile(text, *collection.schema, templates, std::nullopt, casts);
  std::string key;
  key.reserve(text.size() + 16);
  // `updated` moves with every change of the schema.
  key.append(reinterpret_cast<const char*>(&collection.id.value), sizeof collection.id.value);
  key.append(reinterpret_cast<const char*>(&collection.updated), sizeof collection.updated);
  for (const auto& [field_id, path] : casts) {
    key.append(reinterpret_cast<const char*>(&field_id), sizeof field_id);
    for (const scalar_index::PathKey& step : path) key.append(step.name).push_back('\0');
  }
  key.append(text);
  {
    MutexLock lock(mutex_);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
      return found->second->filter;
    }
  }
  std::shared_ptr<const filter::Filter> compiled = TRY(filter::Filter::Compile(text, *collection.schema, {}, std::nullopt, casts));
  MutexLock lock(mutex_);
  if (by_key_.count(key) > 0) return compiled;
  recent_.push_front({std::move(key), compiled});
  by_key_.emplace(recent_.front().key, recent_.begin());
  if (recent_.size() > entries_) {
    by_key_.erase(recent_.back().key);
    recent_.pop_back();
  }
  return compiled;
}

}  // namespace saker::proxy
