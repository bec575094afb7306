# What every CMake file of Saker uses: the compiler's settings and a few functions. A module's own file is a list.
include_guard(GLOBAL)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
get_filename_component(SAKER_ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

option(SAKER_FUZZ "build the libFuzzer targets too (needs clang)" OFF)
set(SAKER_SANITIZE "" CACHE STRING "sanitizers for everything: address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Every x86 server since 2009: POPCNT and SSE4.2 (Milvus asks for the same). Wider sets are chosen at run time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-march=x86-64-v2)
endif()
find_program(SAKER_CCACHE ccache)
if(SAKER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SAKER_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${SAKER_CCACHE})
endif()
find_program(SAKER_MOLD mold)
if(SAKER_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(SAKER_SANITIZE)
  add_compile_options(-fsanitize=${SAKER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SAKER_SANITIZE})
endif()
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
add_compile_options(-pthread)  # for all alike, so that all can share one precompiled header

# Warnings are errors on our own targets; system headers say nothing. Some of g++ 12's flow warnings stay warnings: with -O2 it
# reports them on inlined std::string code that is right (its bugs 105329, 105562, 105651).
set(SAKER_FLOW_WARNINGS -Wno-error=maybe-uninitialized -Wno-error=restrict -Wno-error=array-bounds -Wno-error=stringop-overflow
  -Wno-error=stringop-overread)
function(saker_options target)
  target_include_directories(${target} PUBLIC ${SAKER_ROOT})
  if(SAKER_FUZZ)  # another compiler, only there to find crashes
    target_compile_options(${target} PRIVATE -w)
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Werror "$<$<CXX_COMPILER_ID:GNU>:${SAKER_FLOW_WARNINGS}>")
  endif()
endfunction()

# saker_precompiled(target kind headers...): the target starts from headers that were read once for all targets of this kind
# ("test" or "library"). Sources compiled for other instruction sets than the rest cannot: they set SKIP_PRECOMPILE_HEADERS.
function(saker_precompiled target kind)
  set(owner saker_${kind}_headers)
  if(NOT TARGET ${owner})
    set(empty ${CMAKE_BINARY_DIR}/${owner}.cc)
    file(CONFIGURE OUTPUT ${empty} CONTENT "int main() {}\n")
    if(kind STREQUAL "test")
      add_executable(${owner} ${empty})  # position independent as executables are
      target_link_libraries(${owner} PRIVATE GTest::gtest GTest::gmock)
    else()
      add_library(${owner} OBJECT ${empty})
    endif()
    saker_options(${owner})
    target_precompile_headers(${owner} PRIVATE ${ARGN})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()
set(SAKER_USUAL_HEADERS <algorithm> <atomic> <chrono> <cmath> <cstdint> <cstring> <functional> <map> <memory> <mutex> <optional> <set>
  <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>)

# saker_library(name SOURCES a.cc ... DEPS other ... SYSTEM_DEPS rocksdb ... [ALONE])
# ALONE: nothing precompiled, each file reads what it includes. So do all in the sanitizers' builds, which thereby find what a file
# forgot to include.
function(saker_library name)
  cmake_parse_arguments(ARG "ALONE" "" "SOURCES;DEPS;SYSTEM_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  saker_options(${name})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_SYSTEM_DEPS} PUBLIC Threads::Threads)
  if(NOT ARG_ALONE AND NOT SAKER_SANITIZE)
    saker_precompiled(${name} library ${SAKER_USUAL_HEADERS})
  endif()
endfunction()

# saker_test(name SOURCES a_test.cc ... DEPS lib ... [LABELS slow] [SHARDS n]): one binary per module, run by ctest and ./dev test;
# a long one in n parts, side by side.
function(saker_test name)
  cmake_parse_arguments(ARG "" "SHARDS" "SOURCES;DEPS;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  saker_options(${name})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  if(SAKER_SANITIZE MATCHES address AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    target_compile_definitions(${name} PRIVATE __SANITIZE_ADDRESS__=1)  # as g++ says it: tests of time and memory ask
  endif()
  if(NOT SAKER_SANITIZE)
    target_compile_options(${name} PRIVATE -O1)  # the test's own code; what it tests keeps the optimisation it is shipped with
  endif()
  saker_precompiled(${name} test <gtest/gtest.h> <gmock/gmock.h> ${SAKER_USUAL_HEADERS})
  if(NOT ARG_SHARDS)
    set(ARG_SHARDS 1)
  endif()
  math(EXPR last "${ARG_SHARDS} - 1")
  foreach(shard RANGE ${last})
    set(part ${name})
    if(last GREATER 0)
      string(APPEND part "_${shard}")
    endif()
    add_test(NAME ${part} COMMAND ${name} WORKING_DIRECTORY ${SAKER_ROOT})
    set_tests_properties(${part} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 1200
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${ARG_SHARDS};GTEST_SHARD_INDEX=${shard}")
  endforeach()
endfunction()

# saker_benchmark(name SOURCES a_bench.cc DEPS lib): Google Benchmark, built with everything, run by ./dev bench.
function(saker_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(SAKER_SANITIZE OR SAKER_FUZZ)  # nothing is measured there
    return()
  endif()
  find_package(benchmark QUIET)
  if(benchmark_FOUND)
    add_executable(${name} ${ARG_SOURCES})
    saker_options(${name})
    target_link_libraries(${name} PRIVATE ${ARG_DEPS} benchmark::benchmark)
  endif()
endfunction()

# saker_fuzz(name SOURCES a_fuzz.cc DEPS lib): libFuzzer under clang (SAKER_FUZZ=ON); corpus in tests/fuzz/corpus/<name>.
function(saker_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(SAKER_FUZZ)
    add_executable(${name} ${ARG_SOURCES})
    saker_options(${name})
    target_link_libraries(${name} PRIVATE ${ARG_DEPS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    if(NOT TARGET fuzzers)
      add_custom_target(fuzzers)
    endif()
    add_dependencies(fuzzers ${name})
  endif()
endfunction()
