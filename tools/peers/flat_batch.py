#!/usr/bin/env python3
"""Queries a second of FAISS' IndexFlat with many queries at once, beside `saker bench ann --index FLAT --nq`, alternating.

usage: flat_batch.py SAKER SET_DIR l2|cos|ip [NQ] [ROUNDS]
Both on one thread; needs faiss-cpu and numpy from PyPI. Prints one JSON object a round and the ratio of the medians."""
import json, os, statistics, subprocess, sys, time
os.environ.setdefault("OMP_NUM_THREADS", "1")
import faiss
import numpy as np


def vectors(folder, name):
    path = os.path.join(folder, name + ".fvecs")
    if os.path.exists(path):
        raw = np.fromfile(path, dtype=np.int32)
        return np.ascontiguousarray(raw.reshape(-1, raw[0] + 1)[:, 1:].view(np.float32))
    raw = np.fromfile(os.path.join(folder, name + ".bvecs"), dtype=np.uint8)
    return np.ascontiguousarray(raw.reshape(-1, int(raw[:4].view(np.int32)[0]) + 4)[:, 4:].astype(np.float32))


def main():
    saker, folder, metric = sys.argv[1:4]
    nq = int(sys.argv[4]) if len(sys.argv) > 4 else 100
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    faiss.omp_set_num_threads(1)
    base, query = vectors(folder, "base"), vectors(folder, "query")
    if metric == "cos":
        for v in (base, query):
            v /= np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)
    index = faiss.IndexFlat(base.shape[1], faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT)
    index.add(base)
    suffix = "fvecs" if os.path.exists(os.path.join(folder, "base.fvecs")) else "bvecs"
    command = [saker, "bench", "ann", "--index", "FLAT", "--nq", str(nq), "--recall", "0.99", "--seconds", "0.3",
               "--metric", "cosine" if metric == "cos" else metric, "--truth", os.path.join(folder, f"gt_{metric}.ivecs")]
    for option in ("base", "query"):
        command += ["--" + option, os.path.join(folder, f"{option}.{suffix}")]
    ours, theirs = [], []
    for _ in range(rounds):
        best = float("inf")
        for _ in range(3):  # the best of three passes, as the other side's
            start = time.perf_counter()
            for at in range(0, len(query), nq):
                index.search(query[at:at + nq], 10)
            best = min(best, time.perf_counter() - start)
        theirs.append(len(query) / best)
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        ours.append(json.loads(lines[-1])["qps"])
        print(json.dumps({"set": os.path.basename(folder.rstrip("/")), "metric": metric, "nq": nq, "saker_qps": ours[-1],
                          "faiss_qps": round(theirs[-1]), "faiss": faiss.__version__}), flush=True)
    print(json.dumps({"ratio": round(statistics.median(ours) / statistics.median(theirs), 2)}))


if __name__ == "__main__":
    main()
