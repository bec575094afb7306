// The regex filter over ICU's expressions: Milvus documents look-around, which RE2 has not.
#include <unicode/uregex.h>
#include <unicode/ustring.h>

#include "server/analyzer/filters.h"
#include "server/analyzer/object_pool.h"

namespace saker::analyzer {
namespace {

// What one token may cost: some milliseconds, by ICU's own count of steps, and memory for going back.
constexpr int32_t kTimeLimit = 20;
constexpr int32_t kStackBytes = 1 << 20;
constexpr size_t kMaxExpressionBytes = 4096;

struct CloseRegex {
  void operator()(URegularExpression* regex) const { uregex_close(regex); }
};
using Pool = ObjectPool<URegularExpression, CloseRegex>;

void ToUtf16(std::string_view text, std::u16string* out) {
  out->resize(text.size() + 1);  // never more units than bytes
  UErrorCode error = U_ZERO_ERROR;
  int32_t length = 0;
  u_strFromUTF8(out->data(), static_cast<int32_t>(out->size()), &length, text.data(), static_cast<int32_t>(text.size()), &error);
  CHECK(U_SUCCESS(error));  // the text was checked
  out->resize(static_cast<size_t>(length));
}

// With the limits, which ICU's clones do not inherit.
Pool::Pointer Clone(const URegularExpression* pattern, UErrorCode* error) {
  Pool::Pointer regex(uregex_clone(pattern, error));
  if (U_SUCCESS(*error)) uregex_setTimeLimit(regex.get(), kTimeLimit, error);
  if (U_SUCCESS(*error)) uregex_setStackLimit(regex.get(), kStackBytes, error);
  return regex;
}

class Regex : public TokenFilter {
 public:
  explicit Regex(Pool::Pointer first) : pattern_(std::move(first)) {}

  Status Apply(std::vector<Token>* tokens) const override {
    UErrorCode error = U_ZERO_ERROR;
    Pool::Pointer regex = pool_.Take([&] { return Clone(pattern_.get(), &error); });
    std::u16string units;
    std::erase_if(*tokens, [&](const Token& token) {
      if (U_FAILURE(error)) return false;
      ToUtf16(token.text, &units);
      uregex_setText(regex.get(), units.data(), static_cast<int32_t>(units.size()), &error);
      return uregex_find(regex.get(), 0, &error) == 0 && U_SUCCESS(error);
    });
    if (U_FAILURE(error)) return InvalidArgument("the regex filter gives up on a token: ", u_errorName(error));
    uregex_setText(regex.get(), u"", 0, &error);  // `units` dies here
    pool_.Return(std::move(regex));
    return OkStatus();
  }

 private:
  const Pool::Pointer pattern_;  // only cloned
  mutable Pool pool_;
};

}  // namespace

Result<FilterPtr> MakeRegex(std::string_view expression) {
  if (expression.size() > kMaxExpressionBytes) {
    return InvalidArgument("regex expression of ", expression.size(), " bytes, at most ", kMaxExpressionBytes, " are allowed");
  }
  std::u16string units;
  ToUtf16(expression, &units);
  UErrorCode error = U_ZERO_ERROR;
  UParseError place;
  Pool::Pointer regex(uregex_open(units.data(), static_cast<int32_t>(units.size()), 0, &place, &error));
  if (U_FAILURE(error)) return InvalidArgument("regex expression invalid, expr:", expression, ", err: ", u_errorName(error));
  return FilterPtr(new Regex(std::move(regex)));
}

}  // namespace saker::analyzer
