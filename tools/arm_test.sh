#!/usr/bin/env bash
# The distance kernels on 64-bit ARM: cross-compiled, tested under qemu with and without the instructions beyond ARMv8.0.
# Exits 77 with a sentence where the compiler or qemu is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in aarch64-linux-gnu-g++ qemu-aarch64-static; do
  command -v $tool >/dev/null || { echo "skipped: $tool is not installed (./dev setup installs it)"; exit 77; }
done
[ -f /usr/src/googletest/CMakeLists.txt ] || { echo "skipped: the sources of googletest (libgtest-dev) are not installed"; exit 77; }
build=build/aarch64
[ -f $build/build.ninja ] || cmake -S index/kernels -B $build -G Ninja -DCMAKE_TOOLCHAIN_FILE="$PWD/tools/aarch64.cmake" -DCMAKE_BUILD_TYPE=Release
cmake --build $build --target kernels_test -- -j "$(nproc)"
for cpu in cortex-a57 neoverse-n1 max; do  # no dot product; dot product; FHM too
  echo "qemu cpu $cpu"
  qemu-aarch64-static -cpu $cpu $build/kernels_test --gtest_brief=1 2>&1 | grep -v -E '^(Running main|instruction set|\[WARNING\]|$)'
done
echo "summary: kernels of 64-bit ARM agree with scalar on three kinds of processor"
