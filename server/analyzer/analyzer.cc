#include "server/analyzer/analyzer.h"

#include <utility>

#include <unicode/uversion.h>
#include <zlib.h>

#include "server/analyzer/build.h"
#include "server/analyzer/unicode.h"

namespace saker::analyzer {
namespace {

class PipelineAnalyzer : public Analyzer {
 public:
  explicit PipelineAnalyzer(Pipeline pipeline) : pipeline_(std::move(pipeline)) {}

  Status Analyze(std::string_view text, std::vector<Token>* out) const override {
    out->clear();
    if (text.size() > kMaxTextBytes) return InvalidArgument("a text of ", text.size(), " bytes, an analyzer takes at most ", kMaxTextBytes);
    const size_t valid = ValidUtf8Prefix(text);
    if (valid != text.size()) return InvalidArgument("string data must be utf8 format, byte ", valid, " is not");
    TRY(pipeline_.tokenizer->Tokenize(text, out));
    for (const auto& filter : pipeline_.filters) TRY(filter->Apply(out));
    return OkStatus();
  }

 private:
  const Pipeline pipeline_;
};

}  // namespace

Result<std::shared_ptr<const Analyzer>> Analyzer::Make(std::string_view params_json) {
  return std::shared_ptr<const Analyzer>(std::make_shared<PipelineAnalyzer>(TRY(BuildPipeline(params_json))));
}

std::string Version() {
  constexpr int kOurs = 2;  // counts up with every change of what a tokenizer or a filter makes
  UVersionInfo icu;
  u_getVersion(icu);
  return internal::Join("tokens ", kOurs, " ICU ", int{icu[0]}, ".", int{icu[1]});
}

uint32_t TermId(std::string_view token) {
  constexpr size_t kHashedBytes = 100;
  const std::string_view hashed = token.substr(0, kHashedBytes);
  const auto crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(hashed.data()), static_cast<uInt>(hashed.size())));
  return crc % UINT32_MAX;
}

}  // namespace saker::analyzer
