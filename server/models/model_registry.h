// The embedding models this server was told about: which there are, how far each is, and the way to use one.
//
// A model comes from the configuration or from DATA/models.json (server/models/model_file.h), which is watched: a change
// is seen within about a second and loaded in the background, one model after the other. A request can name a model, it
// can never make one load. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/memory_budget.h"
#include "common/mutex.h"
#include "embed/embedder.h"
#include "server/models/model_file.h"
#include "server/proxy/text_embedder.h"

namespace saker::models {

enum class ModelState { kLoading, kReady, kFailed };
std::string_view ModelStateName(ModelState state);  // "loading", "ready", "failed"

struct ModelStatus {
  ModelEntry entry;
  ModelState state = ModelState::kLoading;
  bool required = false;  // known at start: the server is not ready without it
  double seconds = 0;     // that loading took, or takes so far
  uint64_t bytes = 0;     // of memory, once ready
  std::string reason;     // why it failed
  embed::ModelInfo info;  // once ready
  uint64_t created_unix = 0;
};

class ModelRegistry : public proxy::TextEmbedder {
 public:
  using Loader = std::function<Result<std::unique_ptr<embed::Embedder>>(const embed::ModelOptions&)>;
  struct Options {
    std::vector<ModelEntry> configured;
    std::string file;                // DATA/models.json; empty: none is read
    embed::ModelOptions defaults;    // precision, threads, queue limit of every model
    MemoryBudget* budget = nullptr;  // asked for the weights' size before loading; must outlive the registry
    Loader loader;                   // empty: embed::LoadEmbedder
    int poll_ms = 1000;
  };

  // Begins to load in the background. InvalidArgument for names that clash or a file that is damaged.
  static Result<std::unique_ptr<ModelRegistry>> Start(Options options);
  ~ModelRegistry() override;  // waits for a load in progress

  Result<proxy::TextModel> Describe(const std::string& model) override;
  Result<std::vector<float>> Embed(const std::string& model, std::span<const std::string> texts, Use use, const Context& context) override;

  // With token counts. NotFound lists the configured names, Unavailable says how long the model has been loading.
  Result<embed::Embeddings> EmbedTexts(const std::string& model, std::span<const std::string> texts, Use use, const Context& context);
  Result<embed::ModelInfo> Info(const std::string& model);

  std::vector<ModelStatus> List() const;  // by name
  // What stands between the models known at start and being warm, one sentence each; empty: nothing.
  std::vector<std::string> Missing() const;

 private:
  struct Model;
  explicit ModelRegistry(Options options);
  Status Adopt(const std::vector<ModelEntry>& entries, bool required) EXCLUDES(mutex_);
  void Run();
  void PollFile();
  void LoadOne(const std::shared_ptr<Model>& model);
  Result<std::shared_ptr<embed::Embedder>> Ready(const std::string& model) EXCLUDES(mutex_);

  Options options_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::map<std::string, std::shared_ptr<Model>> models_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> aliases_ GUARDED_BY(mutex_);  // to a name
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::string seen_;  // the file's identity when it was last read; the thread's own
  std::thread thread_;
};

}  // namespace saker::models
