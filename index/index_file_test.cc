// Index files: what is saved is found again, what is damaged is refused, what was released still opens.
#include <fstream>
#include <iterator>

#include "index/test_files.h"
#include "index/test_source.h"

namespace saker::index {
namespace {

struct FileCase {
  const char* name;
  IndexSpec spec;
  VectorType vectors;
};

std::vector<FileCase> Cases() {
  return {{"flat_v1", {"FLAT", Metric::kCosine, {}}, VectorType::kFloat32},
          {"hnsw_v1", {"HNSW", Metric::kCosine, {{"M", "2"}, {"efConstruction", "20"}}}, VectorType::kFloat32},
          {"hnsw_i8_v1", {"HNSW", Metric::kL2, {{"M", "2"}, {"efConstruction", "20"}}}, VectorType::kInt8},
          {"graph_v2", {"HNSW", Metric::kCosine, {{"M", "2"}, {"efConstruction", "20"}}}, VectorType::kFloat32},
          {"graph_i8_v2", {"HNSW", Metric::kL2, {{"M", "2"}, {"efConstruction", "20"}}}, VectorType::kInt8},
          {"ivf_flat_v1", {"IVF_FLAT", Metric::kL2, {{"nlist", "4"}}}, VectorType::kFloat32},
          // The layouts with codes came with the second release: SAKER_WRITE_GOLDEN=1 wrote them as this test does.
          {"ivf_sq8_v1", {"IVF_SQ8", Metric::kCosine, {{"nlist", "4"}}}, VectorType::kFloat32},
          {"ivf_pq_v1", {"IVF_PQ", Metric::kL2, {{"nlist", "4"}, {"m", "2"}, {"nbits", "4"}}}, VectorType::kFloat32},
          {"scann_v1", {"SCANN", Metric::kIp, {{"nlist", "4"}}}, VectorType::kInt8},
          {"ivf_rabitq_v2", {"IVF_RABITQ", Metric::kCosine, {{"nlist", "4"}}}, VectorType::kFloat32},
          {"bin_ivf_flat_v2", {"BIN_IVF_FLAT", Metric::kHamming, {{"nlist", "4"}}}, VectorType::kBinary},
          {"diskann_v1", {"DISKANN", Metric::kL2, {}}, VectorType::kFloat32},
          {"bin_flat_v1", {"BIN_FLAT", Metric::kJaccard, {}}, VectorType::kBinary},
          {"sparse_v1", {"SPARSE_INVERTED_INDEX", Metric::kIp, {}}, VectorType::kSparse},
          {"sparse_v2", {"SPARSE_INVERTED_INDEX", Metric::kIp, {}}, VectorType::kSparse},
          {"bm25_v2", {"SPARSE_WAND", Metric::kBm25, {}}, VectorType::kSparse}};
}

// Rows by a formula, so that the golden files' vectors need no file of their own.
std::shared_ptr<MemorySource> FormulaSource(VectorType type) {
  const size_t dim = type == VectorType::kSparse ? 0 : 8;
  const auto source = std::make_shared<MemorySource>(type, dim);
  for (uint32_t row = 0; row < 180; ++row) {
    if (type == VectorType::kSparse) {
      source->AddSparse({{row % 7, static_cast<float>(row % 11) + 1}, {10 + row % 13, -2.0f}, {100 + row, 1.0f}});
    } else if (type == VectorType::kBinary) {
      const auto byte = static_cast<uint8_t>(row * 73);
      source->Add(&byte);
    } else {
      std::vector<float> values(dim);
      for (uint32_t i = 0; i < dim; ++i) values[i] = static_cast<float>((row * (2 * i + 31) + i * 17) % 23) / 8 - 1.375f;
      source->AddFloats(values);
    }
  }
  return source;
}

std::vector<Hit> SearchRow(const Index& index, const MemorySource& source, size_t row) {
  SearchRequest request;
  request.k = 12;
  request.params = {{"ef", "20"}, {"nprobe", "2"}};
  if (source.type() == VectorType::kSparse) {
    request.sparse_queries = {source.SparseRow(row)};
  } else {
    request.queries = source.Row(row);
  }
  return index.Search(request, Context()).value()[0];
}

void ExpectSameAnswers(const Index& a, const Index& b, const MemorySource& source) {
  for (size_t row = 0; row < source.row_count(); row += 7) {
    const auto x = SearchRow(a, source, row), y = SearchRow(b, source, row);
    ASSERT_EQ(x.size(), y.size());
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(x[i].row, y[i].row);
      EXPECT_EQ(x[i].score, y[i].score);
    }
  }
}

std::string Saved(const Index& index) {
  StringFile file;
  EXPECT_TRUE(index.Save(file).ok());
  return file.contents;
}

TEST(IndexFileTest, ASavedIndexOpensAndAnswersTheSame) {
  for (const FileCase& one : Cases()) {
    SCOPED_TRACE(one.name);
    const auto source = FormulaSource(one.vectors);
    const auto built = BuildIndex(one.spec, source, {}).value();
    StringFileSystem files;
    files.contents["a"] = Saved(*built);
    const auto opened = OpenIndex("a", files, source);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    EXPECT_EQ((*opened)->spec().type, one.spec.type);
    ExpectSameAnswers(*built, **opened, *source);
    EXPECT_EQ(Saved(**opened), files.contents["a"]);
  }
}

// Of large files every seventh.
TEST(IndexFileTest, EveryFlippedByteIsRefusedWithFileAndOffset) {
  size_t tried = 0;
  for (const FileCase& one : Cases()) {
    const auto source = FormulaSource(one.vectors);
    StringFileSystem files;
    std::string& bytes = files.contents["data/segment-7.idx"] = Saved(*BuildIndex(one.spec, source, {}).value());
    for (size_t i = 0; i<bytes.size(); i += bytes.size()> 32768 ? 7 : 1) {
      for (const int mask : {0x01, 0x80, 0xff}) {
        bytes[i] = static_cast<char>(bytes[i] ^ mask);
        const Status status = OpenIndex("data/segment-7.idx", files, source).status();
        ASSERT_EQ(status.code(), StatusCode::kDataLoss) << one.name << " byte " << i;
        ASSERT_NE(status.message().find("data/segment-7.idx at offset "), std::string::npos) << status.message();
        bytes[i] = static_cast<char>(bytes[i] ^ mask);
        ++tried;
      }
    }
  }
  std::printf("%zu flips tried, all refused\n", tried);
}

TEST(IndexFileTest, EveryTruncationAndEveryTailIsRefused) {
  for (const FileCase& one : Cases()) {
    const auto source = FormulaSource(one.vectors);
    const std::string bytes = Saved(*BuildIndex(one.spec, source, {}).value());
    StringFileSystem files;
    for (size_t length = 0; length<bytes.size(); length += bytes.size()> 32768 ? 7 : 1) {
      files.contents["a"] = bytes.substr(0, length);
      ASSERT_EQ(OpenIndex("a", files, source).status().code(), StatusCode::kDataLoss) << one.name << " cut to " << length;
    }
    files.contents["a"] = bytes + '\0';
    EXPECT_EQ(OpenIndex("a", files, source).status().code(), StatusCode::kDataLoss);
  }
}

TEST(IndexFileTest, AFileOfManyBlocksIsVerifiedBlockByBlock) {
  std::mt19937 random(3);
  const auto source = RandomSource(random, VectorType::kFloat32, 2, 9000);
  StringFileSystem files;
  const auto built = BuildIndex({"HNSW", Metric::kL2, {{"M", "4"}, {"efConstruction", "10"}}}, source, {}).value();
  std::string& bytes = files.contents["a"] = Saved(*built);
  ASSERT_GT(bytes.size(), 4u * 65536);
  const auto opened = OpenIndex("a", files, source);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  ExpectSameAnswers(*built, **opened, *source);
  for (int i = 0; i < 300; ++i) {
    const size_t at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    EXPECT_EQ(OpenIndex("a", files, source).status().code(), StatusCode::kDataLoss) << at;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
  }
}

TEST(IndexFileTest, AFileOfOtherVectorsIsRefusedWithBothNumbers) {
  const auto source = FormulaSource(VectorType::kFloat32);
  StringFileSystem files;
  files.contents["a"] = Saved(*BuildIndex({"FLAT", Metric::kCosine, {}}, source, {}).value());
  source->AddFloats(std::vector<float>(8, 1.0f));
  const Status status = OpenIndex("a", files, source).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("180 rows"), std::string::npos);
  EXPECT_NE(status.message().find("181 rows"), std::string::npos);
}

