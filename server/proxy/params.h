// Parameters as clients send them: flat texts, a JSON object under "params", or both.
//
// Values are texts: numbers of the JSON object as written, nested values as JSON. Booleans may come as "True", "true"
// or "1". Keys that nobody asks for are ignored. A value; not thread-safe while built.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "server/schema/schema.h"

namespace saker::proxy {

enum class Duplicates { kFirstWins, kRefused };

class Params {
 public:
  // Flat keys come first, then those of "params". Invalid (1100) when "params" is no JSON object.
  static Result<Params> Parse(const KeyValues& source, Duplicates duplicates = Duplicates::kFirstWins);

  const std::string* Find(std::string_view key) const { return FindValue(values_, key); }
  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  // Absent or empty: nullopt. Invalid names key and value.
  Result<std::optional<int64_t>> Integer(std::string_view key) const;
  Result<std::optional<double>> Number(std::string_view key) const;
  Result<std::optional<bool>> Boolean(std::string_view key) const;
  std::string Text(std::string_view key) const;  // empty when absent

  const KeyValues& values() const { return values_; }

 private:
  KeyValues values_;
};

bool ParseInteger(std::string_view text, int64_t* value);
bool ParseNumber(std::string_view text, double* value);
bool ParseBoolean(std::string_view text, bool* value);
std::string UpperCase(std::string_view text);
std::string LowerCase(std::string_view text);

}  // namespace saker::proxy
