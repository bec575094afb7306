#include "server/models/model_registry.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "common/log.h"
#include "common/metrics.h"
#include "common/timestamp.h"

namespace saker::models {

namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What changes when the file is replaced: inode, size and time.
std::string FileIdentity(const std::string& path) {
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return "none";
  return std::to_string(info.st_ino) + "/" + std::to_string(info.st_size) + "/" + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec);
}

// A floor for what the model will take: its weights as they lie on disk.
uint64_t WeightBytesOnDisk(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(directory, error)) {
    if (file.path().extension() == ".safetensors") bytes += file.file_size(error);
  }
  return bytes;
}

Gauge& StateGauge(ModelState state) {
  return GetGauge("saker_models_count", "Models by how far they are.", {{"state", std::string(ModelStateName(state))}});
}

}  // namespace

std::string_view ModelStateName(ModelState state) {
  switch (state) {
    case ModelState::kLoading: return "loading";
    case ModelState::kReady: return "ready";
    case ModelState::kFailed: return "failed";
  }
  return "unknown";
}

// Guarded by the registry's mutex as a whole.
struct ModelRegistry::Model {
  ModelEntry entry;
  bool required = false;
  ModelState state = ModelState::kLoading;
  bool started = false;
  Clock::time_point since = Clock::now();
  uint64_t created_unix = UnixMs() / 1000;
  double seconds = 0;
  std::string reason;
  MemoryBudget::Reservation memory;
  std::shared_ptr<embed::Embedder> embedder;
};

ModelRegistry::ModelRegistry(Options options) : options_(std::move(options)) {}

Result<std::unique_ptr<ModelRegistry>> ModelRegistry::Start(Options options) {
  if (!options.loader) options.loader = embed::LoadEmbedder;
  std::unique_ptr<ModelRegistry> registry(new ModelRegistry(std::move(options)));
  TRY(CheckModelEntries(registry->options_.configured));
  registry->seen_ = FileIdentity(registry->options_.file);
  std::vector<ModelEntry> from_file;
  if (!registry->options_.file.empty()) from_file = TRY(ReadModelFile(registry->options_.file));
  TRY(registry->Adopt(from_file, /*required=*/true));
  registry->thread_ = std::thread([r = registry.get()] { r->Run(); });
  return registry;
}

ModelRegistry::~ModelRegistry() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

// The configuration's models and the file's together become the wanted set: new and changed ones will be loaded, gone
// ones are dropped and end when their last request does. On an error nothing changes.
Status ModelRegistry::Adopt(const std::vector<ModelEntry>& entries, bool required) {
  std::vector<ModelEntry> wanted = options_.configured;
  for (const ModelEntry& entry : entries) {
    // The command line wins over the file where both name a model.
    const auto same = [&entry](const ModelEntry& other) { return other.name == entry.name; };
    if (std::none_of(wanted.begin(), wanted.end(), same)) wanted.push_back(entry);
  }
  TRY(CheckModelEntries(wanted));
  std::vector<std::shared_ptr<Model>> dropped;  // destroyed after the lock is free: unloading takes time
  {
    MutexLock lock(mutex_);
    std::map<std::string, std::shared_ptr<Model>> models;
    aliases_.clear();
    for (const ModelEntry& entry : wanted) {
      for (const std::string& alias : entry.aliases) aliases_[alias] = entry.name;
      const auto old = models_.find(entry.name);
      if (old != models_.end() && old->second->entry.path == entry.path && old->second->state != ModelState::kFailed) {
        old->second->entry.aliases = entry.aliases;
        models[entry.name] = old->second;
        continue;
      }
      auto model = std::make_shared<Model>();
      model->entry = entry;
      model->required = required || (old != models_.end() && old->second->required);
      models[entry.name] = std::move(model);
    }
    models_.swap(models);
    for (auto& [name, model] : models) {
      if (!models_.contains(name)) Log(kInfo, "model removed", {{"model", name}});
      dropped.push_back(std::move(model));
    }
    wake_.NotifyAll();
  }
  return OkStatus();
}

void ModelRegistry::Run() {
  for (;;) {
    std::shared_ptr<Model> next;
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      for (const auto& [name, model] : models_) {
        if (model->state == ModelState::kLoading && !model->started) {
          next = model;
          break;
        }
      }
      if (next == nullptr) {
        wake_.WaitUntil(mutex_, Clock::now() + std::chrono::milliseconds(options_.poll_ms));
        if (stopping_) return;
      } else {
        next->started = true;
      }
    }
    if (next != nullptr) LoadOne(next);
    PollFile();
  }
}

void ModelRegistry::PollFile() {
  if (options_.file.empty()) return;
  std::string identity = FileIdentity(options_.file);
  if (identity == seen_) return;
  seen_ = std::move(identity);
  Result<std::vector<ModelEntry>> entries = ReadModelFile(options_.file);
  const Status status = entries.ok() ? Adopt(*entries, /*required=*/false) : entries.status();
  if (!status.ok()) Log(kError, "model file not used; the models stay as they are", {{"reason", status.message()}});
}

