// text_match and phrase_match as predicates, by analysing the rows: what an index of the tokens stands in for.
#pragma once

#include <memory>

#include "server/analyzer/analyzer.h"
#include "server/filter/predicate.h"
#include "server/match/match_query.h"

namespace saker::filter {

// NULL for null rows. The analyzer reads the rows as it read the query.
PredicatePtr MakeMatch(size_t field, std::shared_ptr<const analyzer::Analyzer> analyzer, match::MatchQuery query);

}  // namespace saker::filter
