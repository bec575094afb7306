#!/usr/bin/env python3
"""Real vectors with exact answers through the whole server: FLAT is exact, HNSW finds 95 % at ef 64, filters are exact.

usage: PYTHONPATH=<pymilvus> recall_test.py --saker build/release/saker   (the data: SAKER_SHARED, or ../shared; 77 without)"""
import argparse
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import numpy as np
from pymilvus import DataType, MilvusClient
from support.cases import case, run_cases
from support.saker_server import Server, shared_data


def rows_of(path, kind):
    raw = np.fromfile(path, dtype=np.uint8)
    dim = int(raw[:4].view(np.int32)[0])
    if kind == "bvecs":
        return raw.reshape(-1, dim + 4)[:, 4:].astype(np.float32)
    return raw.view(np.int32).reshape(-1, dim + 1)[:, 1:].view(np.float32 if kind == "fvecs" else np.int32).copy()


def load(folder, name):
    for kind in ("fvecs", "bvecs", "ivecs"):
        path = folder / f"{name}.{kind}"
        if path.exists():
            return rows_of(path, kind)
    return None


def fill(client, name, base, kind, metric, params=None, extra=None, fields=()):
    if client.has_collection(name):
        client.drop_collection(name)
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=base.shape[1])
    for field in fields:
        schema.add_field(**field)
    client.create_collection(name, schema=schema)
    for first in range(0, len(base), 2000):
        client.insert(name, [{"id": first + i, "v": row, **(extra[first + i] if extra else {})} for i, row in enumerate(base[first:first + 2000])])
    client.flush(name)
    index = client.prepare_index_params()
    index.add_index("v", index_type=kind, metric_type=metric, params=params or {})
    client.create_index(name, index)
    client.load_collection(name)


def recall(client, name, queries, truth, truth_scores, metric, k, params):
    """Ties count as found: a hit with a score as good as the last true one."""
    hits = total = 0
    for first in range(0, len(queries), 50):
        found = client.search(name, queries[first:first + 50].tolist(), anns_field="v", limit=k, search_params={"metric_type": metric, "params": params})
        for i, answer in enumerate(found, first):
            last = truth_scores[i][k - 1]
            close = 1e-5 * max(1.0, abs(last))
            good = [h for h in answer if (h["distance"] <= last + close if metric == "L2" else h["distance"] >= last - close)]
            assert len(answer) == k and len({h["id"] for h in answer}) == k
            hits += min(k, len(good))
            total += k
    return hits / total


def check_set(client, folder, metrics):
    base, queries = load(folder, "base"), load(folder, "query")
    for metric, short in metrics:
        truth, scores = load(folder, f"gt_{short}"), load(folder, f"gt_{short}_score")
        if truth is None:
            continue
        fill(client, "r", base, "FLAT", metric)
        flat = recall(client, "r", queries, truth, scores, metric, 10, {})
        fill(client, "r", base, "HNSW", metric, {"M": 16, "efConstruction": 200})
        hnsw = recall(client, "r", queries, truth, scores, metric, 10, {"ef": 64})
        client.release_collection("r")
        client.load_collection("r")
        again = recall(client, "r", queries, truth, scores, metric, 10, {"ef": 64})
        print(f"summary: {folder.name} {metric}: FLAT {flat:.4f}, HNSW at ef 64 {hnsw:.4f}, after release and load {again:.4f}")
        assert flat == 1.0 and hnsw >= 0.95 and abs(again - hnsw) < 0.01


@case
def glove(client, data):
    check_set(client, data / "ann/glove100-20k", [("L2", "l2"), ("COSINE", "cos"), ("IP", "ip")])


@case
def sift(client, data):
    check_set(client, data / "ann/sift-photo-20k", [("L2", "l2"), ("COSINE", "cos")])


@case
def wordnet_filters_are_exact(client, data):
    folder = data / "ann/wordnet-use512-8k"
    base, queries = load(folder, "base"), load(folder, "query")
    attributes = [json.loads(line) for line in open(folder / "base_attrs.jsonl", encoding="utf-8")]
    fields = ({"field_name": "pos", "datatype": DataType.VARCHAR, "max_length": 10}, {"field_name": "lexname", "datatype": DataType.VARCHAR, "max_length": 60},
              {"field_name": "n_lemmas", "datatype": DataType.INT64}, {"field_name": "gloss_len", "datatype": DataType.INT64},
              {"field_name": "gloss", "datatype": DataType.VARCHAR, "max_length": 4000},
              {"field_name": "lemmas", "datatype": DataType.ARRAY, "element_type": DataType.VARCHAR, "max_capacity": 100, "max_length": 200})
    names = [f["field_name"] for f in fields]
    extra = [{n: a[n] for n in names} for a in attributes]
    for kind, params, search in (("FLAT", {}, {}), ("HNSW", {"M": 16, "efConstruction": 200}, {"ef": 256})):
        fill(client, "w", base, kind, "COSINE", params, extra, fields)
        for number, spec in enumerate(json.load(open(folder / "filters.json"))):
            text = spec["expr"]
            truth = load(folder, f"gt_filter{number}_cos")
            count = client.query("w", filter=text, output_fields=["count(*)"])[0]["count(*)"]
            assert count == spec["matches"], (text, count, spec["matches"])
            k = min(50, truth.shape[1], count)
            right = total = 0
            found = client.search("w", queries[:200].tolist(), anns_field="v", limit=k, filter=text, search_params={"metric_type": "COSINE", "params": search})
            for query, answer, want in zip(queries, found, truth):
                want = want[:k].tolist()
                assert len(answer) == k, (text, len(answer), k)
                floor = float(base[want[-1]] @ query)
                right += len({h["id"] for h in answer} & set(want)) + sum(1 for h in answer if h["id"] not in want and h["distance"] >= floor - 1e-5)
                total += k
            print(f"summary: wordnet {kind} [{text}] leaves {count} rows, found {right / total:.4f}")
            assert right / total >= (1.0 if kind == "FLAT" else 0.95), (text, right / total)


parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--only")
arguments = parser.parse_args()
folder = shared_data()
if folder is None:
    print("SKIPPED: the shared data is not here (set SAKER_SHARED to the folder that holds data/)")
    sys.exit(77)
with Server(arguments.saker) as server:
    run_cases(MilvusClient(f"http://127.0.0.1:{server.port}"), folder, only=arguments.only)
