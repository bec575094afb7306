// The stemmer filter over libstemmer: the one place with its header.
#include <libstemmer.h>

#include "server/analyzer/filters.h"
#include "server/analyzer/object_pool.h"

namespace saker::analyzer {
namespace {

struct DeleteStemmer {
  void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
};
using Pool = ObjectPool<sb_stemmer, DeleteStemmer>;

class Stemmer : public TokenFilter {
 public:
  explicit Stemmer(std::string language) : language_(std::move(language)) {}

  Status Apply(std::vector<Token>* tokens) const override {
    if (tokens->empty()) return OkStatus();
    Pool::Pointer stemmer = pool_.Take([&] { return Pool::Pointer(sb_stemmer_new(language_.c_str(), "UTF_8")); });
    if (stemmer == nullptr) return ResourceExhausted("there is no memory for a stemmer of ", language_);
    for (Token& token : *tokens) {
      const auto* bytes = reinterpret_cast<const sb_symbol*>(token.text.data());
      const sb_symbol* stem = sb_stemmer_stem(stemmer.get(), bytes, static_cast<int>(token.text.size()));
      if (stem == nullptr) return ResourceExhausted("there is no memory to stem a word of ", token.text.size(), " bytes");
      token.text.assign(reinterpret_cast<const char*>(stem), static_cast<size_t>(sb_stemmer_length(stemmer.get())));
    }
    pool_.Return(std::move(stemmer));
    return OkStatus();
  }

 private:
  const std::string language_;
  mutable Pool pool_;
};

// Milvus' languages.
constexpr std::string_view kLanguages[] = {"arabic",   "danish",  "dutch",     "english", "finnish",   "french",
                                           "german",   "greek",   "hungarian", "italian", "norwegian", "portuguese",
                                           "romanian", "russian", "spanish",   "swedish", "tamil",     "turkish"};

}  // namespace

Result<FilterPtr> MakeStemmer(std::string_view language) {
  std::string name(language);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  if (name == "arabig") name = "arabic";  // a name that Milvus has accepted since its first version
  for (const std::string_view known : kLanguages) {
    if (known == name) return FilterPtr(new Stemmer(name));
  }
  return InvalidArgument("create stemmer failed : unsupport language: ", language);
}

}  // namespace saker::analyzer
