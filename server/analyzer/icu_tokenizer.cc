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

bool HasWord(std::string_view segment) {
  const CharTable& table = CharTable::Get();
  for (size_t at = 0; at < segment.size();) {
    if ((table.Flags(NextChar(segment, &at)) & (kAlphanumeric | kEmoji)) != 0) return true;
  }
  return false;
}

class IcuTokenizer : public Tokenizer {
 public:
  IcuTokenizer(Segments segments, Pool::Pointer first) : segments_(segments) { pool_.Return(std::move(first)); }

  Status Tokenize(std::string_view text, std::vector<Token>* out) const override {
    if (text.empty()) return OkStatus();
    UErrorCode error = U_ZERO_ERROR;
    Pool::Pointer iterator = pool_.Take([&] { return Open(&error); });
    const std::unique_ptr<UText, CloseText> view(utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &error));
    if (U_SUCCESS(error)) ubrk_setUText(iterator.get(), view.get(), &error);
    if (U_FAILURE(error)) return ResourceExhausted("ICU cannot break a text of ", text.size(), " bytes: ", u_errorName(error));
    uint32_t position = 0;
    int32_t start = ubrk_first(iterator.get());
    for (int32_t end = ubrk_next(iterator.get()); end != UBRK_DONE; start = end, end = ubrk_next(iterator.get())) {
      const std::string_view segment = text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start));
      const auto chars = static_cast<uint32_t>(CountChars(segment));
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
  const Segments segments_;
  mutable Pool pool_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> MakeIcuTokenizer(Segments segments) {
  UErrorCode error = U_ZERO_ERROR;
  Pool::Pointer first = IcuTokenizer::Open(&error);
  if (U_FAILURE(error)) return Unavailable("ICU has no word boundaries: ", u_errorName(error));
  return std::unique_ptr<Tokenizer>(new IcuTokenizer(segments, std::move(first)));
}

}  // namespace saker::analyzer
