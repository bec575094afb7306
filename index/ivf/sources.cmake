# The cluster indexes: codes and lists. Included by index/CMakeLists.txt.
target_sources(saker_index PRIVATE faiss/products.cc ivf/bit_codes.cc ivf/kmeans.cc ivf/list_codes.cc ivf/list_reach.cc ivf/list_ranker.cc ivf/product_codes.cc
  ivf/row_floats.cc ivf/scalar_codes.cc ivf/zero_rows.cc quantize/nibble_lists.cc quantize/rotation.cc quantize/product_codec.cc quantize/scalar_codec.cc)
target_sources(index_test PRIVATE ivf/ivf_test.cc ivf/zero_rows_test.cc ivf/filtered_probes_test.cc ivf/scale_test.cc ivf/real_ivf_test.cc)
saker_benchmark(ivf_bench SOURCES ivf/ivf_bench.cc DEPS saker_index)