// Files of a layout that is still read and no longer written: posting lists before they came in blocks, graphs in layers.
bool OldLayout(const FileCase& one) {
  const std::string name = one.name;
  return name == "sparse_v1" || name == "hnsw_v1" || name == "hnsw_i8_v1";
}

// Each file was written by the first release that had its layout (SAKER_WRITE_GOLDEN=1, in a run of this test); it is never
// written again.
TEST(IndexFileTest, FilesOfVersionOneStillOpen) {
  for (const FileCase& one : Cases()) {
    SCOPED_TRACE(one.name);
    const std::string path = std::string("tests/golden/index/") + one.name + ".idx";
    const auto source = FormulaSource(one.vectors);
    if (std::getenv("SAKER_WRITE_GOLDEN") != nullptr && !OldLayout(one)) {
      std::ofstream(path, std::ios::binary) << Saved(*BuildIndex(one.spec, source, {}).value());
    }
    const auto opened = OpenIndex(path, FileSystem::Posix(), source);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    std::ifstream in(path, std::ios::binary);
    const bool same = Saved(**opened) == std::string(std::istreambuf_iterator<char>(in), {});
    EXPECT_TRUE(same || OldLayout(one)) << "the writer changed: a new version is needed";
    for (size_t row = 0; row < source->row_count(); row += 11) {
      const auto hits = SearchRow(**opened, *source, row);
      ASSERT_EQ(hits.size(), 12u);
      SearchRequest request;
      request.k = 1;
      request.queries = one.vectors == VectorType::kSparse ? nullptr : source->Row(row);
      if (one.vectors == VectorType::kSparse) request.sparse_queries = {source->SparseRow(row)};
      EXPECT_EQ(hits[0].score, ExactSearch(*source, one.spec.metric, request, Context()).value()[0][0].score);
    }
  }
}

}  // namespace
}  // namespace saker::index
