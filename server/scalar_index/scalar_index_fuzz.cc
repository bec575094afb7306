// Feeds bytes to OpenScalarIndex: as they are, and again with right checksums, so that what lies behind those is reached too.
#include "index/test_files.h"
#include "server/analyzer/analyzer.h"
#include "server/scalar_index/scalar_index.h"

namespace saker::scalar_index {
namespace {

void OpenAndFind(const std::string& bytes, const Spec& spec) {
  const auto rows = index::ReadAs<uint64_t>(bytes, 16);
  if (rows > 100'000) return;
  index::StringFileSystem files;
  files.contents["fuzz"] = bytes;
  const auto index = OpenScalarIndex(*files.Load("fuzz"), "fuzz", spec, rows);
  if (!index.ok()) return;
  const auto find = [&](Query query) {
    if ((*index)->EstimateMatches(query)) (void)(*index)->Find(query);
  };
  find({.op = Query::Op::kKnown, .boolean = false, .operand = Terms<int64_t>()});
  find({.op = Query::Op::kIn, .boolean = true, .operand = Terms<int64_t>{.values = {0, 1}, .low = {}, .high = {}}});
  find({.op = Query::Op::kRange, .boolean = false, .operand = Terms<double>()});
  find({.op = Query::Op::kRange, .boolean = false, .operand = Terms<std::string>()});
  const auto test = [](std::string_view text) { return text.size() % 2 == 0; };
  if (spec.tokens()) {
    static const auto analyzer = *analyzer::Analyzer::Make("");
    find({.op = Query::Op::kMatch, .boolean = false, .operand = *match::MatchQuery::AnyOf(*analyzer, "every word1 seldom", 2)});
    find({.op = Query::Op::kMatch, .boolean = false, .operand = *match::MatchQuery::Phrase(*analyzer, "every word1 again", 1)});
  }
  find({.op = Query::Op::kText, .boolean = false, .operand = TextTest{"x", test, {"xx"}}});
}

}  // namespace
}  // namespace saker::scalar_index

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace saker;
  FieldSchema field;
  field.id = 102;
  field.name = "f";
  field.type = DataType::kJson;
  static const auto any = *scalar_index::MakeSpec(field, "INVERTED", {{"json_path", R"(f["a"])"}, {"json_cast_type", "JSON"}});
  field.type = DataType::kVarChar;
  static const auto grams = *scalar_index::MakeSpec(field, "NGRAM", {{"min_gram", "2"}, {"max_gram", "2"}});
  static const auto tokens = scalar_index::TokenSpec(field);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  for (int pass = 0; pass < 2; ++pass) {
    scalar_index::OpenAndFind(bytes, any);
    scalar_index::OpenAndFind(bytes, grams);
    scalar_index::OpenAndFind(bytes, tokens);
    index::Reseal(bytes);
  }
  return 0;
}
