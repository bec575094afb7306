#include "server/filter/json_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace saker::filter {
namespace {

void SetBit(uint64_t* words, size_t bit) {
  words[bit / 64] |= uint64_t{1} << (bit % 64);
}

}  // namespace

void JsonLeaf::Evaluate(Evaluation& evaluation, const uint64_t* mask, Block* out) const {
  JsonScan& scan = evaluation.json(json_field_);
  scan.Require(evaluation, mask);
  *out = scan.result(leaf_);
}

void JsonScan::StartBlock() {
  std::fill(std::begin(tested_), std::end(tested_), 0);
  std::memset(results_.data(), 0, results_.size() * sizeof(Block));
}

void JsonScan::Require(const Evaluation& evaluation, const uint64_t* mask) {
  uint64_t known[kBlockWords];
  evaluation.Known(plan_.field, known);
  const Column& column = evaluation.column(plan_.field);
  const size_t base = evaluation.base(plan_.field);
  for (size_t w = 0; w < evaluation.block_words(); ++w) {
    for (uint64_t todo = mask[w] & ~tested_[w]; todo != 0; todo &= todo - 1) {
      const size_t bit = w * 64 + static_cast<size_t>(std::countr_zero(todo));
      if ((known[w] >> (bit % 64) & 1) != 0) {
        TestRow(column, base + bit, bit);
      } else {
        TestNull(bit);
      }
    }
    tested_[w] |= mask[w];
  }
}

// A row that is not JSON, which insert refuses, reads as null.
void JsonScan::TestRow(const Column& column, size_t row, size_t bit) {
  const std::string_view text = column.Text(row);
  const char* data = text.data();
  const auto behind = static_cast<size_t>(column.bytes().data() + column.bytes().size() - (text.data() + text.size()));
  if (behind < simdjson::SIMDJSON_PADDING) {
    if (padded_.size() < text.size() + simdjson::SIMDJSON_PADDING) padded_.resize(text.size() * 2 + simdjson::SIMDJSON_PADDING);
    std::memcpy(padded_.data(), text.data(), text.size());
    data = padded_.data();
  }
  simdjson::dom::element root;
  if (parser_.parse(data, text.size(), false).get(root) != simdjson::SUCCESS) return TestNull(bit);
  for (const JsonField::Path& path : plan_.paths) {
    simdjson::dom::element element;
    Cell cell;
    cell.kind = Cell::Kind::kMissing;
    if (scalar_index::Descend(root, path.keys, &element)) cell = Cell::FromJson(element);
    for (const JsonLeaf* leaf : path.leaves) {
      Block& result = results_[leaf->leaf()];
      SetBit(result.known, bit);
      if (leaf->Matches(cell)) SetBit(result.truth, bit);
    }
  }
}

void JsonScan::TestNull(size_t bit) {
  for (const JsonField::Path& path : plan_.paths) {
    for (const JsonLeaf* leaf : path.leaves) {
      if (!leaf->tests_null()) continue;
      Block& result = results_[leaf->leaf()];
      SetBit(result.known, bit);
      if (leaf->null_outcome()) SetBit(result.truth, bit);
    }
  }
}

}  // namespace saker::filter
