// Any bytes as one of a model's small files: the first byte chooses which, the rest of the directory is sound.
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "embed/testing/tiny_model.h"
#include "embed/tokenizer/tokenizer.h"
#include "embed/weights/checkpoint.h"
#include "embed/weights/model_config.h"

namespace {

using namespace saker::embed;

std::optional<std::string> Contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Written once: a whole model for every input would leave no time for inputs.
const std::string& SoundModel() {
  static const TestDirectory* const directory = new TestDirectory();
  static const std::string path =
      WriteTinyBert(directory->path(), {.hidden = 8, .layers = 1, .heads = 1, .intermediate = 8, .positions = 4, .shards = true});
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const char* const kFiles[] = {"config.json",           "modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
                                       "tokenizer_config.json", "vocab.txt",    "tokenizer.json",        "model.safetensors.index.json"};
  constexpr size_t kCount = sizeof kFiles / sizeof kFiles[0];
  if (size == 0) return 0;
  const std::string& path = SoundModel();
  const std::string file = path + "/" + kFiles[data[0] % kCount];
  const std::optional<std::string> sound = Contents(file);
  WriteTestFile(file, std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  (void)ReadModelConfig(path);
  const auto tokenizer = LoadTokenizer(path);
  if (tokenizer.ok()) (void)(*tokenizer)->Encode("the vector database, sealing", 16);
  const auto checkpoint = Checkpoint::Open(path);
  if (checkpoint.ok()) (void)checkpoint->Fingerprint(0);
  if (sound) {
    WriteTestFile(file, *sound);
  } else {
    std::remove(file.c_str());
  }
  return 0;
}
