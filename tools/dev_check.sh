# Part of ./dev: `./dev check`, the style of the house as tests with clear messages.

# What clang reads whole, without precompiled headers: not what is for other instruction sets.
thread_safe_sources() {
  git ls-files 'common/*.cc' 'index/*.cc' 'storage/*.cc' 'server/segment/*.cc' 'server/shard/*.cc' 'server/coord/*.cc' |
    grep -v -E '_(test|bench|fuzz)\.cc|/fake_|/kernels/.*(avx|neon|vnni|amx|limits)'
}

# The headers that no such source has as its first include, which shows just as well that they compile alone.
lone_headers() {
  comm -23 <(git ls-files '*.h' | sort) <(thread_safe_sources | xargs awk '/^#include/ { gsub(/"/, "", $2); print $2; nextfile }' | sort -u)
}

run_checks() {
  local status=0
  say "format"
  local unformatted
  unformatted=$(git ls-files '*.h' '*.cc' | xargs -P "$(nproc)" -n 16 clang-format-14 --dry-run -Werror 2>&1 | grep -oE '^[^:]+\.(h|cc)' | sort -u || true)
  [ -z "$unformatted" ] || { echo "$unformatted"; echo "run: clang-format-14 -i on the files above"; status=1; }
  say "layers"
  tools/check_layers || status=1
  tools/check_layers --self-test || status=1
  say "every header compiles alone"
  [ -f build/release/build.ninja ] || build release saker_milvus_proto saker_catalog_proto
  cmake --build build/release --target saker_milvus_proto saker_catalog_proto >/dev/null
  lone_headers | xargs -P "$(nproc)" -I{} sh -c 'echo "#include \"{}\"" | g++ -std=c++20 -fsyntax-only -Wall -Wextra -I. -Ibuild/release/generated -Ibuild/release/proto/milvus/generated -x c++ - 2>&1 | sed "s|^|{}: |" | grep -m 3 error && exit 1 || exit 0' || status=1
  say "thread safety (clang), and the headers that a file includes first"
  thread_safe_sources |
    xargs -P "$(nproc)" -I{} sh -c '! clang++-14 -std=c++20 -fsyntax-only -Wno-everything -Wthread-safety -I. -Ibuild/release/generated -DSPDLOG_FMT_EXTERNAL {} 2>&1 | grep -E "thread-safety|error:"' || status=1
  [ $status = 0 ] && say "all checks hold" || say "some checks FAILED"
  return $status
}
