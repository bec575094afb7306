// Posting lists from and to index files. Nothing that a file says is used before it is checked: a search unpacks without
// looking, prunes by the bounds and scores by the values.
#include <algorithm>
#include <bitset>
#include <cmath>
#include <cstring>
#include <functional>

#include "index/index_file.h"
#include "index/kernels/sparse.h"
#include "index/sparse/postings.h"

namespace saker::index {
namespace {

class Checker {
 public:
  Checker(const SparsePostings& postings, const VectorSource& source, const IndexFileReader& file)
      : p_(postings), source_(source), file_(file), kernels_(BestSparseKernels()), bm25_(file.spec().metric == Metric::kBm25) {}

  Status Run() {
    TRY(CheckTables());
    for (size_t list = 0; list < p_.terms.size(); ++list) TRY(CheckList(list));
    return OkStatus();
  }

 private:
  Status CheckTables() {
    if (std::adjacent_find(p_.terms.begin(), p_.terms.end(), std::greater_equal<>()) != p_.terms.end()) {
      return file_.Damaged(Section::kPostingTerms, "terms are not ascending");
    }
    const SparseList& end = p_.lists.back();
    if (p_.data.size() < kDataSlack || end.data != p_.data.size() - kDataSlack || end.values != p_.values.size() ||
        end.first_block != p_.blocks.size()) {
      return file_.Damaged(Section::kPostingLists, "the lists do not end where their data do");
    }
    for (const SparseCell& cell : p_.cells) {
      if (!(cell.frequency > 0) || !std::isfinite(cell.frequency) || !(cell.length >= 0) || !std::isfinite(cell.length)) {
        return file_.Damaged(Section::kPostingCells, internal::Join("a cell of frequency ", cell.frequency, ", length ", cell.length));
      }
    }
    for (const float length : p_.lengths) {
      if (!(length >= 0) || !std::isfinite(length)) return file_.Damaged(Section::kPostingLengths, internal::Join("a length of ", length));
    }
    for (size_t top = 0; top < p_.cells.size(); ++top) {
      for (size_t code = 0; code < p_.cells.size(); ++code) {
        const SparseCell &a = p_.cells[top], &b = p_.cells[code];
        bounded_[top][code] = a.frequency >= b.frequency && a.length <= b.length;
      }
    }
    return OkStatus();
  }

  Status CheckList(size_t list) {
    const SparseList &a = p_.lists[list], &b = p_.lists[list + 1];
    const uint64_t bytes = b.values - a.values;
    if (a.data > b.data || a.values > b.values || a.first_block >= b.first_block || b.data > p_.lists.back().data ||
        b.values > p_.values.size() || b.first_block > p_.blocks.size() || (list == 0 && (a.data | a.values | a.first_block) != 0)) {
      return file_.Damaged(Section::kPostingLists, internal::Join("list ", list, " begins or ends outside"));
    }
    if (a.rows == 0 || (bytes != a.rows && bytes != uint64_t{a.rows} * 4)) {
      return file_.Damaged(Section::kPostingLists, internal::Join("list ", list, " has ", a.rows, " rows and ", bytes, " bytes of values"));
    }
    if (!std::isfinite(a.low) || !std::isfinite(a.high) || a.low > a.high || !ValidTop(a.top)) {
      return file_.Damaged(Section::kPostingLists, internal::Join("list ", list, " has values from ", a.low, " to ", a.high));
    }
    uint64_t data = 0, place = 0, next_row = 0;
    for (const SparseBlock& block : p_.BlocksOf(list)) {
      if (block.data != data || block.width > 16 || block.rows() > kBlockPostings || block.first_row < next_row ||
          block.last_row() < block.first_row || block.last_row() >= source_.row_count() || place + block.rows() > a.rows ||
          a.data + data + block.packed_bytes() + block.rows() > b.data || !ValidTop(block.top)) {
        return file_.Damaged(Section::kPostingBlocks, internal::Join("a block of list ", list, " from row ", block.first_row, " to ",
                                                                     block.last_row(), " of ", source_.row_count(), " rows"));
      }
      TRY(CheckBlock(list, block, place));
      data += block.packed_bytes() + block.rows();
      place += block.rows();
      next_row = uint64_t{block.last_row()} + 1;
    }
    if (place != a.rows || a.data + data != b.data) {
      return file_.Damaged(Section::kPostingBlocks, internal::Join("the blocks of list ", list, " hold ", place, " rows of ", a.rows));
    }
    return OkStatus();
  }

