#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "common/mutex.h"
#include "milvus/milvus.pb.h"
#include "server/auth/authenticator.h"
#include "server/auth/base64.h"
#include "server/auth/failure_delay.h"
#include "server/auth/password.h"
#include "server/auth/privileges.h"
#include "server/schema/error.h"

namespace saker::auth {
namespace {

class MemoryUsers final : public UserStore {
 public:
  Result<std::optional<std::string>> Get(const std::string& user) override {
    MutexLock lock(mutex_);
    ++reads;
    const auto found = users_.find(user);
    return found == users_.end() ? std::optional<std::string>() : std::optional(found->second);
  }
  Status Put(const std::string& user, const std::string& hash) override {
    MutexLock lock(mutex_);
    users_[user] = hash;
    return OkStatus();
  }
  Status Delete(const std::string& user) override {
    MutexLock lock(mutex_);
    users_.erase(user);
    return OkStatus();
  }
  Result<std::vector<std::string>> List() override {
    MutexLock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, hash] : users_) names.push_back(name);
    return names;
  }
  int reads = 0;

 private:
  Mutex mutex_;
  std::map<std::string, std::string> users_;
};

// Cheap hashes: what is tested is not their strength.
AuthOptions Enabled() {
  AuthOptions options;
  options.enabled = true;
  options.root_password = "root-password";
  options.argon2_memory_kib = 64;
  options.argon2_passes = 1;
  return options;
}

class AuthTest : public testing::Test {
 protected:
  void Open(AuthOptions options) {
    auto made = CreateAuthenticator(std::move(options), users_);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    auth_ = *std::move(made);
  }
  Result<Caller> Ask(const std::string& credential, const std::string& peer = "ipv4:10.0.0.1:5") {
    return auth_->AuthenticateGrpc(EncodeBase64(credential), peer);
  }

  MemoryUsers users_;
  std::unique_ptr<Authenticator> auth_;
  const Caller root_{std::string(kRootUser)};
};

TEST(Base64, DecodesWhatItEncodesAndRefusesTheRest) {
  const std::string binary("\0\xff\x80", 3);
  for (const std::string& text : {std::string(), std::string("a"), std::string("ab"), std::string("abc"), binary}) {
    EXPECT_EQ(DecodeBase64(EncodeBase64(text)), text);
  }
  EXPECT_EQ(EncodeBase64("root:Milvus"), "cm9vdDpNaWx2dXM=");
  EXPECT_EQ(DecodeBase64("cm9vdDpNaWx2dXM"), "root:Milvus");
  for (const char* bad : {"a", "====", "ab=c", "cm9v dDp", "-_-_", "YWI=="}) EXPECT_EQ(DecodeBase64(bad), std::nullopt) << bad;
}

TEST(Password, HashesAreArgon2idWithTheirOwnSalt) {
  const std::string hash = *HashPassword("secret", {});
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << hash;
  EXPECT_NE(hash, *HashPassword("secret", {}));
  EXPECT_TRUE(VerifyPassword(hash, "secret"));
  EXPECT_FALSE(VerifyPassword(hash, "Secret"));
  EXPECT_FALSE(VerifyPassword("rubbish", "secret"));
}

TEST_F(AuthTest, LetsEveryCallPassWhileItIsOff) {
  Open({});
  EXPECT_TRUE(auth_->AuthenticateGrpc(std::nullopt, "").ok());
  EXPECT_TRUE(auth_->AuthenticateHttp("Bearer nonsense", "").ok());
  EXPECT_TRUE(auth_->Authorize({}, "DropCollection", "default").ok());
  EXPECT_TRUE(users_.List()->empty());
}

