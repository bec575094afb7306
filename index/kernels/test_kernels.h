// What the tests of the kernels share: one run for each instruction set of this machine.
#pragma once

#include <cstdint>
#include <cstdio>

#include <gtest/gtest.h>

#include "index/kernels/kernels.h"

namespace saker::index {

constexpr uint32_t kSeed = 20240611;

inline size_t TableCount() {
  KernelChoice all[8];
  return AllKernels(all);
}

class KernelsTest : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    KernelChoice all[8];
    AllKernels(all);
    if (!all[GetParam()].supported) GTEST_SKIP() << "skipped: this machine has no " << all[GetParam()].kernels->isa;
    kernels_ = all[GetParam()].kernels;
    std::printf("instruction set %s, seed %u\n", kernels_->isa, kSeed);
  }
  const Kernels* kernels_ = nullptr;
};

}  // namespace saker::index
