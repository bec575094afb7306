// How far the build of a flat graph has come, as bytes in a CheckpointStore (FORMAT.md).
//
// A checkpoint is used only by a build of the same rows with the same plan, codes and version; any other, and one with a wrong byte,
// is removed. With one thread the graph that a resumed build makes is that of an uninterrupted one, bit for bit.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "index/checkpoint.h"
#include "index/graph/candidates.h"
#include "index/graph/flat_graph.h"

namespace saker::index {

enum class GraphStage : uint32_t { kNone = 0, kCandidates = 1, kChosen = 2, kReversed = 3 };  // durable

class GraphCheckpoint {
 public:
  // `store` may be null: then nothing is kept. `fingerprint` is a number for everything that the graph is made of; it is asked for when
  // it is needed, for it reads all vectors.
  GraphCheckpoint(CheckpointStore* store, std::function<uint64_t()> fingerprint);

  // Where the build goes on. kCandidates: `rounds` of them are in the table, which is allocated here; later stages: in the links.
  Result<GraphStage> Resume(size_t rows, size_t width, size_t* rounds, CandidateTable* table, FlatGraph* graph);
  void SaveCandidates(size_t rounds, const CandidateTable& table);
  void SaveLinks(GraphStage stage, const FlatGraph& graph);

 private:
  void Save(GraphStage stage, size_t rounds, std::span<const std::span<const std::byte>> parts);
  Status Restore(std::span<const std::byte> bytes, size_t width, size_t* rounds, CandidateTable* table, FlatGraph* graph, GraphStage* stage,
                 size_t rows);

  CheckpointStore* const store_;
  const std::function<uint64_t()> fingerprint_;
  CheckpointClock clock_;
};

}  // namespace saker::index
