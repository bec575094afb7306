#include "server/proxy/term_rows.h"

#include <algorithm>
#include <thread>

#include "server/proxy/refusal.h"

namespace saker::proxy {
namespace {

constexpr size_t kRowsPerTask = 128;

// Makes rows one after another; not thread-safe.
class TermCounter {
 public:
  // Appends the text's pairs to *out.
  Status Count(const analyzer::Analyzer& analyzer, std::string_view text, std::string* out) {
    if (text.empty()) return OkStatus();
    TRY(analyzer.Analyze(text, &tokens_));
    terms_.clear();
    for (const analyzer::Token& token : tokens_) terms_.push_back(analyzer::TermId(token.text));
    std::sort(terms_.begin(), terms_.end());
    for (size_t i = 0; i < terms_.size();) {
      const size_t begin = i;
      while (i < terms_.size() && terms_[i] == terms_[begin]) ++i;
      const auto frequency = static_cast<float>(i - begin);
      out->append(reinterpret_cast<const char*>(&terms_[begin]), sizeof(uint32_t));
      out->append(reinterpret_cast<const char*>(&frequency), sizeof frequency);
    }
    return OkStatus();
  }

 private:
  std::vector<analyzer::Token> tokens_;
  std::vector<uint32_t> terms_;
};

Status InRow(const FunctionSchema& function, size_t row, const Status& status) {
  return Invalid("function ", function.name, ": field ", function.inputs.front(), ", row ", row, ": ", status.message());
}

}  // namespace

Result<Column> MakeTermRows(const CollectionSchema& schema, const FunctionSchema& function, const MatchedColumns& columns,
                            FieldAnalyzers* analyzers, WorkerPool* pool, size_t max_bytes, const Context& context) {
  const FieldSchema& input = *schema.Find(function.inputs.front());
  const Column& texts = *columns[static_cast<size_t>(schema.FieldIndex(input.name))];
  const FieldAnalyzer analyzer = TRY(analyzers->Of(input));
  const Column* names = nullptr;
  if (analyzer.many != nullptr) {
    const int place = schema.FieldIndex(analyzer.many->by_field());
    if (place < 0 || !IsString(schema.fields[static_cast<size_t>(place)].type)) {
      return Invalid("function ", function.name, ": analyzers are chosen by field ", analyzer.many->by_field(),
                     ", which is no VarChar field");
    }
    names = &*columns[static_cast<size_t>(place)];
  }
  const size_t rows = texts.row_count();
  const size_t tasks = std::max<size_t>(1, std::min<size_t>(rows / kRowsPerTask, std::thread::hardware_concurrency()));
  std::vector<Column> parts(tasks, Column(*schema.Find(function.outputs.front())));
  const auto run = [&](size_t task) -> Status {
    TermCounter counter;
    std::string pairs;
    for (size_t row = rows * task / tasks; row < rows * (task + 1) / tasks; ++row) {
      if (row % 64 == 0) TRY(context.Check());
      pairs.clear();
      if (texts.IsValid(row)) {
        const std::string_view name = names != nullptr && names->IsValid(row) ? names->Text(row) : std::string_view();
        const Status counted = counter.Count(analyzer.For(name), texts.Text(row), &pairs);
        if (!counted.ok()) return InRow(function, row, counted);
      }
      parts[task].AppendVariable(pairs);
      if (parts[task].bytes().size() <= max_bytes) continue;
      return MilvusError(MilvusErrorCode::kParameterTooLarge, "parameter too large: function ", function.name, " makes more than ",
                         max_bytes, " bytes of field ", function.outputs.front(), "; at most that is taken in one request");
    }
    return OkStatus();
  };
  if (tasks == 1) {
    TRY(run(0));
    return std::move(parts[0]);
  }
  TaskGroup group(*pool);
  for (size_t task = 0; task < tasks; ++task) group.Run([&run, task] { return run(task); });
  TRY(group.Wait());
  size_t bytes = 0;
  for (const Column& part : parts) bytes += part.bytes().size();
  Column whole(*schema.Find(function.outputs.front()));
  whole.Reserve(rows, bytes);
  for (const Column& part : parts) whole.AppendRange(part, 0, part.row_count());
  return whole;
}

Result<std::vector<std::string>> MakeTermQueries(const CollectionSchema& schema, const FunctionSchema& function,
                                                 std::span<const std::string> texts, const std::string& analyzer_name,
                                                 FieldAnalyzers* analyzers) {
  const FieldSchema& input = *schema.Find(function.inputs.front());
  const FieldAnalyzer analyzer = TRY(analyzers->Of(input));
  if (!analyzer_name.empty() && analyzer.many == nullptr) {
    return Invalid("analyzer_name ", analyzer_name, ": field ", input.name, " has one analyzer and no multi_analyzer_params");
  }
  TermCounter counter;
  std::vector<std::string> queries(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const Status counted = counter.Count(analyzer.For(analyzer_name), texts[i], &queries[i]);
    if (!counted.ok()) return Invalid("query text ", i, ": ", counted.message());
  }
  return queries;
}

}  // namespace saker::proxy
