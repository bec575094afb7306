#include "server/analyzer/tokenizers.h"

#include "server/analyzer/unicode.h"

namespace saker::analyzer {
namespace {

class StandardTokenizer : public Tokenizer {
 public:
  void Tokenize(std::string_view text, std::vector<Token>* out) const override {
    const CharTable& table = CharTable::Get();
    uint32_t position = 0;
    size_t start = 0;
    bool inside = false;
    const auto finish = [&](size_t end) {
      if (!inside) return;
      out->push_back(
          {std::string(text.substr(start, end - start)), static_cast<uint32_t>(start), static_cast<uint32_t>(end), position++, 1});
      inside = false;
    };
    for (size_t at = 0; at < text.size();) {
      const size_t before = at;
      if ((table.Flags(NextChar(text, &at)) & kAlphanumeric) == 0) {
        finish(before);
      } else if (!inside) {
        inside = true;
        start = before;
      }
    }
    finish(text.size());
  }
};

}  // namespace

std::unique_ptr<Tokenizer> MakeStandardTokenizer() {
  return std::make_unique<StandardTokenizer>();
}

}  // namespace saker::analyzer