TEST_F(AuthTest, AnswersMissingAndWrongCredentialsWithMilvusTexts) {
  Open(Enabled());
  const auto missing = auth_->AuthenticateGrpc(std::nullopt, "");
  EXPECT_EQ(missing.status().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(missing.status().message(), "missing authorization in header");
  for (const char* wrong : {"root:wrong-one", "nobody:root-password", "root", ":", "", "Root:root-password"}) {
    const auto answer = Ask(wrong);
    EXPECT_EQ(answer.status().code(), StatusCode::kUnauthenticated) << wrong;
    if (*wrong == 0) continue;
    EXPECT_EQ(answer.status().message(), "auth check failure, please check username and password are correct");
  }
  EXPECT_EQ(Ask("root:root-password")->user, "root");
}

TEST_F(AuthTest, UnderstandsBothHttpSchemes) {
  Open(Enabled());
  EXPECT_EQ(auth_->AuthenticateHttp("Bearer root:root-password", "")->user, "root");
  EXPECT_EQ(auth_->AuthenticateHttp("basic " + EncodeBase64("root:root-password"), "")->user, "root");
  EXPECT_FALSE(auth_->AuthenticateHttp("Bearer root:wrong", "").ok());
  EXPECT_FALSE(auth_->AuthenticateHttp("root:root-password", "").ok());
}

TEST_F(AuthTest, RemembersAGoodCredentialUntilItChanges) {
  Open(Enabled());
  ASSERT_TRUE(Ask("root:root-password").ok());
  const int reads = users_.reads;
  ASSERT_TRUE(Ask("root:root-password").ok());
  EXPECT_EQ(users_.reads, reads);
  EXPECT_TRUE(auth_->TryAuthenticateGrpc(EncodeBase64("root:root-password"), "")->ok());
  ASSERT_TRUE(auth_->UpdatePassword(root_, "root", "root-password", "another-one").ok());
  EXPECT_EQ(auth_->TryAuthenticateGrpc(EncodeBase64("root:root-password"), ""), std::nullopt);
  EXPECT_FALSE(Ask("root:root-password").ok());
  EXPECT_TRUE(Ask("root:another-one").ok());
}

TEST_F(AuthTest, RefusesUnheardAfterManyFailuresFromOneAddress) {
  Open(Enabled());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Ask("root:guess" + std::to_string(i)).ok());
  EXPECT_FALSE(Ask("root:root-password").ok());
  EXPECT_TRUE(Ask("root:root-password", "ipv4:10.0.0.2:5").ok());
}

TEST(FailureDelay, DoublesUpToHalfAMinuteAndForgetsOnSuccess) {
  FailureDelay delay;
  const auto now = FailureDelay::Clock::now();
  for (int i = 0; i < 4; ++i) delay.Failed("a", now);
  EXPECT_FALSE(delay.MustWait("a", now));
  delay.Failed("a", now);
  EXPECT_TRUE(delay.MustWait("a", now));
  EXPECT_FALSE(delay.MustWait("a", now + std::chrono::milliseconds(250)));
  for (int i = 0; i < 100; ++i) delay.Failed("a", now);
  EXPECT_TRUE(delay.MustWait("a", now + std::chrono::seconds(29)));
  EXPECT_FALSE(delay.MustWait("a", now + std::chrono::seconds(30)));
  delay.Succeeded("a");
  EXPECT_FALSE(delay.MustWait("a", now));
}

TEST_F(AuthTest, OnlyRootChangesUsersButEachItsOwnPassword) {
  Open(Enabled());
  ASSERT_TRUE(auth_->CreateUser(root_, "alice", "alice-password").ok());
  ASSERT_TRUE(auth_->CreateUser(root_, "bob", "bobs-password").ok());
  EXPECT_EQ(auth_->CreateUser(root_, "bob", "bobs-password").message(), "user already exists: bob");
  const Caller alice{"alice"};
  EXPECT_EQ(MilvusCode(auth_->CreateUser(alice, "carol", "carols-password")), 1401);
  EXPECT_FALSE(auth_->DeleteUser(alice, "bob").ok());
  EXPECT_FALSE(auth_->ListUsers(alice).ok());
  EXPECT_FALSE(auth_->UpdatePassword(alice, "bob", "bobs-password", "taken-over").ok());
  EXPECT_EQ(auth_->UpdatePassword(alice, "alice", "wrong", "new-password").message(), "old password not correct for alice");
  EXPECT_TRUE(auth_->UpdatePassword(alice, "alice", "alice-password", "new-password").ok());
  EXPECT_TRUE(Ask("alice:new-password").ok());
  EXPECT_TRUE(auth_->UpdatePassword(root_, "bob", "", "reset-password").ok());
  EXPECT_TRUE(Ask("bob:reset-password").ok());
  EXPECT_TRUE(auth_->DeleteUser(root_, "bob").ok());
  EXPECT_FALSE(Ask("bob:reset-password").ok());
  EXPECT_FALSE(auth_->DeleteUser(root_, "root").ok());
  EXPECT_EQ(*auth_->ListUsers(root_), (std::vector<std::string>{"alice", "root"}));
}

