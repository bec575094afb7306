#!/usr/bin/env python3
"""kill -9 with many rows in every state, then the time until the first right answer.

usage: PYTHONPATH=<pymilvus> start_test.py --saker PATH [--rows 1000000] [--limit 10]"""
import argparse
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import numpy as np
from pymilvus import DataType, MilvusClient
from support.saker_server import Server

parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--rows", type=int, default=1000000)
parser.add_argument("--limit", type=float, default=10)
arguments = parser.parse_args()
rng = np.random.default_rng(3)
with Server(arguments.saker) as server:
    client = MilvusClient(f"http://127.0.0.1:{server.port}")
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=128)
    index = client.prepare_index_params()
    index.add_index("v", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 100})
    client.create_collection("big", schema=schema, index_params=index)
    begin, probe = time.monotonic(), None
    for first in range(0, arguments.rows, 5000):
        part = rng.standard_normal((min(5000, arguments.rows - first), 128)).astype(np.float32)
        client.insert("big", [{"id": first + i, "v": row} for i, row in enumerate(part)])
        if first == 0 or first + 5000 >= arguments.rows:
            probe = [*(probe or []), (first + 7, part[7])]
    inserted = time.monotonic() - begin
    server.kill()
    begin = time.monotonic()
    server.start(wait=False)
    while True:
        try:
            hits = [client.search("big", [v.tolist()], limit=1, consistency_level="Strong", timeout=5)[0] for _, v in probe]
            if all(h and h[0]["id"] == key for h, (key, _) in zip(hits, probe)):
                break
        except Exception:
            client = None
            while client is None:
                try:
                    client = MilvusClient(f"http://127.0.0.1:{server.port}", timeout=2)
                except Exception:
                    assert time.monotonic() - begin < 120, server.log_tail()
        time.sleep(0.02)
    took = time.monotonic() - begin
    count = client.query("big", filter="", output_fields=["count(*)"])[0]["count(*)"]
    print("summary:", json.dumps({"rows": arguments.rows, "insert_s": round(inserted, 1), "first_right_answer_s": round(took, 2), "count": count}))
    assert count == arguments.rows and took <= arguments.limit
