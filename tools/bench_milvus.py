#!/usr/bin/env python3
"""The same work against a real Milvus and Saker in one session, alternating; prints each step and the ratios of the medians.

usage: bench_milvus.py --saker PATH --python PYTHON --set DIR --metric cos|l2|ip [--seconds 8] [--rounds 2]"""
import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from support.saker_server import ROOT, Server, free_port

parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--python", required=True)
parser.add_argument("--set", required=True)
parser.add_argument("--metric", required=True)
parser.add_argument("--seconds", type=float, default=8)
parser.add_argument("--rounds", type=int, default=2)
arguments = parser.parse_args()
peers = pathlib.Path(os.environ.get("SAKER_SHARED", ROOT.parent / "shared")) / "peers"
figures = {"milvus": collections.defaultdict(list), "saker": collections.defaultdict(list)}


def measure(name, port, pid):
    done = subprocess.run([arguments.python, str(peers / "e2e_milvus.py"), str(port), str(pid), arguments.set, arguments.metric, str(arguments.seconds)],
                          capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            step = json.loads(line)
            print(json.dumps({"server": name, **step}), flush=True)
            key = " ".join(str(step[k]) for k in ("step", "threads", "ef") if k in step)
            for field in ("rows_s", "server_cpu_us_per_query", "p50_ms", "p99_ms", "qps", "s", "rss_mb", "recall"):
                if step.get(field) is not None:
                    figures[name][f"{key}: {field}"].append(step[field])


for number in range(arguments.rounds):
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        milvus = subprocess.Popen([arguments.python, str(peers / "milvus_server.py"), folder, str(free_port())], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        port, pid = milvus.stdout.readline().split()
        figures["milvus"]["start: s"].append(time.monotonic() - begin)
        measure("milvus", port, pid)
        milvus.stdin.close()
        milvus.wait(60)
    begin = time.monotonic()
    with Server(arguments.saker) as server:
        figures["saker"]["start: s"].append(time.monotonic() - begin)
        measure("saker", server.port, server.process.pid)
print(f"\n| step | Milvus 2.3.5 | Saker | ratio |\n|---|---|---|---|")
for key, theirs in figures["milvus"].items():
    ours = figures["saker"].get(key)
    if ours:
        a, b = statistics.median(theirs), statistics.median(ours)
        print(f"| {key} | {a:.4g} | {b:.4g} | {a / b if b else float('inf'):.2f} |")
