#!/usr/bin/env python3
"""BM25 top-10 on a text collection, one thread: Saker's bm25_bench beside bm25s and Tantivy, alternating; one JSON object a line.

usage: compare_bm25.py --bench PATH_OF_BM25_BENCH IR_DIR [REPEAT_CORPUS] [--rounds 3]
Each side has its own English analyzer (stop words out, Snowball stems). Tantivy is timed with parsed queries at hand, bm25s with its
tokenizer counted in; bm25_bench prints a figure of either kind, and each ratio takes the one of the same kind."""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import time


def documents(folder, repeat):
    lines = (pathlib.Path(folder) / "corpus.jsonl").read_text().splitlines()
    return [(j.get("title", "") + " " + j["text"]).strip() for j in map(json.loads, lines)] * repeat


def queries(folder):
    return [json.loads(line)["text"] for line in (pathlib.Path(folder) / "queries.jsonl").read_text().splitlines()][:500]


def make_bm25s(texts):
    import bm25s
    import Stemmer
    stemmer, index = Stemmer.Stemmer("english"), bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)

    def run(wanted):
        tokens = bm25s.tokenize(wanted, stopwords="en", stemmer=stemmer, show_progress=False)
        index.retrieve(tokens, k=10, n_threads=1, show_progress=False)
    return run


def make_tantivy(texts):
    import tantivy
    schema = tantivy.SchemaBuilder()
    schema.add_text_field("body", tokenizer_name="en_stem")
    schema.add_integer_field("number", stored=True, indexed=True)
    index = tantivy.Index(schema.build())
    writer = index.writer(heap_size=200_000_000, num_threads=1)
    for number, text in enumerate(texts):
        writer.add_document(tantivy.Document(body=text, number=number))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher, parsed = index.searcher(), {}

    def run(wanted):
        for text in wanted:
            searcher.search(parsed[text], 10, count=False)

    def prepare(wanted):
        for text in wanted:
            parsed[text] = index.parse_query(re.sub(r"[^\w ]", " ", text), ["body"])
    run.prepare = prepare
    return run


def rate(run, wanted):
    best, start = 0.0, time.perf_counter()
    while time.perf_counter() - start < 1.0:
        began = time.perf_counter()
        run(wanted)
        best = max(best, len(wanted) / (time.perf_counter() - began))
    return best


def compare(bench, folder, repeat, rounds):
    """{peer: ratio}; prints its lines."""
    texts, wanted = documents(folder, repeat), queries(folder)
    peers = {"bm25s": make_bm25s(texts), "tantivy": make_tantivy(texts)}
    peers["tantivy"].prepare(wanted)
    figures = {name: [] for name in [*peers, "saker", "saker+tokens"]}
    for _ in range(rounds):
        for name, run in peers.items():
            figures[name].append(rate(run, wanted))
        done = subprocess.run([bench, str(folder), "--repeat", str(repeat), "--queries", str(len(wanted))], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or f"bm25_bench ended with {done.returncode}")
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        timed = [line["qps"] for line in lines if "qps" in line]
        figures["saker"].append(timed[0])
        figures["saker+tokens"].append(timed[1] if len(timed) > 1 else timed[0])
    rates = {name: statistics.median(values) for name, values in figures.items()}
    ratios = {"tantivy": round(rates["saker"] / rates["tantivy"], 2), "bm25s": round(rates["saker+tokens"] / rates["bm25s"], 2)}
    print(json.dumps({"set": pathlib.Path(folder).name, "repeat": repeat, "documents": len(texts),
                      "qps": {name: round(value) for name, value in rates.items()}, "ratios": ratios}), flush=True)
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("repeat", type=int, nargs="?", default=1)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    compare(arguments.bench, arguments.folder, arguments.repeat, arguments.rounds)


if __name__ == "__main__":
    main()