  Status CheckBlock(size_t list, const SparseBlock& block, uint64_t place) {
    const SparseList& at = p_.lists[list];
    const uint8_t* packed = p_.data.data() + at.data + block.data;
    const uint8_t* codes = packed + block.packed_bytes();
    uint16_t rows[kBlockPostings + 8];
    kernels_.unpack(packed, block.width, block.first_row % kFrameRows, block.rows(), rows);
    // A row past the frame's end wraps around, and is then not above the one before.
    bool good = rows[0] == block.first_row % kFrameRows && rows[block.count] == block.last;
    for (uint32_t i = 1; i < block.rows(); ++i) good = good && rows[i] > rows[i - 1];
    if (!good) return file_.Damaged(Section::kPostingData, internal::Join("the rows of a block of list ", list, " do not ascend"));
    std::bitset<256> below, list_below;
    for (const uint8_t top : block.top) below |= Below(top);
    for (const uint8_t top : at.top) list_below |= Below(top);
    for (const uint8_t top : block.top) good = good && list_below[top];
    const uint32_t frame = block.first_row & ~(kFrameRows - 1);
    const size_t width = p_.value_bytes(list);
    for (uint32_t i = 0; i < block.rows(); ++i) {
      const float value = ValueAt(p_.values.data() + at.values + (place + i) * width, width);
      good = good && below[codes[i]] && value >= at.low && value <= at.high;
      if (!good) break;
      if (bm25_) {
        const SparseCell& cell = p_.cells[codes[i]];
        good = value > 0 && value <= cell.frequency && p_.lengths[frame + rows[i]] >= cell.length;
      } else {
        good = value != 0 && value <= UpperBound(at.low, at.high, codes[i]);
      }
    }
    return good ? OkStatus() : file_.Damaged(Section::kPostingData, internal::Join("a bound of list ", list, " is below its value"));
  }

  static float ValueAt(const uint8_t* bytes, size_t width) {
    if (width == 1) return static_cast<float>(*bytes);
    float value;
    std::memcpy(&value, bytes, 4);
    return value;
  }
  bool ValidTop(const TopCodes& top) const {
    return !bm25_ || std::all_of(top.begin(), top.end(), [&](uint8_t code) { return code < p_.cells.size(); });
  }
  std::bitset<256> Below(uint8_t top) const {
    if (bm25_) return bounded_[top];
    return ~std::bitset<256>() >> (255 - top);
  }

