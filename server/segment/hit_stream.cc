#include "server/segment/hit_stream.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "index/capability.h"

namespace saker::segment {
namespace {

constexpr size_t kExactHits = 16384;  // a search for more is a scan anyway

// A family refuses a queue shorter than k; ours grew beyond what the user asked for.
void RaiseParams(size_t k, std::map<std::string, std::string>* params) {
  for (const char* name : {"ef", "search_list", "search_list_size", "reorder_k"}) {
    const auto found = params->find(name);
    if (found != params->end() && std::strtoull(found->second.c_str(), nullptr, 10) < k) found->second = std::to_string(k);
  }
}

}  // namespace

HitStream::HitStream(const Pieces& pieces, const Selections& selections, const VectorQuery& query) : query_(query) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (selections[i].count == 0) continue;
    Source& source = sources_.emplace_back();
    source.piece = pieces[i].get();
    source.selection = &selections[i];
    if (query.exact) continue;
    const index::Index* const index = IndexFor(*pieces[i], query);
    if (index != nullptr) source.iterable = index::CapabilityOf<index::Iterable>(*index);
    if (source.iterable != nullptr) bytes_ += source.iterable->iterator_bytes();
  }
}

Status HitStream::Take(size_t count, const Context& context, std::vector<Hit>* hits, index::SearchStats* stats) {
  hits->clear();
  for (Source& source : sources_) {
    if (source.iterable != nullptr) {
      if (source.rows == nullptr) {
        source.rows = TRY(source.iterable->Iterate(ToIndexRequest(query_, source.selection->bits ? &*source.selection->bits : nullptr)));
      }
      if (!source.ended && source.taken.size() < count) {
        const size_t more = count - source.taken.size();
        const std::vector<index::Hit> rows = TRY(source.rows->Next(more, context, stats));
        for (const index::Hit& row : rows) source.taken.push_back({source.piece, row.row, row.score});
        source.ended = rows.size() < more;
      }
    } else if (!source.ended) {
      query_.k = count;
      VectorQuery query = query_;
      query.exact = query.exact || count > kExactHits;
      RaiseParams(count, &query.params);
      std::vector<std::vector<Hit>> found(1);
      TRY(SearchPiece(*source.piece, *source.selection, query, context, &found, stats));
      source.taken = std::move(found[0]);
      source.ended = source.taken.size() < count;
    }
    hits->insert(hits->end(), source.taken.begin(), source.taken.end());
  }
  KeepBest(hits, count, query_.metric);
  return OkStatus();
}

}  // namespace saker::segment
