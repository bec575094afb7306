// Kernels of the cluster indexes: sums of table entries chosen by 4-bit codes ("fast-scan"), 32 rows at a time.
//
// A row is a code of `subspaces` numbers 0..15; a query is a table of 16 bytes for each subspace. The sum over the
// subspaces of table[code] is an estimate of an inner product, in integers and therefore the same everywhere; the float
// made from it differs between instruction sets by rounding only. One table of functions per instruction set, as in
// kernels.h; the scalar one is the definition of correct. Thread-safe: tables are constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace saker::index {

// Where a code stands in a block of 32 rows. A block is `groups` times 64 bytes, each of four subspaces; rows 16 to 31 are
// in the high halves of the bytes. kLanes (for byte shuffles of 16): byte = subspace * 16 + row % 16. kRows (for VBMI and
// VNNI: four neighbours are summed at once): byte = (row % 16) * 4 + subspace.
enum class FastScanLayout { kLanes, kRows };

constexpr size_t kFastScanRows = 32;
constexpr size_t FastScanGroups(size_t subspaces) {
  return (subspaces + 3) / 4;
}
constexpr size_t FastScanBlocks(size_t rows) {
  return (rows + kFastScanRows - 1) / kFastScanRows;
}
constexpr size_t FastScanByte(FastScanLayout layout, size_t row, size_t subspace) {
  const size_t in_group = subspace % 4;
  return subspace / 4 * 64 + (layout == FastScanLayout::kLanes ? in_group * 16 + row % 16 : row % 16 * 4 + in_group);
}

// The rows of one list and what turns their sums into keys:
//   key = base + add[i] + multiply[i] * (step * sum + offset), where `add` null is 0 and `multiply` null is 1.
struct FastScanList {
  const uint8_t* codes;   // FastScanBlocks(rows) blocks
  const uint8_t* tables;  // groups * 64 bytes
  size_t rows;
  size_t groups;
  const float* add;  // each padded to whole blocks
  const float* multiply;
  float base, step, offset;
};

struct FastScanKernels {
  const char* isa;
  FastScanLayout layout;
  // Writes the keys that are at most `limit` (NaN never is) and their rows, ascending by row; returns how many. Both arrays need
  // room for `rows` rounded up to whole blocks and 16 more.
  size_t (*scan)(const FastScanList& list, float limit, float* keys, uint32_t* rows);
  // The tables of a query. `codebook`: for each subspace sub_dim times 16 floats; entry e of subspace s is the product of the
  // query's part s with the e-th vector. Rounded to bytes: the product of a code is about *step * sum + *offset. `floats`: scratch
  // of subspaces * 16. Subspaces up to a whole group are filled with zeros. A query beyond floats gives *step 0.
  void (*tables)(const float* query, const float* codebook, size_t subspaces, size_t sub_dim, float* floats, uint8_t* tables, float* step,
                 float* offset);
  // The first i with the smallest a[i] + b[i]; n > 0. NaN is never smaller than what stands before it.
  uint32_t (*smallest_sum)(const float* a, const float* b, size_t n);
};

extern const FastScanKernels kScalarFastScan;
#if defined(__x86_64__)
extern const FastScanKernels kAvx2FastScan;
extern const FastScanKernels kAvx512FastScan;  // AVX-512 F, BW, DQ, VL, VBMI, VNNI
#endif

// The table that goes with BestKernels(): SAKER_ISA is obeyed; "avx512" without VBMI and VNNI takes the AVX2 one.
const FastScanKernels& BestFastScan();

// Every table of this build that this machine can run: for tests.
size_t AllFastScan(const FastScanKernels* out[4]);

}  // namespace saker::index
