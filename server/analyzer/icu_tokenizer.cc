// The tokenizer over ICU's word boundaries: the one place with its break iterator.
#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include "server/analyzer/object_pool.h"
#include "server/analyzer/tokenizers.h"
#include "server/analyzer/unicode.h"

namespace saker::analyzer {
namespace {

struct CloseIterator {
  void operator()(UBreakIterator* iterator) const { ubrk_close(iterator); }
};
struct CloseText {
  void operator()(UText* text) const { utext_close(text); }
};
using Pool = ObjectPool<UBreakIterator, CloseIterator>;

using View = std::unique_ptr<UText, CloseText>;

bool HasWord(std::string_view segment) {
  const CharTable& table = CharTable::Get();
  for (size_t at = 0; at < segment.size();) {
    if ((table.Flags(NextChar(segment, &at)) & (kAlphanumeric | kEmoji)) != 0) return true;
  }
  return false;
}

bool AllHan(std::string_view segment) {
  const CharTable& table = CharTable::Get();
  for (size_t at = 0; at < segment.size();) {
    if ((table.Flags(NextChar(segment, &at)) & kHan) == 0) return false;
  }
  return true;
}

enum class Shorter { kNo, kToo };  // words inside of words

class IcuTokenizer : public Tokenizer {
 public:
  IcuTokenizer(Segments segments, Shorter shorter, Pool::Pointer first) : segments_(segments), shorter_(shorter) {
    pool_.Return(std::move(first));
  }

  Status Tokenize(std::string_view text, std::vector<Token>* out) const override {
    if (text.empty()) return OkStatus();
    UErrorCode error = U_ZERO_ERROR;
    Pool::Pointer iterator = pool_.Take([&] { return Open(&error); });
    const View view(utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &error));
    if (U_SUCCESS(error)) ubrk_setUText(iterator.get(), view.get(), &error);
    if (U_FAILURE(error)) return ResourceExhausted("ICU cannot break a text of ", text.size(), " bytes: ", u_errorName(error));
    uint32_t position = 0;
    int32_t start = ubrk_first(iterator.get());
    for (int32_t end = ubrk_next(iterator.get()); end != UBRK_DONE; start = end, end = ubrk_next(iterator.get())) {
      const std::string_view segment = text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start));
      const auto chars = static_cast<uint32_t>(CountChars(segment));
      if (shorter_ == Shorter::kToo && chars > 2 && AllHan(segment)) {
        TRY(AppendShorter(segment, static_cast<uint32_t>(start), position, out));
      }
      if (segments_ == Segments::kAll || HasWord(segment)) {
        out->push_back({std::string(segment), static_cast<uint32_t>(start), static_cast<uint32_t>(end), position, chars});
      }
      position += chars;
    }
    // The view dies with this call, so that the iterator must not go on pointing at it.
    ubrk_setText(iterator.get(), u"", 0, &error);
    pool_.Return(std::move(iterator));
    return OkStatus();
  }

  static Pool::Pointer Open(UErrorCode* error) { return Pool::Pointer(ubrk_open(UBRK_WORD, "", nullptr, 0, error)); }

 private:
  // Pairs, then triples if the word is longer, of its characters that are words by themselves.
  Status AppendShorter(std::string_view word, uint32_t start, uint32_t position, std::vector<Token>* out) const {
    std::vector<uint32_t> places;  // of the characters, and the end
    for (size_t at = 0; at < word.size(); NextChar(word, &at)) places.push_back(static_cast<uint32_t>(at));
    places.push_back(static_cast<uint32_t>(word.size()));
    const size_t chars = places.size() - 1;
    UErrorCode error = U_ZERO_ERROR;
    Pool::Pointer iterator = pool_.Take([&] { return Open(&error); });
    View view;
    for (uint32_t length = 2; length <= 3 && length < chars; ++length) {
      for (size_t i = 0; i + length <= chars && U_SUCCESS(error); ++i) {
        const std::string_view part = word.substr(places[i], places[i + length] - places[i]);
        view.reset(utext_openUTF8(view.release(), part.data(), static_cast<int64_t>(part.size()), &error));
        ubrk_setUText(iterator.get(), view.get(), &error);
        ubrk_first(iterator.get());
        if (U_FAILURE(error) || ubrk_next(iterator.get()) != static_cast<int32_t>(part.size())) continue;
        out->push_back({std::string(part), start + places[i], start + places[i + length], position + static_cast<uint32_t>(i), length});
      }
    }
    if (U_FAILURE(error)) return ResourceExhausted("ICU cannot break a word of ", word.size(), " bytes: ", u_errorName(error));
    ubrk_setText(iterator.get(), u"", 0, &error);
    pool_.Return(std::move(iterator));
    return OkStatus();
  }

  const Segments segments_;
  const Shorter shorter_;
  mutable Pool pool_;
};

Result<std::unique_ptr<Tokenizer>> Make(Segments segments, Shorter shorter) {
  UErrorCode error = U_ZERO_ERROR;
  Pool::Pointer first = IcuTokenizer::Open(&error);
  if (U_FAILURE(error)) return Unavailable("ICU has no word boundaries: ", u_errorName(error));
  return std::unique_ptr<Tokenizer>(new IcuTokenizer(segments, shorter, std::move(first)));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> MakeIcuTokenizer(Segments segments) {
  return Make(segments, Shorter::kNo);
}

Result<std::unique_ptr<Tokenizer>> MakeIcuSearchTokenizer() {
  return Make(Segments::kAll, Shorter::kToo);
}

}  // namespace saker::analyzer
