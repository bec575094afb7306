"""Makes the golden files of the embedding tests with transformers and sentence-transformers (torch, fp32, CPU).

usage: make_golden.py tiny            writes tiny_bert/ (a random BERT, fp16 weights, 60 kB) and tiny_bert.jsonl
       make_golden.py real MODEL_DIR  writes all-MiniLM-L6-v2.jsonl with the model of MODEL_DIR
"""
import json, os, sys
import torch

here = os.path.dirname(os.path.abspath(__file__))
TINY = ["", "the vector database", "sealing, the vector. a b c", "zyx " * 40, "Crème brûlée [SEP] seal"]
REAL = ["", "What is a vector database?", "Ein Fluss fließt ins Meer.",
        "The quick brown fox jumps over the lazy dog, twice; then it sleeps until the sun is well above the hills.",
        "naïve café 北京 🙂 1,234.56 €", "boundary layer transition on a blunt body at high mach number " * 8,
        "supersonic flow " * 200, "def main(): return {'a': [1, 2, 3]}  # comment"]


def write(name, texts, vectors):
    with open(os.path.join(here, name), "w", encoding="utf-8") as out:
        for text, vector in zip(texts, vectors):
            out.write(json.dumps({"text": text, "vector": [float(f"{x:.8g}") for x in vector]}, ensure_ascii=False) + "\n")


def tiny():
    from transformers import BertConfig, BertModel
    folder = os.path.join(here, "tiny_bert")
    os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "vector", "database", "seal", "##ing", ".", ","]
    for c in "abcdefghijklmnopqrstuvwxyz":
        words += [c, "##" + c]
    with open(os.path.join(folder, "vocab.txt"), "w") as out:
        out.write("".join(w + "\n" for w in words))
    torch.manual_seed(7)
    config = BertConfig(vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                        max_position_embeddings=48, type_vocab_size=2, hidden_act="gelu", attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():  # wide enough that softmax, GELU and LayerNorm are all felt
            p.copy_((p + 0.2 * torch.randn_like(p)).half().float())
    model.half().save_pretrained(folder)
    model.float()
    with open(os.path.join(folder, "modules.json"), "w") as out:
        json.dump([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                   {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}], out)
    with open(os.path.join(folder, "1_Pooling", "config.json"), "w") as out:
        json.dump({"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, out)
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import BertProcessing
    tokenizer = Tokenizer(WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(lowercase=True), BertPreTokenizer()
    tokenizer.add_special_tokens(words[:5])
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(48)
    vectors = []
    with torch.no_grad():
        for text in TINY:
            ids = torch.tensor([tokenizer.encode(text).ids])
            vectors.append(model(input_ids=ids).last_hidden_state[0].mean(0).tolist())
    write("tiny_bert.jsonl", TINY, vectors)


def real(model_dir):
    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer(model_dir, device="cpu")
    write("all-MiniLM-L6-v2.jsonl", REAL, model.encode(REAL, normalize_embeddings=True, batch_size=1).tolist())


if __name__ == "__main__":
    torch.set_num_threads(2)
    tiny() if sys.argv[1] == "tiny" else real(sys.argv[2])
