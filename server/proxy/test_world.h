// A proxy over real shards and real storage, which may be started again: for the tests of what outlives a process.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "server/coord/real_world.h"
#include "server/proxy/make_proxy.h"

namespace saker::proxy {

class RealProxyTest : public ::testing::Test {
 protected:
  explicit RealProxyTest(const std::string& name) : world_(name) {}
  void SetUp() override { Restart(); }
  void TearDown() override { proxy_.reset(); }

  void Restart() {
    proxy_.reset();
    world_.Close();
    proxy_ = MakeProxy(world_.Open(), nullptr);
  }

  coord::RealWorld world_;
  std::unique_ptr<Proxy> proxy_;
  const Context context_{};
};

}  // namespace saker::proxy