  const SparsePostings& p_;
  const VectorSource& source_;
  const IndexFileReader& file_;
  const SparseKernels& kernels_;
  const bool bm25_;
  std::array<std::bitset<256>, 256> bounded_;  // [top][code]
};

// Version 1: terms, offsets, rows, values.
Result<SparsePostings> ReadArrays(const IndexFileReader& file, const VectorSource& source) {
  SparseArrays arrays;
  const uint64_t terms = TRY(file.Count(Section::kSparseTerms, 4));
  arrays.terms = TRY(file.Copy<uint32_t>(Section::kSparseTerms, terms));
  const auto offsets = TRY(file.Copy<uint64_t>(Section::kSparseOffsets, terms + 1));
  const auto rows = TRY(file.Copy<uint32_t>(Section::kSparseRows, offsets.back()));
  const auto values = TRY(file.Copy<float>(Section::kSparseValues, offsets.back()));
  const bool ascend = std::adjacent_find(arrays.terms.begin(), arrays.terms.end(), std::greater_equal<>()) == arrays.terms.end();
  if (!ascend || offsets.front() != 0 || !std::is_sorted(offsets.begin(), offsets.end())) {
    return file.Damaged(Section::kSparseOffsets, "terms or offsets are not ascending");
  }
  std::vector<uint32_t> kept;
  arrays.offsets = {0};
  for (size_t list = 0; list < terms; ++list) {
    for (uint64_t i = offsets[list]; i < offsets[list + 1]; ++i) {
      if (rows[i] >= source.row_count() || (i > offsets[list] && rows[i] <= rows[i - 1])) {
        return file.Damaged(Section::kSparseRows, internal::Join("row ", rows[i], " of ", source.row_count()));
      }
      if (!std::isfinite(values[i])) return file.Damaged(Section::kSparseValues, internal::Join("a value of ", values[i]));
      if (values[i] == 0) continue;
      arrays.rows.push_back(rows[i]);
      arrays.values.push_back(values[i]);
    }
    if (arrays.rows.size() == arrays.offsets.back()) continue;
    kept.push_back(arrays.terms[list]);
    arrays.offsets.push_back(arrays.rows.size());
  }
  arrays.terms = std::move(kept);
  SparsePostings postings = EncodePostings(arrays, nullptr);
  postings.counted_rows = source.row_count();
  return postings;
}

}  // namespace

SparseFileHeader HeaderOf(const SparsePostings& postings) {
  return {postings.counted_rows,
          postings.total_length,
          postings.terms.size(),
          postings.blocks.size(),
          postings.data.size(),
          postings.values.size(),
          static_cast<uint32_t>(postings.cells.size()),
          postings.dropped ? 1u : 0u};
}

void AddSections(const SparsePostings& postings, const SparseFileHeader& header, IndexFileWriter* writer) {
  writer->Add(Section::kPostingHeader, std::as_bytes(std::span(&header, 1)));
  writer->Add(Section::kPostingTerms, std::as_bytes(std::span(postings.terms)));
  writer->Add(Section::kPostingLists, std::as_bytes(std::span(postings.lists)));
  writer->Add(Section::kPostingBlocks, std::as_bytes(std::span(postings.blocks)));
  writer->Add(Section::kPostingData, std::as_bytes(std::span(postings.data)));
  writer->Add(Section::kPostingValues, std::as_bytes(std::span(postings.values)));
  writer->Add(Section::kPostingCells, std::as_bytes(std::span(postings.cells)));
  writer->Add(Section::kPostingLengths, std::as_bytes(std::span(postings.lengths)));
}

Result<SparsePostings> ReadPostings(const IndexFileReader& file, const VectorSource& source) {
  const Result<uint64_t> header_count = file.Count(Section::kPostingHeader, sizeof(SparseFileHeader));
  const bool bm25 = file.spec().metric == Metric::kBm25;
  if (!header_count.ok() && !bm25) return ReadArrays(file, source);
  const SparseFileHeader header = TRY(file.Copy<SparseFileHeader>(Section::kPostingHeader, 1))[0];
  const uint64_t valid = source.valid() == nullptr ? source.row_count() : source.valid()->Count();
  if (header.rows != valid || !(header.total_length >= 0) || !std::isfinite(header.total_length) || header.cells > 256 ||
      header.dropped > 1 || (!bm25 && header.cells != 0) || header.terms >= (uint64_t{1} << 32)) {
    return file.Damaged(Section::kPostingHeader, internal::Join("the header counts ", header.rows, " rows of ", valid));
  }
  SparsePostings postings;
  postings.terms = TRY(file.Copy<uint32_t>(Section::kPostingTerms, header.terms));
  postings.lists = TRY(file.Copy<SparseList>(Section::kPostingLists, header.terms + 1));
  postings.blocks = TRY(file.Copy<SparseBlock>(Section::kPostingBlocks, header.blocks));
  postings.data = TRY(file.Copy<uint8_t>(Section::kPostingData, header.data_bytes));
  postings.values = TRY(file.Copy<uint8_t>(Section::kPostingValues, header.value_bytes));
  postings.cells = TRY(file.Copy<SparseCell>(Section::kPostingCells, header.cells));
  postings.lengths = TRY(file.Copy<float>(Section::kPostingLengths, bm25 ? source.row_count() : 0));
  postings.counted_rows = header.rows;
  postings.total_length = header.total_length;
  postings.dropped = header.dropped != 0;
  TRY(Checker(postings, source, file).Run());
  return postings;
}

}  // namespace saker::index
