// Any bytes as one of a model's small files: the first byte chooses which, the rest of the directory is sound.
#include <string>

#include "embed/testing/tiny_model.h"
#include "embed/tokenizer/tokenizer.h"
#include "embed/weights/checkpoint.h"
#include "embed/weights/model_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace saker::embed;
  static const TestDirectory* const directory = new TestDirectory();
  static const char* const kFiles[] = {"config.json",           "modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
                                       "tokenizer_config.json", "vocab.txt",    "tokenizer.json",        "model.safetensors.index.json"};
  constexpr size_t kCount = sizeof kFiles / sizeof kFiles[0];
  if (size == 0) return 0;
  const std::string path =
      WriteTinyBert(directory->path(), {.hidden = 8, .layers = 1, .heads = 1, .intermediate = 8, .positions = 4, .shards = true});
  const std::string file = path + "/" + kFiles[data[0] % kCount];
  WriteTestFile(file, std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  (void)ReadModelConfig(path);
  const auto tokenizer = LoadTokenizer(path);
  if (tokenizer.ok()) (void)(*tokenizer)->Encode("the vector database, sealing", 16);
  const auto checkpoint = Checkpoint::Open(path);
  if (checkpoint.ok()) (void)checkpoint->Fingerprint(0);
  std::remove((path + "/tokenizer.json").c_str());
  return 0;
}
