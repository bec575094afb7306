// The stemmer filter over libstemmer: the one place with its header.
//
// A stemmer takes most of the time of an analysis, and a few thousand words are nearly all of a language's running text: each
// thread remembers the stems of the words it met.
#include <libstemmer.h>

#include <array>
#include <functional>
#include <memory>
#include <tuple>

#include "server/analyzer/filters.h"
#include "server/analyzer/object_pool.h"

namespace saker::analyzer {
namespace {

struct DeleteStemmer {
  void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
};
using Pool = ObjectPool<sb_stemmer, DeleteStemmer>;

// Of one thread, all stemmers together: 192 KiB, whatever collections there are. A word has one place, where the last one stays.
class StemCache {
 public:
  static StemCache& OfThread() {
    thread_local const std::unique_ptr<StemCache> cache = std::make_unique<StemCache>();
    return *cache;
  }

  // Replaces *word by its stem if that is known.
  bool Replace(uint8_t language, std::string* word) const {
    const Entry& entry = entries_[PlaceOf(language, *word)];
    if (entry.language != language || entry.Word() != *word) return false;
    word->assign(entry.bytes.data() + entry.word_size, entry.stem_size);
    return true;
  }

  void Keep(uint8_t language, std::string_view word, std::string_view stem) {
    Entry& entry = entries_[PlaceOf(language, word)];
    if (word.size() + stem.size() > entry.bytes.size()) return;
    entry.language = language;
    entry.word_size = static_cast<uint8_t>(word.size());
    entry.stem_size = static_cast<uint8_t>(stem.size());
    word.copy(entry.bytes.data(), word.size());
    stem.copy(entry.bytes.data() + word.size(), stem.size());
  }

 private:
  struct Entry {
    uint8_t language = 0;  // 0: empty
    uint8_t word_size = 0;
    uint8_t stem_size = 0;
    std::array<char, 45> bytes = {};  // the word, then its stem
    std::string_view Word() const { return {bytes.data(), word_size}; }
  };
  static size_t PlaceOf(uint8_t language, std::string_view word) {
    return (std::hash<std::string_view>()(word) + language) % std::tuple_size_v<decltype(entries_)>;
  }

  std::array<Entry, 4096> entries_;
};

class Stemmer : public TokenFilter {
 public:
  Stemmer(std::string language, uint8_t number) : language_(std::move(language)), number_(number) {}

  Status Apply(std::vector<Token>* tokens) const override {
    if (tokens->empty()) return OkStatus();
    Pool::Pointer stemmer = pool_.Take([&] { return Pool::Pointer(sb_stemmer_new(language_.c_str(), "UTF_8")); });
    if (stemmer == nullptr) return ResourceExhausted("there is no memory for a stemmer of ", language_);
    StemCache& cache = StemCache::OfThread();
    for (Token& token : *tokens) {
      if (cache.Replace(number_, &token.text)) continue;
      const auto* bytes = reinterpret_cast<const sb_symbol*>(token.text.data());
      const sb_symbol* stem = sb_stemmer_stem(stemmer.get(), bytes, static_cast<int>(token.text.size()));
      if (stem == nullptr) return ResourceExhausted("there is no memory to stem a word of ", token.text.size(), " bytes");
      const std::string_view made(reinterpret_cast<const char*>(stem), static_cast<size_t>(sb_stemmer_length(stemmer.get())));
      cache.Keep(number_, token.text, made);
      token.text.assign(made);
    }
    pool_.Return(std::move(stemmer));
    return OkStatus();
  }

 private:
  const std::string language_;
  const uint8_t number_;  // of the language, from 1
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
  uint8_t number = 0;
  for (const std::string_view known : kLanguages) {
    ++number;
    if (known == name) return FilterPtr(new Stemmer(name, number));
  }
  return InvalidArgument("create stemmer failed : unsupport language: ", language);
}

}  // namespace saker::analyzer
