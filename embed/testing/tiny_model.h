// Writes small random BERT models and safetensors files for the tests.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "embed/weights/tensor.h"

namespace saker::embed {

struct TestTensor {
  std::vector<uint64_t> shape;
  std::vector<float> values;
};
using TestTensors = std::map<std::string, TestTensor>;

std::string SafetensorsBytes(const TestTensors& tensors, DType dtype);

struct TinyBert {
  int hidden = 32;
  int layers = 2;
  int heads = 2;
  int intermediate = 64;
  int positions = 64;
  int types = 2;
  std::string prefix = "";  // "bert." as BertFor... checkpoints have it
  DType dtype = DType::kFloat32;
  bool shards = false;
  bool normalize = true;
  std::string pooling = "mean";  // or "cls"
  uint32_t seed = 1;
};

// The words of the tiny vocabulary: special tokens, letters, ##letters and a few words.
std::vector<std::string> TinyVocabulary();
TestTensors RandomBertTensors(const TinyBert& model);
std::string TinyConfigJson(const TinyBert& model);
// A complete model directory; returns `directory`.
std::string WriteTinyBert(const std::string& directory, const TinyBert& model);

void WriteTestFile(const std::string& path, const std::string& contents);
// A fresh empty directory below the system's temporary one, removed with the object.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// SAKER_SHARED, or ../shared beside the repository; empty when there is none.
std::string SharedDirectory();
// Printed by the test that uses it; set by SAKER_SEED.
uint32_t TestSeed();

}  // namespace saker::embed
