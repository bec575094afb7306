// The stemmer filter over libstemmer: the one place with its header.

#include <libstemmer.h>

#include "common/mutex.h"
#include "server/analyzer/filters.h"

namespace saker::analyzer {
namespace {

struct Deleter {
  void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
};
using StemmerPtr = std::unique_ptr<sb_stemmer, Deleter>;

// A libstemmer object has a state, so that each call of Apply borrows one for itself; as many exist as calls ran at once.
class Stemmer : public TokenFilter {
 public:
  explicit Stemmer(std::string language) : language_(std::move(language)) {}

  Status Apply(std::vector<Token>* tokens) const override {
    if (tokens->empty()) return OkStatus();
    StemmerPtr stemmer = Borrow();
    if (stemmer == nullptr) return ResourceExhausted("there is no memory for a stemmer of ", language_);
    for (Token& token : *tokens) {
      const auto* bytes = reinterpret_cast<const sb_symbol*>(token.text.data());
      const sb_symbol* stem = sb_stemmer_stem(stemmer.get(), bytes, static_cast<int>(token.text.size()));
      if (stem == nullptr) return ResourceExhausted("there is no memory to stem a word of ", token.text.size(), " bytes");
      token.text.assign(reinterpret_cast<const char*>(stem), static_cast<size_t>(sb_stemmer_length(stemmer.get())));
    }
    MutexLock lock(mutex_);
    idle_.push_back(std::move(stemmer));
    return OkStatus();
  }

 private:
  StemmerPtr Borrow() const {
    MutexLock lock(mutex_);
    if (idle_.empty()) return StemmerPtr(sb_stemmer_new(language_.c_str(), "UTF_8"));
    StemmerPtr stemmer = std::move(idle_.back());
    idle_.pop_back();
    return stemmer;
  }

  const std::string language_;
  mutable Mutex mutex_;
  mutable std::vector<StemmerPtr> idle_ GUARDED_BY(mutex_);
};

// Milvus' languages; "arabig" is a name that Milvus has accepted since its first version.
constexpr std::string_view kLanguages[] = {"arabic",   "danish",  "dutch",     "english", "finnish",   "french",
                                           "german",   "greek",   "hungarian", "italian", "norwegian", "portuguese",
                                           "romanian", "russian", "spanish",   "swedish", "tamil",     "turkish"};

}  // namespace

Result<std::unique_ptr<TokenFilter>> MakeStemmer(std::string_view language) {
  std::string name(language == "arabig" ? "arabic" : language);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  for (const std::string_view known : kLanguages) {
    if (known == name && StemmerPtr(sb_stemmer_new(name.c_str(), "UTF_8")) != nullptr)
      return std::unique_ptr<TokenFilter>(new Stemmer(name));
  }
  return InvalidArgument("create stemmer failed : unsupport language: ", language);
}

}  // namespace saker::analyzer
