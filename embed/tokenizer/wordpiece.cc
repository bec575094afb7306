#include "embed/tokenizer/wordpiece.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"
#include "embed/tokenizer/unicode.h"

namespace saker::embed {
namespace {

constexpr size_t kMaxPieceBytes = 1024;  // a longer piece is a broken vocabulary
constexpr int32_t kMaxId = 1 << 24;

Status CheckPieces(const std::vector<std::pair<std::string, int32_t>>& pieces, const char* what) {
  std::vector<std::string_view> seen;
  seen.reserve(pieces.size());
  for (const auto& [piece, id] : pieces) {
    if (id < 0 || id >= kMaxId) return InvalidArgument(what, " \"", piece, "\" has the id ", id, "; ids are 0 to ", kMaxId - 1);
    if (piece.size() > kMaxPieceBytes) return InvalidArgument(what, " ", id, " has ", piece.size(), " bytes, over ", kMaxPieceBytes);
    seen.push_back(piece);
  }
  std::sort(seen.begin(), seen.end());
  const auto twice = std::adjacent_find(seen.begin(), seen.end());
  if (twice != seen.end()) return InvalidArgument(what, " \"", *twice, "\" appears twice");
  return OkStatus();
}

Trie BuildTrie(const std::vector<std::pair<std::string, int32_t>>& pieces) {
  std::vector<Trie::Entry> entries;
  entries.reserve(pieces.size());
  for (const auto& [piece, id] : pieces) {
    if (!piece.empty()) entries.emplace_back(piece, id);  // an empty line of a vocabulary takes an id and matches nothing
  }
  return Trie(std::move(entries));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> WordPieceTokenizer::Create(WordPieceConfig config) {
  if (config.pieces.empty()) return InvalidArgument("the vocabulary is empty");
  TRY(CheckPieces(config.pieces, "vocabulary piece"));
  TRY(CheckPieces(config.added_tokens, "added token"));
  if (config.continuing_prefix.empty()) return Unimplemented("WordPiece without a continuing_subword_prefix");
  std::unique_ptr<WordPieceTokenizer> tokenizer(new WordPieceTokenizer(std::move(config)));
  const std::pair<const std::string&, int32_t> needed[] = {{tokenizer->config_.unk_token, tokenizer->unk_id_},
                                                           {tokenizer->config_.cls_token, tokenizer->cls_id_},
                                                           {tokenizer->config_.sep_token, tokenizer->sep_id_}};
  for (const auto& [token, id] : needed) {
    if (id < 0) return InvalidArgument("the vocabulary has no \"", token, "\" among its ", tokenizer->config_.pieces.size(), " pieces");
  }
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

WordPieceTokenizer::WordPieceTokenizer(WordPieceConfig config)
    : config_(std::move(config)), pieces_(BuildTrie(config_.pieces)), added_(BuildTrie(config_.added_tokens)) {
  continuing_node_ = pieces_.Walk(Trie::kRoot, config_.continuing_prefix);
  const auto find = [&](const std::string& token) {
    for (const Trie* trie : {&added_, &pieces_}) {
      const uint32_t node = trie->Walk(Trie::kRoot, token);
      if (node != Trie::kNone && !token.empty() && trie->id(node) >= 0) return trie->id(node);
    }
    return -1;
  };
  unk_id_ = find(config_.unk_token);
  cls_id_ = find(config_.cls_token);
  sep_id_ = find(config_.sep_token);
  for (const auto* list : {&config_.pieces, &config_.added_tokens}) {
    for (const auto& [piece, id] : *list) vocabulary_size_ = std::max(vocabulary_size_, static_cast<size_t>(id) + 1);
  }
  for (const auto& [token, id] : config_.added_tokens) {
    if (!token.empty()) added_first_byte_[static_cast<uint8_t>(token[0])] = 1;
  }
  const UnicodeTable& unicode = UnicodeTable::Get();
  for (int c = 0; c < 128; ++c) {
    const uint8_t flags = unicode.flags(static_cast<char32_t>(c));
    ascii_class_[c] = config_.clean_text && (flags & kControl) ? kDrop
                      : flags & kWhiteSpace                    ? kSpace
                      : flags & kPunctuation                   ? kPunct
                                                               : kPlain;
    ascii_lower_[c] = static_cast<char>(config_.lowercase && c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
}

void WordPieceTokenizer::FlushWord(Word* word, std::vector<int32_t>* ids) const {
  if (word->chars == 0) return;
  std::string_view rest = word->bytes;
  const size_t first = ids->size();
  uint32_t node = Trie::kRoot;
  bool known = word->chars <= config_.max_chars_per_word;
  while (known && !rest.empty()) {
    size_t length = 0;
    const int32_t id = node == Trie::kNone ? -1 : pieces_.LongestPrefix(node, rest, &length);
    known = id >= 0;
    if (!known) break;
    ids->push_back(id);
    rest.remove_prefix(length);
    node = continuing_node_;
  }
  if (!known) {
    ids->resize(first);
    ids->push_back(unk_id_);
  }
  word->bytes.clear();
  word->chars = 0;
}

// A character after every mapping: it ends the word, is a word of its own, or extends the word.
void WordPieceTokenizer::AppendNormalized(char32_t c, Word* word, std::vector<int32_t>* ids) const {
  const uint8_t flags = UnicodeTable::Get().flags(c);
  if (flags & kWhiteSpace) return FlushWord(word, ids);
  const bool alone = flags & kPunctuation;
  if (alone) FlushWord(word, ids);
  AppendUtf8(c, &word->bytes);
  ++word->chars;
  if (alone) FlushWord(word, ids);
}

// NFD also reorders marks; that only matters between marks that are kept (category Mc with a combining class: Hangul
// tone marks and musical symbols), which no vocabulary holds, so characters are decomposed one by one.
void WordPieceTokenizer::AppendCodePoint(char32_t c, Word* word, std::vector<int32_t>* ids) const {
  const UnicodeTable& unicode = UnicodeTable::Get();
  const uint8_t flags = unicode.flags(c);
  if (config_.clean_text && (flags & kControl)) return;
  if (config_.clean_text && (flags & kWhiteSpace)) return FlushWord(word, ids);
  const bool spaced = config_.handle_chinese_chars && (flags & kCjk);
  if (spaced) FlushWord(word, ids);
  char32_t parts[UnicodeTable::kMaxDecomposition] = {c};
  size_t count = 1;
  if (config_.strip_accents && (flags & kDecomposes)) count = unicode.Decompose(c, parts);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t part_flags = unicode.flags(parts[i]);
    if (config_.strip_accents && (part_flags & kMark)) continue;
    if (!config_.lowercase || !(part_flags & kLowers)) {
      AppendNormalized(parts[i], word, ids);
      continue;
    }
    char32_t lower[2];
    const size_t lower_count = unicode.Lower(parts[i], lower);
    for (size_t k = 0; k < lower_count; ++k) AppendNormalized(lower[k], word, ids);
  }
  if (spaced) FlushWord(word, ids);
}

// `text` is valid UTF-8 and holds no added token.
void WordPieceTokenizer::AppendSegment(std::string_view text, std::vector<int32_t>* ids) const {
  Word word;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    if (byte >= 0x80) {
      char32_t c = 0;
      if (!DecodeUtf8(text, &at, &c)) return;  // cannot happen: AppendText checked
      AppendCodePoint(c, &word, ids);
      continue;
    }
    ++at;
    switch (ascii_class_[byte]) {
      case kPlain:
        word.bytes.push_back(ascii_lower_[byte]);
        ++word.chars;
        break;
      case kSpace: FlushWord(&word, ids); break;
      case kPunct:
        FlushWord(&word, ids);
        word.bytes.push_back(static_cast<char>(byte));
        word.chars = 1;
        FlushWord(&word, ids);
        break;
      default: break;  // kDrop: its neighbours join
    }
  }
  FlushWord(&word, ids);
}

Status WordPieceTokenizer::AppendText(std::string_view text, std::vector<int32_t>* ids) const {
  const size_t valid = ValidUtf8Prefix(text);
  if (valid != text.size()) return InvalidArgument("the text is not UTF-8: byte ", valid, " of ", text.size());
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    size_t length = 0;
    const int32_t id = added_first_byte_[static_cast<uint8_t>(text[at])] ? added_.LongestPrefix(Trie::kRoot, text.substr(at), &length) : -1;
    if (id < 0) {
      ++at;
      continue;
    }
    AppendSegment(text.substr(begin, at - begin), ids);
    ids->push_back(id);
    at += length;
    begin = at;
  }
  AppendSegment(text.substr(begin), ids);
  return OkStatus();
}

Result<TokenizedText> WordPieceTokenizer::Encode(std::string_view text, size_t max_tokens) const {
  if (max_tokens < 2) return InvalidArgument("max_tokens is ", max_tokens, "; the special tokens alone are 2");
  TokenizedText out;
  out.ids.reserve(text.size() / 4 + 8);
  out.ids.push_back(cls_id_);
  TRY(AppendText(text, &out.ids));
  out.full_count = out.ids.size() + 1;
  if (out.full_count > max_tokens) out.ids.resize(max_tokens - 1);
  out.ids.push_back(sep_id_);
  return out;
}

Result<TokenizedText> WordPieceTokenizer::EncodePair(std::string_view a, std::string_view b) const {
  TokenizedText out;
  out.ids.push_back(cls_id_);
  TRY(AppendText(a, &out.ids));
  out.ids.push_back(sep_id_);
  out.type_ids.assign(out.ids.size(), 0);
  TRY(AppendText(b, &out.ids));
  out.ids.push_back(sep_id_);
  out.type_ids.resize(out.ids.size(), 1);
  out.full_count = out.ids.size();
  return out;
}

uint64_t WordPieceTokenizer::Fingerprint(uint64_t seed) const {
  std::string canonical = "wordpiece/1";
  for (const bool flag : {config_.clean_text, config_.handle_chinese_chars, config_.strip_accents, config_.lowercase})
    canonical += flag ? '1' : '0';
  canonical += std::to_string(config_.max_chars_per_word) + config_.continuing_prefix + '\n';
  canonical += config_.unk_token + '\n' + config_.cls_token + '\n' + config_.sep_token + '\n';
  for (const auto* list : {&config_.pieces, &config_.added_tokens}) {
    std::vector<std::pair<int32_t, std::string_view>> sorted;
    for (const auto& [piece, id] : *list) sorted.emplace_back(id, piece);
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [id, piece] : sorted) canonical.append(std::to_string(id)).append(" ").append(piece).append("\n");
    canonical += '\n';
  }
  return Checksum(canonical, seed);
}

}  // namespace saker::embed
