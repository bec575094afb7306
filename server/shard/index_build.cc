// Indexes of sealed segments: built in the background, one manifest version later they answer. Here those of vectors and what all
// share; scalar ones in scalar_index_build.cc.
#include <algorithm>
#include <optional>
#include <utility>

#include "common/checksum.h"
#include "common/idle_work.h"
#include "common/kill_point.h"
#include "common/log.h"
#include "index/footprint.h"
#include "server/shard/build_checkpoint.h"
#include "server/shard/file_check.h"
#include "server/shard/local_shard.h"
#include "server/shard/shard_metrics.h"

namespace saker::shard {

namespace {

// Below it an exact scan is as fast as a graph walk.
constexpr uint64_t kIndexedRows = 1000;
// A filter over fewer rows costs less than the search that it belongs to.
constexpr uint64_t kScalarIndexedRows = 256;

// All at once when half of what is free allows it, else in parts, which takes longer.
uint64_t DiskBuildBytes(const index::DiskFootprint& footprint, uint64_t spare) {
  return std::min(footprint.whole_build_bytes, std::max(footprint.least_build_bytes, spare / 2));
}

// What the build will take of `spare` bytes, and in `options` what keeps it there. AUTOINDEX takes the first of its families that fits:
// the graph, lists of codes, the graph on disk.
uint64_t PlanMemory(const index::IndexSpec& spec, const index::VectorSource& source, uint64_t spare, index::BuildOptions* options) {
  if (index::ServedFromDisk(spec)) {
    const index::DiskFootprint footprint = index::FootprintOf(spec, source.type(), source.dim(), source.row_count());
    options->memory_bytes = DiskBuildBytes(footprint, spare);
    return options->memory_bytes;
  }
  const index::MemoryFootprint whole = index::MemoryFootprintOf(spec, source, options->threads);
  if (whole.build_bytes <= spare || !index::MayServeFromDisk(spec, source.type())) return whole.build_bytes;
  const index::MemoryFootprint small = index::SmallAutoFootprint(source, &options->memory_limit_bytes);
  if (small.build_bytes <= spare) return small.build_bytes;
  const std::optional<index::DiskFootprint> disk = index::AutoDiskFootprint(spec, source, spare);
  if (!disk) return small.build_bytes;  // refused with what it needs
  options->memory_limit_bytes = disk->loaded_bytes;
  options->memory_bytes = DiskBuildBytes(*disk, spare);
  return options->memory_bytes;
}

}  // namespace

// On idle time, so that searches beside it hardly feel it; the caller goes on with the file at its own priority.
Result<std::unique_ptr<index::Index>> LocalShard::BuildIdle(const index::IndexSpec& spec,
                                                            const std::shared_ptr<const index::VectorSource>& source,
                                                            index::BuildOptions options) {
  std::unique_ptr<index::Index> built;
  TRY(RunIdle({.name = "build-idle"}, &stop_context_, [&](const Context& context) -> Status {
    options.context = &context;
    built = TRY(index::BuildIndex(spec, source, options));
    return OkStatus();
  }));
  return built;
}

bool LocalShard::NeedsIndex(const storage::SegmentManifest& manifest, const IndexDefinition& definition) const {
  const bool scalar = definition.scalar.has_value();
  if (manifest.row_count < (scalar ? kScalarIndexedRows : kIndexedRows)) return false;
  if (!scalar && !manifest.vector_files.contains(definition.field_id)) return false;
  MutexLock lock(index_mutex_);
  const std::pair<SegmentId, int64_t> job(manifest.segment, definition.index_id);
  if (exact_only_.contains(job)) return false;
  if (scalar) return !manifest.scalar_index_files.contains(definition.index_id) || damaged_.contains(job);
  const auto built = manifest.index_files.find(definition.field_id);
  return built == manifest.index_files.end() || built->second.index_id != definition.index_id || damaged_.contains(job);
}

bool LocalShard::NextBuild(std::shared_ptr<segment::SealedSegment>* next, IndexDefinition* definition) {
  const std::shared_ptr<const SegmentSet> set = segments_.Get();
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  for (const std::shared_ptr<segment::Segment>& segment : set->segments) {
    if (!segment->sealed()) continue;
    auto sealed = std::static_pointer_cast<segment::SealedSegment>(segment);
    for (const IndexDefinition& candidate : *definitions) {
      if (!NeedsIndex(*sealed->manifest(), candidate)) continue;
      MutexLock lock(index_mutex_);
      if (failed_builds_.contains({sealed->id, candidate.index_id})) continue;
      *next = std::move(sealed);
      *definition = candidate;
      building_ = candidate.index_id;
      return true;
    }
  }
  return false;
}

// One build; the lane comes back for the next when the other shards had their turn.
Status LocalShard::BuildIndexes() {
  TRY(stop_context_.Check());
  std::shared_ptr<segment::SealedSegment> next;
  IndexDefinition definition;
  if (!NextBuild(&next, &definition)) return OkStatus();
  const Status built = BuildOne(next, definition);
  if (!built.ok() && stopping()) return built;
  Schedule(kIndexLane);
  MutexLock lock(index_mutex_);
  building_ = 0;
  const std::pair<SegmentId, int64_t> job(next->id, definition.index_id);
  if (built.ok()) {
    damaged_.erase(job);
  } else if (built.code() == StatusCode::kUnimplemented) {
    exact_only_.insert(job);
  } else {
    failed_builds_.insert(job);
    index_errors_[definition.index_id] = built.message();
    JobFailures("index").Add();
    Log(kWarning, "index build failed",
        {{"shard", id_}, {"segment", next->id}, {"index", definition.index_id}, {"error", built.message()}});
  }
  return OkStatus();
}

Status LocalShard::BuildOne(const std::shared_ptr<segment::SealedSegment>& segment, const IndexDefinition& definition) {
  const StageTimer timer(JobSeconds("index"));
  if (definition.scalar) return BuildScalar(segment, definition);
  const std::shared_ptr<const storage::SegmentManifest> before = segment->manifest();
  const std::shared_ptr<const CollectionSchema> schema = schema_.Get();
  const FieldSchema* field = schema->FindId(definition.field_id);
  const auto file = before->vector_files.find(definition.field_id);
  if (field == nullptr || file == before->vector_files.end())
    return NotFound("segment ", segment->id, " has no field ", definition.field_id);
  SAKER_KILL_POINT("index.begin");
  std::shared_ptr<const void> vectors;  // of a collection that is not loaded
  std::shared_ptr<const index::VectorSource> source;
  if (const std::shared_ptr<const segment::Pieces> pieces = segment->pieces()) source = pieces->front()->vectors.at(definition.field_id);
  if (source == nullptr) {
    vectors = ReserveVectors(*before);
    source = TRY(segment::OpenVectors(environment_.storage.blobs(), *field, segment->id, file->second, before->row_count,
                                      segment::AccessWith(vectors)));
  }
  Built built;
  BuildCheckpoint checkpoint(environment_.storage.blobs(), environment_.memory,
                             CheckpointName(id_, segment->id, definition.field_id, definition.index_id));
  const Result<storage::IndexRef> written = WriteIndex(*before, definition, source, &checkpoint, &built);
  if (!written.ok()) {
    // A segment that was compacted or dropped meanwhile took its files with it: nothing is left to build.
    MutexLock lock(writer_mutex_);
    if (sealed_.contains(segment->id)) return written.status();
    checkpoint.Remove();
    return OkStatus();
  }
  SAKER_KILL_POINT("index.after_file");
  const auto put = [&](storage::SegmentManifest* manifest) {
    const auto old = manifest->index_files.find(definition.field_id);
    const std::string replaced = old == manifest->index_files.end() ? "" : old->second.file.name;
    manifest->index_files[definition.field_id] = *written;
    return replaced;
  };
  TRY(CommitIndex(segment.get(), definition, written->file, put, [&] {
    SAKER_KILL_POINT("index.after_manifest");
    if (residence_ != Residence::kReleased) segment->SetIndex(definition.field_id, built.index, std::move(built.reservation));
  }));
  checkpoint.Remove();
  Log(kInfo, "index built", {{"shard", id_}, {"segment", segment->id}, {"index", definition.index_id}, {"rows", built.index->row_count()}});
  return OkStatus();
}

Status LocalShard::CommitIndex(segment::SealedSegment* segment, const IndexDefinition& definition, const storage::FileRef& file,
                               const std::function<std::string(storage::SegmentManifest*)>& put, const std::function<void()>& publish) {
  std::string replaced;
  {
    MutexLock lock(writer_mutex_);
    const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
    const bool wanted = std::any_of(definitions->begin(), definitions->end(),
                                    [&](const IndexDefinition& other) { return other.index_id == definition.index_id; });
    if (!sealed_.contains(segment->id) || !wanted) return environment_.storage.blobs().Remove(file.name);
    storage::SegmentManifest manifest = *segment->manifest();
    replaced = put(&manifest);
    storage::ManifestEdit edit;
    edit.shard = id_;
    edit.put = {manifest};
    TRY(environment_.storage.manifests().Commit(edit));
    segment->SetManifest(std::move(manifest));
    publish();
  }
  return replaced.empty() ? OkStatus() : environment_.storage.blobs().Remove(replaced);
}

Result<storage::IndexRef> LocalShard::WriteIndex(const storage::SegmentManifest& manifest, const IndexDefinition& definition,
                                                 std::shared_ptr<const index::VectorSource> source, index::CheckpointStore* checkpoints,
                                                 Built* built) {
  storage::BlobStore& blobs = environment_.storage.blobs();
  index::BuildOptions options;
  options.threads = environment_.build_threads;
  // What is free now, and again when the build has given back what it works in.
  const uint64_t limit = environment_.memory.limit_bytes(), used = environment_.memory.used_bytes();
  const uint64_t spare = limit > used ? limit - used : 0;
  options.memory_limit_bytes = std::max<uint64_t>(spare, 1);
  const index::IndexSpec spec = TRY(index::ValidateSpec(definition.spec, source->type(), source->dim()));
  if (!index::ServedFromDisk(spec)) options.checkpoints = checkpoints;
  if (index::ServedFromDisk(spec) || index::MayServeFromDisk(spec, source->type())) {
    options.files = &blobs.files();
    const std::string vectors = TRY(blobs.LocalPath(manifest.vector_files.at(definition.field_id).name));
    options.scratch_directory = vectors.substr(0, vectors.rfind('/'));
  }
  const uint64_t build_bytes = PlanMemory(spec, *source, spare, &options);
  std::shared_ptr<const void> scratch = TRY(ReserveForBuild(spec, *source, build_bytes, spare));
  std::unique_ptr<index::Index> fresh = TRY(BuildIdle(spec, source, options));
  const bool on_disk = index::ServedFromDisk(*fresh);
  if (!on_disk) {
    scratch.reset();
    built->reservation = TRY(ReserveMemory("index", fresh->memory_bytes(), "an index"));
  }
  const int64_t build = TRY(environment_.ids.Next());
  storage::IndexRef ref;
  ref.index_id = definition.index_id;
  // A name of its own for every build: a published file never changes.
  ref.file.name = segment::SegmentPrefix(id_, manifest.segment) + "index_" + std::to_string(definition.field_id) + "_" +
                  std::to_string(definition.index_id) + "_" + std::to_string(build);
  std::unique_ptr<storage::BlobWriter> blob = TRY(blobs.Create(ref.file.name));
  TRY(fresh->Save(blob->file()));
  TRY(blob->Finish());
  const std::string path = TRY(blobs.LocalPath(ref.file.name));
  {
    const std::shared_ptr<const MappedFile> file = TRY(blobs.files().Map(path));
    ref.file.size_bytes = file->bytes().size();
    ref.file.checksum = Checksum(file->bytes());
  }
  if (on_disk) {  // from its own file, so that the build's goes
    fresh.reset();
    scratch.reset();
    fresh = TRY(index::OpenIndex(path, blobs.files(), source));
    built->reservation = TRY(ReserveMemory("index", fresh->memory_bytes(), "an index"));
  }
  built->index = std::move(fresh);
  return ref;
}

// What a build takes, before it starts; a refusal names an index that would fit.
Result<std::shared_ptr<const void>> LocalShard::ReserveForBuild(const index::IndexSpec& spec, const index::VectorSource& source,
                                                                uint64_t bytes, uint64_t spare) {
  Result<std::shared_ptr<const void>> reserved =
      ReserveMemory("index", bytes, "building " + spec.type + " over " + std::to_string(source.row_count()) + " rows");
  if (reserved.ok() || reserved.status().code() != StatusCode::kResourceExhausted) return reserved;
  for (const char* type : {"IVF_SQ8", "DISKANN"}) {
    const Result<index::IndexSpec> other = index::ValidateSpec({type, spec.metric, {}}, source.type(), source.dim());
    if (!other.ok()) continue;
    const uint64_t wanted = index::ServedFromDisk(*other)
                                ? index::FootprintOf(*other, source.type(), source.dim(), source.row_count()).least_build_bytes
                                : index::MemoryFootprintOf(*other, source, environment_.build_threads).build_bytes;
    if (wanted <= spare) return ResourceExhausted(reserved.status().message(), "; ", type, " needs ", wanted, " and would fit");
  }
  return reserved;
}

// An index that cannot be opened costs speed, not answers: the segment is searched exactly and the index built again.
void LocalShard::OpenIndexes(const storage::SegmentManifest& manifest, segment::Piece* piece) {
  storage::BlobStore& blobs = environment_.storage.blobs();
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  for (const IndexDefinition& definition : *definitions) {
    if (definition.scalar) {
      if (OpenScalarIndexOf(manifest, definition, piece)) continue;
      DamagedIndexes("open").Add();
      MutexLock lock(index_mutex_);
      damaged_.insert({manifest.segment, definition.index_id});
      continue;
    }
    const auto ref = manifest.index_files.find(definition.field_id);
    const auto source = piece->vectors.find(definition.field_id);
    if (ref == manifest.index_files.end() || ref->second.index_id != definition.index_id || source == piece->vectors.end()) continue;
    const storage::FileRef& file = ref->second.file;
    const auto open = [&]() -> Status {
      const std::string path = TRY(blobs.LocalPath(file.name));
      const uint64_t wanted = TRY(index::StoredIndexAt(path, blobs.files(), *source->second)).loaded_bytes;
      std::shared_ptr<const void> reservation = TRY(ReserveMemory("index", wanted, "loading an index"));
      {
        const std::shared_ptr<const MappedFile> bytes = TRY(blobs.files().Map(path));
        TRY(CheckWhole("index file", file, bytes->bytes()));
      }
      std::shared_ptr<const index::Index> index = TRY(index::OpenIndex(path, blobs.files(), source->second));
      if (index->row_count() != manifest.row_count) {
        return Corruption("index file ", file.name, ": ", index->row_count(), " rows of ", manifest.row_count);
      }
      if (index->memory_bytes() != wanted) {
        reservation.reset();
        reservation = TRY(ReserveMemory("index", index->memory_bytes(), "loading an index"));
      }
      piece->indexes[definition.field_id] = std::move(index);
      piece->reservations[definition.field_id] = std::move(reservation);
      return OkStatus();
    };
    const Status opened = open();
    if (opened.ok()) continue;
    Log(kError, "index not opened", {{"shard", id_}, {"segment", manifest.segment}, {"error", opened.message()}});
    if (opened.code() == StatusCode::kResourceExhausted) continue;
    DamagedIndexes("open").Add();
    MutexLock lock(index_mutex_);
    damaged_.insert({manifest.segment, definition.index_id});
  }
}

void LocalShard::MendDamaged(const View& view) {
  for (const View::Part& part : view.parts) {
    if (part.segment->pieces() != part.pieces) continue;  // another index has taken the place of the one that was searched
    for (const auto& piece : *part.pieces) {
      if (piece->damage == nullptr) continue;
      for (const auto& [field_id, what] : piece->damage->Take()) RebuildDamaged(part.segment->id, field_id, what);
    }
  }
}

void LocalShard::RebuildDamaged(SegmentId segment, int64_t field_id, const std::string& what) {
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  for (const IndexDefinition& definition : *definitions) {
    if (definition.scalar || definition.field_id != field_id) continue;
    const std::pair<SegmentId, int64_t> job(segment, definition.index_id);
    {
      MutexLock lock(index_mutex_);
      if (!damaged_.insert(job).second) continue;
      failed_builds_.erase(job);
    }
    DamagedIndexes("search").Add();
    Log(kError, "a search found its index damaged: it is answered from the vectors, the index built again",
        {{"shard", id_}, {"segment", segment}, {"index", definition.index_id}, {"error", what}});
    Schedule(kIndexLane);
  }
}

Status LocalShard::SetIndexes(std::vector<IndexDefinition> asked) {
  std::vector<IndexDefinition> indexes = WithTokenIndexes(asked, *schema_.Get());
  std::vector<std::string> unused;
  {
    MutexLock lock(writer_mutex_);
    storage::ManifestEdit edit;
    edit.shard = id_;
    for (const auto& [id, sealed] : sealed_) {
      storage::SegmentManifest manifest = *sealed.segment->manifest();
      const size_t before = unused.size();
      std::erase_if(manifest.index_files, [&](const auto& entry) {
        const bool wanted = std::any_of(indexes.begin(), indexes.end(), [&](const IndexDefinition& definition) {
          return definition.index_id == entry.second.index_id && definition.field_id == entry.first;
        });
        if (!wanted) unused.push_back(entry.second.file.name);
        return !wanted;
      });
      std::erase_if(manifest.scalar_index_files, [&](const auto& entry) {
        const bool wanted = std::any_of(indexes.begin(), indexes.end(), [&](const IndexDefinition& definition) {
          return definition.index_id == entry.first && definition.scalar;
        });
        if (!wanted) unused.push_back(entry.second.file.name);
        return !wanted;
      });
      if (unused.size() > before) edit.put.push_back(std::move(manifest));
    }
    if (!edit.put.empty()) TRY(environment_.storage.manifests().Commit(edit));
    SAKER_KILL_POINT("index.after_drop");
    for (storage::SegmentManifest& manifest : edit.put) {
      segment::SealedSegment& segment = *sealed_.at(manifest.segment).segment;
      const std::shared_ptr<const storage::SegmentManifest> before = segment.manifest();
      for (const auto& [field_id, file] : before->index_files) {
        if (!manifest.index_files.contains(field_id)) segment.SetIndex(field_id, nullptr, nullptr);
      }
      for (const auto& [index_id, file] : before->scalar_index_files) {
        if (!manifest.scalar_index_files.contains(index_id)) segment.SetScalarIndex(index_id, nullptr);
      }
      segment.SetManifest(std::move(manifest));
    }
    for (const auto& [id, unsealed] : unsealed_) unsealed.segment->DropIndexes();
    indexes_.Set(std::make_shared<const std::vector<IndexDefinition>>(std::move(indexes)));
  }
  {
    MutexLock lock(index_mutex_);
    failed_builds_.clear();
    exact_only_.clear();
    index_errors_.clear();
  }
  for (const std::string& name : unused) TRY(environment_.storage.blobs().Remove(name));
  Schedule(kIndexLane);
  Schedule(kGrowingLane);
  return OkStatus();
}

Shard::IndexProgress LocalShard::GetIndexProgress(int64_t index_id) const {
  IndexProgress progress;
  const std::shared_ptr<const std::vector<IndexDefinition>> definitions = indexes_.Get();
  const auto definition = std::find_if(definitions->begin(), definitions->end(), [&](const auto& one) { return one.index_id == index_id; });
  if (definition == definitions->end()) return progress;
  const std::shared_ptr<const SegmentSet> set = segments_.Get();
  for (const std::shared_ptr<segment::Segment>& segment : set->segments) {
    if (!segment->sealed()) continue;
    progress.total_rows += segment->row_count();
    if (!NeedsIndex(*static_cast<const segment::SealedSegment&>(*segment).manifest(), *definition))
      progress.indexed_rows += segment->row_count();
  }
  MutexLock lock(index_mutex_);
  progress.building = building_ == index_id;
  if (const auto error = index_errors_.find(index_id); error != index_errors_.end()) progress.error = error->second;
  return progress;
}

}  // namespace saker::shard
