// Reads tokenizer.json (vocabulary, normaliser, special tokens; its truncation and padding blocks are leftovers and
// ignored, as sentence-transformers and TEI ignore them) or vocab.txt.
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "common/file.h"
#include "embed/tokenizer/wordpiece.h"
#include "embed/weights/json_file.h"

namespace saker::embed {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

Result<object> Section(object root, const char* key, const std::string& name) {
  object section;
  if (root.at_key(key).get(section) != simdjson::SUCCESS) return InvalidArgument(name, ": \"", key, "\" is missing or not an object");
  return section;
}

Status ExpectType(object section, const char* what, const char* type, const std::string& name) {
  const auto found = TRY(JsonString(section, "type", name));
  if (found.value_or("") != type) {
    return Unimplemented(name, ": the ", what, " is \"", found.value_or("(none)"), "\"; only ", type, " is supported");
  }
  return OkStatus();
}

Status ReadNormalizer(object root, const std::string& name, WordPieceConfig* config) {
  const object section = TRY(Section(root, "normalizer", name));
  TRY(ExpectType(section, "normalizer", "BertNormalizer", name));
  config->clean_text = TRY(JsonBool(section, "clean_text", name)).value_or(true);
  config->handle_chinese_chars = TRY(JsonBool(section, "handle_chinese_chars", name)).value_or(true);
  config->lowercase = TRY(JsonBool(section, "lowercase", name)).value_or(true);
  config->strip_accents = TRY(JsonBool(section, "strip_accents", name)).value_or(config->lowercase);
  return OkStatus();
}

Status ReadModel(object root, const std::string& name, WordPieceConfig* config) {
  const object model = TRY(Section(root, "model", name));
  const auto type = TRY(JsonString(model, "type", name));
  if (type && *type != "WordPiece") return Unimplemented(name, ": the model is \"", *type, "\"; only WordPiece is supported");
  config->unk_token = TRY(JsonString(model, "unk_token", name)).value_or("[UNK]");
  config->continuing_prefix = TRY(JsonString(model, "continuing_subword_prefix", name)).value_or("##");
  const int64_t max_chars = TRY(JsonInteger(model, "max_input_chars_per_word", name)).value_or(100);
  if (max_chars < 1 || max_chars > 1 << 20) return InvalidArgument(name, ": max_input_chars_per_word is ", max_chars);
  config->max_chars_per_word = static_cast<size_t>(max_chars);
  const object vocab = TRY(Section(model, "vocab", name));
  for (const auto& field : vocab) {
    int64_t id;
    if (field.value.get(id) != simdjson::SUCCESS || id < 0 || id > INT32_MAX) {
      return InvalidArgument(name, ": the id of piece \"", field.key, "\" is not a number from 0");
    }
    config->pieces.emplace_back(field.key, static_cast<int32_t>(id));
  }
  return OkStatus();
}

Status ReadAddedTokens(object root, const std::string& name, WordPieceConfig* config) {
  array tokens;
  if (root.at_key("added_tokens").get(tokens) != simdjson::SUCCESS) return OkStatus();
  for (const element token : tokens) {
    object fields;
    if (token.get(fields) != simdjson::SUCCESS) return InvalidArgument(name, ": an added token is not an object");
    const auto content = TRY(JsonString(fields, "content", name));
    const auto id = TRY(JsonInteger(fields, "id", name));
    if (!content || !id || *id < 0 || *id > INT32_MAX) return InvalidArgument(name, ": an added token lacks its content or id");
    for (const char* option : {"single_word", "normalized"}) {
      if (TRY(JsonBool(fields, option, name)).value_or(false)) {
        return Unimplemented(name, ": the added token \"", *content, "\" has ", option, ", which is not supported");
      }
    }
    config->added_tokens.emplace_back(*content, static_cast<int32_t>(*id));
  }
  return OkStatus();
}

// The names of the tokens that the template puts around one text: the first and the last special token.
Status ReadTemplate(object root, const std::string& name, WordPieceConfig* config) {
  const object section = TRY(Section(root, "post_processor", name));
  const auto type = TRY(JsonString(section, "type", name));
  if (type == "BertProcessing") {
    for (const auto& [key, token] : {std::pair{"cls", &config->cls_token}, std::pair{"sep", &config->sep_token}}) {
      array pair;
      std::string_view text;
      if (section.at_key(key).get(pair) != simdjson::SUCCESS || pair.at(0).get(text) != simdjson::SUCCESS) {
        return InvalidArgument(name, ": the post_processor's \"", key, "\" is not [token, id]");
      }
      *token = std::string(text);
    }
    return OkStatus();
  }
  TRY(ExpectType(section, "post_processor", "TemplateProcessing", name));
  array single;
  if (section.at_key("single").get(single) != simdjson::SUCCESS) return InvalidArgument(name, ": the template has no \"single\"");
  std::vector<std::string> parts;  // "" stands for the text
  for (const element part : single) {
    std::string_view id;
    if (part["SpecialToken"]["id"].get(id) != simdjson::SUCCESS) id = "";
    parts.emplace_back(id);
  }
  if (parts.size() != 3 || parts[0].empty() || !parts[1].empty() || parts[2].empty()) {
    return Unimplemented(name, ": the template is not one special token, the text, one special token");
  }
  config->cls_token = parts[0];
  config->sep_token = parts[2];
  return OkStatus();
}

Result<std::unique_ptr<Tokenizer>> FromTokenizerJson(const std::string& path) {
  const JsonDocument document = TRY(JsonDocument::Load(path));
  object root;
  if (document.root().get(root) != simdjson::SUCCESS) return InvalidArgument(path, " is not a JSON object");
  WordPieceConfig config;
  TRY(ReadModel(root, path, &config));
  TRY(ReadNormalizer(root, path, &config));
  const object pre_tokenizer = TRY(Section(root, "pre_tokenizer", path));
  TRY(ExpectType(pre_tokenizer, "pre_tokenizer", "BertPreTokenizer", path));
  TRY(ReadAddedTokens(root, path, &config));
  TRY(ReadTemplate(root, path, &config));
  auto tokenizer = WordPieceTokenizer::Create(std::move(config));
  if (!tokenizer.ok()) return MakeStatus(tokenizer.status().code(), path, ": ", tokenizer.status().message());
  return tokenizer;
}

Result<std::unique_ptr<Tokenizer>> FromVocabularyText(const std::filesystem::path& directory) {
  const std::string path = (directory / "vocab.txt").string();
  const std::string text = TRY(ReadModelFile(path, kJsonFileLimitBytes));
  WordPieceConfig config;
  int32_t id = 0;
  std::unordered_map<std::string, size_t> index_of;
  for (size_t at = 0; at < text.size(); ++id) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line(text.data() + at, end - at);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
    at = end + 1;
    if (line.empty()) continue;
    const auto [place, fresh] = index_of.try_emplace(std::string(line), config.pieces.size());
    if (fresh) {
      config.pieces.emplace_back(line, id);
    } else {
      config.pieces[place->second].second = id;  // the reference keeps the last of two equal lines
    }
  }
  const std::string settings = (directory / "tokenizer_config.json").string();
  if (FileSystem::Posix().Exists(settings)) {
    const JsonDocument document = TRY(JsonDocument::Load(settings));
    object root;
    if (document.root().get(root) != simdjson::SUCCESS) return InvalidArgument(settings, " is not a JSON object");
    config.lowercase = TRY(JsonBool(root, "do_lower_case", settings)).value_or(true);
    config.strip_accents = TRY(JsonBool(root, "strip_accents", settings)).value_or(config.lowercase);
    config.handle_chinese_chars = TRY(JsonBool(root, "tokenize_chinese_chars", settings)).value_or(true);
  }
  for (const char* special : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    const auto place = index_of.find(special);
    if (place != index_of.end()) config.added_tokens.push_back(config.pieces[place->second]);
  }
  auto tokenizer = WordPieceTokenizer::Create(std::move(config));
  if (!tokenizer.ok()) return MakeStatus(tokenizer.status().code(), path, ": ", tokenizer.status().message());
  return tokenizer;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::string& directory) {
  const std::filesystem::path root(directory);
  const std::string json = (root / "tokenizer.json").string();
  if (FileSystem::Posix().Exists(json)) return FromTokenizerJson(json);
  if (FileSystem::Posix().Exists((root / "vocab.txt").string())) return FromVocabularyText(root);
  return NotFound(directory, " has neither tokenizer.json nor vocab.txt");
}

}  // namespace saker::embed