TEST_F(AuthTest, ChecksNamesAndPasswords) {
  Open(Enabled());
  for (const char* bad : {"", "1st", "a b", "a\nb", "x:y", "abcdefghijklmnopqrstuvwxyzabcdefg"}) {
    EXPECT_EQ(MilvusCode(auth_->CreateUser(root_, bad, "good-password")), 1100) << bad;
  }
  EXPECT_EQ(MilvusCode(auth_->CreateUser(root_, "dora", "short")), 1100);
  EXPECT_EQ(MilvusCode(auth_->CreateUser(root_, "dora", std::string(73, 'x'))), 1100);
  EXPECT_TRUE(auth_->CreateUser(root_, "dora", std::string(72, 'x')).ok());
}

TEST_F(AuthTest, MakesRootsPasswordOnceWhenNoneIsGiven) {
  AuthOptions options = Enabled();
  options.root_password.clear();
  std::string announced;
  options.announce = [&](const std::string& text) {
    EXPECT_FALSE(*users_.Get("root")) << "a crash now would leave a password that nobody knows";
    announced = text;
  };
  Open(options);
  ASSERT_TRUE(auth_->generated_root_password().has_value());
  const std::string password = *auth_->generated_root_password();
  EXPECT_EQ(announced, password);
  EXPECT_EQ(password.size(), 24u);
  EXPECT_TRUE(Ask("root:" + password).ok());
  Open(options);
  EXPECT_FALSE(auth_->generated_root_password().has_value());
  EXPECT_TRUE(Ask("root:" + password).ok());
}

TEST_F(AuthTest, ReadsRootsPasswordFromAFileThatOthersCannotRead) {
  const std::string path = testing::TempDir() + "/root_password_" + RandomPassword();
  std::ofstream(path) << "from-the-file\n";
  AuthOptions options = Enabled();
  options.root_password_file = path;
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_FALSE(CreateAuthenticator(options, users_).ok());
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  Open(options);
  EXPECT_TRUE(Ask("root:from-the-file").ok());
  std::filesystem::remove(path);
}

TEST_F(AuthTest, RefusesWhatTheTableDoesNotAllow) {
  Open(Enabled());
  EXPECT_TRUE(auth_->Authorize({"alice"}, "Search", "default").ok());
  EXPECT_TRUE(auth_->Authorize({"alice"}, "UpdateCredential", "default").ok());
  const Status denied = auth_->Authorize({"alice"}, "CreateCredential", "default");
  EXPECT_EQ(denied.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(denied.message(), "PrivilegeCreateOwnership: permission deny to alice in the `default` database");
  EXPECT_TRUE(auth_->Authorize(root_, "CreateCredential", "default").ok());
  EXPECT_FALSE(auth_->Authorize(root_, "SomethingNew", "default").ok());
}

TEST(Privileges, NameEveryMethodOfTheServiceAndNoOther) {
  const auto* service = milvus::proto::milvus::ConnectRequest::descriptor()->file()->FindServiceByName("MilvusService");
  std::set<std::string_view> methods;
  for (int i = 0; i < service->method_count(); ++i) {
    methods.insert(service->method(i)->name());
    EXPECT_NE(FindPrivilege(service->method(i)->name()), nullptr) << service->method(i)->name();
  }
  for (const MethodPrivilege& entry : MethodPrivileges()) EXPECT_TRUE(methods.contains(entry.method)) << entry.method;
}

}  // namespace
}  // namespace saker::auth
