target_sources(saker_index PRIVATE graph/far_candidates.cc)
target_sources(saker_index PRIVATE graph/code_scan.cc graph/entry_table.cc graph/graph_iterator.cc graph/graph_search.cc graph/planner.cc graph/refine.cc)
target_sources(index_test PRIVATE graph/graph_search_test.cc graph/real_graph_test.cc graph/refine_test.cc)
saker_benchmark(index_instructions SOURCES instructions.cc DEPS saker_index)
