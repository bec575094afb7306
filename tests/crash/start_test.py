#!/usr/bin/env python3
"""kill -9 with many rows, then the time until the first right answer: right after the last insert, and with indexes.

usage: PYTHONPATH=<pymilvus> start_test.py --saker PATH [--rows 1000000] [--limit 10] [--index-seconds 900]"""
import argparse
import json
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import numpy as np
from pymilvus import DataType, MilvusClient
from support.saker_server import Server

BATCH = 5000


def fill(server, count):
    """Inserts rows as fast as they are taken; some of them to ask for later, from the first to the last."""
    rng = np.random.default_rng(3)
    client = MilvusClient(f"http://127.0.0.1:{server.port}")
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=128)
    index = client.prepare_index_params()
    index.add_index("v", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 100})
    client.create_collection("big", schema=schema, index_params=index)
    probes = []
    for first in range(0, count, BATCH):
        part = rng.standard_normal((min(BATCH, count - first), 128)).astype(np.float32)
        client.insert("big", [{"id": first + i, "v": row} for i, row in enumerate(part)])
        if first // BATCH % 20 == 0 or first + BATCH >= count:
            probes.append((first + len(part) - 1, part[-1].tolist()))
        if first // BATCH % 20 == 0:
            print(f"{first} rows", flush=True)
    client.close()
    return probes


def search(server, vectors, more):
    body = {"collectionName": "big", "data": vectors, "annsField": "v", "limit": 1, "outputFields": ["id"], "consistencyLevel": "Strong"}
    return [hit["id"] for hit in server.call("entities/search", {**body, **more}, timeout=30)]


def missed(server, probes):
    """Keys that a search for their own vector does not find: by the graph, and where the graph misses, among 100 rows exactly."""
    found = search(server, [v for _, v in probes], {"searchParams": {"params": {"ef": 200}}})
    by_graph = [(key, v) for (key, v), hit in zip(probes, found, strict=True) if hit != key]
    return by_graph, [key for key, v in by_graph if search(server, [v], {"filter": f"{key - 50} < id <= {key + 50}"}) != [key]]


def kill_and_ask(server, probes, limit):
    """The seconds from the start of the next process until it has answered all probes rightly."""
    server.kill()
    server.log_path.write_text("")
    begin, error = time.monotonic(), "no answer"
    server.start(wait=False)
    while time.monotonic() - begin < 12 * limit:
        assert server.alive(), server.log_tail()
        try:
            by_graph, wrong = missed(server, probes)
            if not wrong:
                took = time.monotonic() - begin
                stages = re.findall(r"serving .*ms=\d+|shard opened .*", server.log_path.read_text())
                print(f"{took:.2f} s; {len(by_graph)} of {len(probes)} missed by the graph", *stages, sep="\n  ", flush=True)
                return round(took, 2)
            error = f"rows {wrong} are not found"
        except (OSError, AssertionError, ValueError) as failure:
            error = str(failure)
        time.sleep(0.02)
    raise AssertionError(f"no right answer after {12 * limit} s: {error}\n{server.log_tail()}")


def wait_for_indexes(server, seconds):
    """The share of rows that got into indexes."""
    end = time.monotonic() + seconds
    while True:
        index = server.call("indexes/describe", {"collectionName": "big", "indexName": "v"})[0]
        if index["indexState"] == "Finished" or time.monotonic() > end:
            return index["indexedRows"] / max(1, index["totalRows"])
        time.sleep(1)


def count(server):
    body = {"collectionName": "big", "filter": "", "outputFields": ["count(*)"], "limit": 0, "consistencyLevel": "Strong"}
    return server.call("entities/query", body)[0]["count(*)"]


parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--rows", type=int, default=1000000)
parser.add_argument("--limit", type=float, default=10)
parser.add_argument("--index-seconds", type=float, default=900, help="longest wait for the indexes before the second kill")
arguments = parser.parse_args()
with Server(arguments.saker, args=["--log-level", "debug"]) as server:
    begin = time.monotonic()
    probes = fill(server, arguments.rows)
    inserted = time.monotonic() - begin
    took = [kill_and_ask(server, probes, arguments.limit)]
    assert count(server) == arguments.rows, f"{count(server)} rows of {arguments.rows}"
    begin = time.monotonic()
    indexed = wait_for_indexes(server, arguments.index_seconds)
    built = time.monotonic() - begin
    took.append(kill_and_ask(server, probes, arguments.limit))
    assert count(server) == arguments.rows, f"{count(server)} rows of {arguments.rows}"
    print("summary:", json.dumps({
        "rows": arguments.rows, "insert_s": round(inserted, 1), "first_right_answer_s": took[0], "index_s": round(built),
        "indexed_share": round(indexed, 3), "first_right_answer_indexed_s": took[1], "probes": len(probes)}))
    assert max(took) <= arguments.limit, f"{max(took)} s until the first right answer, {arguments.limit} are allowed"
