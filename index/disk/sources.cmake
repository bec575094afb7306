# The graph on disk. Included by index/CMakeLists.txt.
find_library(SAKER_URING uring REQUIRED)
target_sources(saker_index PRIVATE disk/disk_build.cc disk/disk_index.cc disk/disk_walk.cc disk/navigation.cc disk/packing.cc disk/page_cache.cc
  disk/page_format.cc disk/page_queries.cc disk/page_ranker.cc disk/partition.cc disk/reader_pool.cc disk/row_codes.cc disk/threads_reader.cc disk/uring_reader.cc)
target_link_libraries(saker_index PRIVATE ${SAKER_URING})
target_sources(index_test PRIVATE disk/disk_test.cc)
