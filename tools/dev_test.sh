# Part of ./dev: the suites of `./dev test` and `./dev fuzz`. Each suite prints its name, what it did, and passes or fails.
full=
suites="layers unit arm clients server recall bad-input kill power-cut byte-flip start asan fuzz tsan"
passed=() failed=() skipped=()

# suite NAME COMMAND...: runs it, keeps its output in build/test-logs, shows the end of it when it fails.
suite() {
  local name=$1 log=build/test-logs/$1.log status=0; shift
  mkdir -p build/test-logs
  say "suite: $name"
  ("$@") >"$log" 2>&1 & local pid=$!
  local ticks=0
  while kill -0 $pid 2>/dev/null; do sleep 1; ticks=$((ticks + 1)); [ $((ticks % 20)) -ne 0 ] || printf '        %s: %ss, %s\n' "$name" "$ticks" "$(tail -n 1 "$log" | cut -c1-110)"; done
  wait $pid || status=$?
  case $status in
    0) passed+=("$name"); grep -E '^(summary|SKIPPED|skipped)' "$log" | head -20 | sed 's/^/        /' || true ;;
    77) skipped+=("$name"); sed 's/^/        /' "$log" | tail -3 ;;
    *) failed+=("$name"); tail -n 60 "$log"; say "FAILED: $name (whole output in $log)" ;;
  esac
}

unit_tests() { ctest --test-dir "build/$1" --output-on-failure -j "$(nproc)" ${2:+-L "$2"}; }

# Unit tests under sanitizers, without the recall on real sets: that is measured by the release build, here it would take an hour.
# TSan leaves out what links gRPC: Debian's gRPC is not instrumented and reports races of its own.
asan_tests() {
  GTEST_FILTER='-*Real*' \
  ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=0 LSAN_OPTIONS=suppressions=tests/support/lsan.supp \
    UBSAN_OPTIONS=print_stacktrace=1 unit_tests asan
}
tsan_tests() { TSAN_OPTIONS=suppressions=tests/support/tsan.supp ctest --test-dir build/tsan --output-on-failure -E 'rpc_test|rest_test|models_test' -j 1; }

# One target; what it says is kept back until it ends, so that targets can run side by side.
fuzz_one() {  # SECONDS BINARY
  local name=${2##*/} status=0 said
  mkdir -p "tests/fuzz/corpus/$name" "build/fuzz-work/$name"
  said=$("$2" -max_total_time="$1" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -artifact_prefix="build/fuzz-work/$name/" \
    "build/fuzz-work/$name" "tests/fuzz/corpus/$name" 2>&1) || status=$?
  printf '%s: %s s\n' "$name" "$1"
  grep -E '==ERROR|SUMMARY|stat::number_of_executed_units|Test unit written|cov:.*DONE' <<<"$said" || true
  [ $status = 0 ] || { printf 'summary: %s found a crash\n' "$name"; return 1; }
}

run_fuzz() {  # SECONDS [TARGET]
  local targets
  targets=$(find build/asan -type f -name "${2:-*_fuzz}" -perm -u+x | sort)
  [ -n "$targets" ] || { printf "there is no fuzz target '%s'\n" "${2:-}"; return 1; }
  export -f fuzz_one
  xargs -P "$(nproc)" -I{} bash -c 'fuzz_one "$1" "$2"' fuzz "$1" {} <<<"$targets"
}

run_tests() {
  local only= skip=
  while [ $# -gt 0 ]; do case $1 in
    --full) full=1 ;;
    --only | --skip)
      [ -n "${2:-}" ] || die "$1 wants the name of a suite: $suites"
      local name
      for name in ${2//,/ }; do [[ " $suites " == *" $name "* ]] || die "there is no suite '$name'; there are $suites"; done ;;&
    --only) only=$2; shift ;;
    --skip) skip=$2; skipped+=("${skip//,/ }: by --skip"); shift ;;
    *) die "unknown option '$1' of test; --full, --only SUITE or --skip SUITE,SUITE" ;;
  esac; shift; done
  wanted() { [[ ",$skip," != *",$1,"* ]] && { [ -z "$only" ] || [[ ",$only," == *",$1,"* ]]; }; }
  setup
  build release
  wanted layers && { suite layers tools/check_layers; suite layers-self-test tools/check_layers --self-test; }
  python_env clients; python_env model
  export SAKER_TEST_MODEL="${SAKER_TEST_MODEL:-$(model_dir)}"
  wanted unit && suite unit unit_tests release
  wanted arm && suite arm tools/arm_test.sh
  local python=build/venv/bin/python saker=build/release/saker
  if wanted clients; then
    local version
    for version in $(cat tests/integration/pymilvus-versions.txt); do suite "clients-pymilvus-$version" env PYTHONPATH="build/sdk/$version" $python tests/integration/sdk_test.py --saker $saker; done
    suite clients-rest $python tests/integration/rest_test.py --saker $saker
    suite clients-openai $python tests/integration/openai_test.py --saker $saker --model "$SAKER_TEST_MODEL"
  fi
  wanted server && suite server-process $python tests/integration/server_test.py --saker $saker
  wanted recall && suite recall env PYTHONPATH=build/sdk/2.6.17 $python tests/integration/recall_test.py --saker $saker
  wanted bad-input && suite bad-input $python tests/integration/bad_input_test.py --saker $saker
  wanted kill && suite kill $python tests/crash/kill_test.py --saker $saker --rounds "$([ -n "$full" ] && echo 600 || echo 92)" --seconds "$([ -n "$full" ] && echo 1200 || echo 180)"
  wanted power-cut && suite power-cut $python tests/crash/power_cut_test.py --saker $saker --cuts "$([ -n "$full" ] && echo 200 || echo 20)"
  wanted byte-flip && suite byte-flip $python tests/crash/byte_flip_test.py --saker $saker --flips "$([ -n "$full" ] && echo 1000 || echo 60)"
  [ -n "$full" ] && wanted start && suite start env PYTHONPATH=build/sdk/2.6.17 $python tests/crash/start_test.py --saker $saker
  if wanted asan; then build asan; suite asan asan_tests; fi
  if wanted fuzz; then build asan fuzzers; suite fuzz run_fuzz "$([ -n "$full" ] && echo 600 || echo 10)"; fi
  if [ -n "$full" ] && wanted tsan; then build tsan; suite tsan tsan_tests; fi
  say "passed: ${passed[*]:-none}"
  [ ${#skipped[@]} -eq 0 ] || say "skipped (each says why above): ${skipped[*]}"
  [ ${#failed[@]} -eq 0 ] || say "FAILED: ${failed[*]}"
  printf '%d passed, %d failed, %d skipped\n' "${#passed[@]}" "${#failed[@]}" "${#skipped[@]}"
  [ ${#failed[@]} -eq 0 ] && [ ${#passed[@]} -gt 0 ]
}