void ModelRegistry::LoadOne(const std::shared_ptr<Model>& model) {
  const auto start = Clock::now();
  std::string name;
  std::string path;
  {
    MutexLock lock(mutex_);
    name = model->entry.name;
    path = model->entry.path;
  }
  Log(kInfo, "model loading", {{"model", name}, {"path", path}});
  MemoryBudget::Reservation memory;
  const auto load = [&]() -> Result<std::shared_ptr<embed::Embedder>> {
    if (options_.budget != nullptr) memory = TRY(options_.budget->Reserve("model", WeightBytesOnDisk(path), "model " + name));
    embed::ModelOptions options = options_.defaults;
    options.name = name;
    options.path = path;
    try {
      return std::shared_ptr<embed::Embedder>(TRY(options_.loader(options)));
    } catch (const std::exception& error) { return Internal("loading ended with an exception: ", error.what()); }
  };
  Result<std::shared_ptr<embed::Embedder>> loaded = load();
  const double seconds = SecondsSince(start);
  if (loaded.ok()) {
    const embed::ModelInfo& info = (*loaded)->info();
    // The embedder has said what it loaded and how; this is when requests may name it.
    Log(kInfo, "model ready", {{"model", name}, {"path", path}, {"seconds", seconds}, {"bytes", info.memory_bytes}});
    GetGauge("saker_model_load_seconds", "How long loading took.", {{"model", name}}).Set(seconds);
    GetGauge("saker_model_memory_bytes", "What a loaded model holds.", {{"model", name}}).Set(static_cast<double>(info.memory_bytes));
  } else {
    Log(kError, "model failed to load", {{"model", name}, {"seconds", seconds}, {"reason", loaded.status().message()}});
  }
  MutexLock lock(mutex_);
  model->seconds = seconds;
  if (loaded.ok()) {
    model->embedder = std::move(*loaded);
    model->memory = std::move(memory);
    model->state = ModelState::kReady;
  } else {
    model->reason = loaded.status().message();
    model->state = ModelState::kFailed;
  }
  double counts[3] = {};
  for (const auto& [other_name, other] : models_) ++counts[static_cast<int>(other->state)];
  for (int i = 0; i < 3; ++i) StateGauge(static_cast<ModelState>(i)).Set(counts[i]);
}

Result<std::shared_ptr<embed::Embedder>> ModelRegistry::Ready(const std::string& name) {
  MutexLock lock(mutex_);
  const auto alias = aliases_.find(name);
  const auto found = models_.find(alias == aliases_.end() ? name : alias->second);
  if (found == models_.end()) {
    std::string known;
    for (const auto& [other, model] : models_) known += (known.empty() ? "" : ", ") + other;
    return NotFound("the model `", name.substr(0, 255), "` is not configured; configured are: ",
                    known.empty() ? "none (start with --model PATH or run `saker model add NAME PATH`)" : known);
  }
  const Model& model = *found->second;
  if (model.state == ModelState::kReady) return model.embedder;
  if (model.state == ModelState::kFailed) return Unavailable("model ", model.entry.name, " could not be loaded: ", model.reason);
  return Unavailable("model ", model.entry.name, " is still loading, since ", static_cast<int64_t>(SecondsSince(model.since)), " s");
}

Result<proxy::TextModel> ModelRegistry::Describe(const std::string& model) {
  const std::shared_ptr<embed::Embedder> embedder = TRY(Ready(model));
  const embed::ModelInfo& info = embedder->info();
  return proxy::TextModel{.name = info.name, .fingerprint = info.fingerprint, .dim = info.dim};
}

Result<embed::ModelInfo> ModelRegistry::Info(const std::string& model) {
  const std::shared_ptr<embed::Embedder> embedder = TRY(Ready(model));
  return embedder->info();
}

Result<embed::Embeddings> ModelRegistry::EmbedTexts(const std::string& model, std::span<const std::string> texts, Use use,
                                                    const Context& context) {
  const std::shared_ptr<embed::Embedder> embedder = TRY(Ready(model));
  const auto start = Clock::now();
  embed::Embeddings result =
      TRY(embedder->Embed(texts, use == Use::kQuery ? embed::Priority::kInteractive : embed::Priority::kBulk, context));
  const auto dim = static_cast<size_t>(embedder->info().dim);
  if (result.values.size() != texts.size() * dim) {
    return Internal("model ", model, " gave ", result.values.size(), " numbers for ", texts.size(), " texts of dimension ", dim);
  }
  const Labels labels = {{"model", embedder->info().name}, {"use", use == Use::kQuery ? "query" : "passage"}};
  GetCounter("saker_embed_texts_total", "Texts turned into vectors.", labels).Add(static_cast<double>(texts.size()));
  GetHistogram("saker_embed_request_seconds", "One call of the embedder, waiting included.", LatencySecondsBuckets(), labels)
      .Observe(SecondsSince(start));
  return result;
}

Result<std::vector<float>> ModelRegistry::Embed(const std::string& model, std::span<const std::string> texts, Use use,
                                                const Context& context) {
  return TRY(EmbedTexts(model, texts, use, context)).values;
}

std::vector<ModelStatus> ModelRegistry::List() const {
  MutexLock lock(mutex_);
  std::vector<ModelStatus> all;
  for (const auto& [name, model] : models_) {
    ModelStatus status;
    status.entry = model->entry;
    status.state = model->state;
    status.required = model->required;
    status.seconds = model->state == ModelState::kLoading ? SecondsSince(model->since) : model->seconds;
    status.reason = model->reason;
    status.created_unix = model->created_unix;
    if (model->embedder != nullptr) {
      status.info = model->embedder->info();
      status.bytes = status.info.memory_bytes;
    }
    all.push_back(std::move(status));
  }
  return all;
}

std::vector<std::string> ModelRegistry::Missing() const {
  std::vector<std::string> missing;
  for (const ModelStatus& status : List()) {
    if (!status.required || status.state == ModelState::kReady) continue;
    missing.push_back("model " + status.entry.name +
                      (status.state == ModelState::kFailed
                           ? " could not be loaded: " + status.reason
                           : " is loading, since " + std::to_string(static_cast<int>(status.seconds)) + " s"));
  }
  return missing;
}

}  // namespace saker::models
