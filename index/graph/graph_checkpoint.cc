#include "index/graph/graph_checkpoint.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "common/checksum.h"
#include "common/log.h"

namespace saker::index {
namespace {

constexpr uint64_t kMagic = 0x3150434745524b53;  // "SKREGCP1", the version in its last byte
constexpr size_t kMaxParts = 3;

struct Header {  // durable
  uint64_t magic;
  uint64_t fingerprint;
  uint32_t stage;
  uint32_t rounds;
  uint64_t lengths[kMaxParts];
  uint64_t checksums[kMaxParts];
  uint64_t checksum;  // of what stands before it
};
static_assert(sizeof(Header) == 80);

uint64_t ChecksumOf(const Header& header) {
  return Checksum(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, checksum)));
}

}  // namespace

GraphCheckpoint::GraphCheckpoint(CheckpointStore* store, std::function<uint64_t()> fingerprint)
    : store_(store), fingerprint_(std::move(fingerprint)), clock_(store == nullptr ? 0 : store->first_seconds()) {}

Result<GraphStage> GraphCheckpoint::Resume(size_t rows, size_t width, size_t* rounds, CandidateTable* table, FlatGraph* graph) {
  *rounds = 0;
  if (store_ == nullptr) return GraphStage::kNone;
  const Result<std::shared_ptr<const MappedFile>> file = store_->Read();
  if (!file.ok()) return GraphStage::kNone;
  GraphStage stage = GraphStage::kNone;
  const Status restored = Restore((*file)->bytes(), width, rounds, table, graph, &stage, rows);
  if (restored.code() == StatusCode::kResourceExhausted) return restored;
  if (!restored.ok()) {
    Log(kInfo, "checkpoint of a build not used", {{"why", restored.message()}});
    store_->Remove();
    return GraphStage::kNone;
  }
  store_->Resumed(stage == GraphStage::kCandidates ? internal::Join("candidates, round ", *rounds)
                  : stage == GraphStage::kChosen   ? std::string("links")
                                                   : std::string("links both ways"));
  return stage;
}

Status GraphCheckpoint::Restore(std::span<const std::byte> bytes, size_t width, size_t* rounds, CandidateTable* table, FlatGraph* graph,
                                GraphStage* stage, size_t rows) {
  Header header{};
  if (bytes.size() < sizeof header) return Corruption("a checkpoint of ", bytes.size(), " bytes");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic || header.checksum != ChecksumOf(header)) return Corruption("a checkpoint with a header of another make");
  if (header.fingerprint != fingerprint_()) return Corruption("a checkpoint of other rows or another plan");
  std::array<std::span<const std::byte>, kMaxParts> parts;
  bytes = bytes.subspan(sizeof header);
  for (size_t i = 0; i < kMaxParts; ++i) {
    if (header.lengths[i] > bytes.size())
      return Corruption("a checkpoint whose part ", i, " has ", header.lengths[i], " bytes, ", bytes.size(), " are there");
    parts[i] = bytes.first(header.lengths[i]);
    bytes = bytes.subspan(header.lengths[i]);
    if (Checksum(parts[i]) != header.checksums[i]) return Corruption("a checkpoint whose part ", i, " does not match its checksum");
  }
  if (!bytes.empty()) return Corruption("a checkpoint with ", bytes.size(), " bytes behind its end");
  if (header.stage == static_cast<uint32_t>(GraphStage::kCandidates)) {
    CandidateTable fresh = TRY(CandidateTable::Allocate(rows, width));
    TRY(fresh.Restore(parts[0], parts[1], parts[2]));
    *table = std::move(fresh);
    *rounds = header.rounds;
  } else if (header.stage == static_cast<uint32_t>(GraphStage::kChosen) || header.stage == static_cast<uint32_t>(GraphStage::kReversed)) {
    if (parts[0].size() != graph->links.size() * sizeof(uint32_t))
      return Corruption("a checkpoint with ", parts[0].size(), " bytes of links");
    FlatGraph read;
    read.degree = graph->degree;
    read.links = TRY(LinkArray::Allocate(graph->links.size()));
    std::memcpy(read.links.data(), parts[0].data(), parts[0].size());
    TRY(read.Validate(rows));
    graph->links = std::move(read.links);
  } else {
    return Corruption("a checkpoint of stage ", header.stage);
  }
  *stage = static_cast<GraphStage>(header.stage);
  return OkStatus();
}

void GraphCheckpoint::SaveCandidates(size_t rounds, const CandidateTable& table) {
  const auto parts = table.Parts();
  Save(GraphStage::kCandidates, rounds, parts);
}

void GraphCheckpoint::SaveLinks(GraphStage stage, const FlatGraph& graph) {
  const std::span<const std::byte> links = std::as_bytes(std::span(graph.links.data(), graph.links.size()));
  Save(stage, 0, std::span(&links, 1));
}

void GraphCheckpoint::Save(GraphStage stage, size_t rounds, std::span<const std::span<const std::byte>> parts) {
  if (store_ == nullptr) return;
  uint64_t bytes = sizeof(Header);
  for (const auto& part : parts) bytes += part.size();
  if (!clock_.Due(bytes)) return;
  const auto began = std::chrono::steady_clock::now();
  Header header{};
  header.magic = kMagic;
  header.fingerprint = fingerprint_();
  header.stage = static_cast<uint32_t>(stage);
  header.rounds = static_cast<uint32_t>(rounds);
  std::vector<std::span<const std::byte>> all = {std::as_bytes(std::span(&header, 1))};
  for (size_t i = 0; i < kMaxParts; ++i) {
    const std::span<const std::byte> part = i < parts.size() ? parts[i] : std::span<const std::byte>();
    header.lengths[i] = part.size();
    header.checksums[i] = Checksum(part);
    all.push_back(part);
  }
  header.checksum = ChecksumOf(header);
  const Status written = store_->Write(all, clock_.seconds_left());
  const bool given_up = written.code() == StatusCode::kDeadlineExceeded;
  if (!written.ok()) Log(given_up ? kInfo : kWarning, "checkpoint of a build not written", {{"bytes", bytes}, {"why", written.message()}});
  clock_.Wrote(bytes, began, given_up);
}

}  // namespace saker::index
