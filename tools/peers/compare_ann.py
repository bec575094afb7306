#!/usr/bin/env python3
"""`saker bench ann` beside the peers on one set, in one run, alternating; one JSON object a line.

usage: compare_ann.py --saker PATH SET_DIR l2|ip|cos [--index HNSW[:M=16:..],AUTOINDEX] [--peers hnswlib,faiss-ivf-fastscan,...]
                      [--recall 0.9,0.95,0.98,0.99] [--rounds 1] [--build-threads 2] [--curve FILE]
Lines: {side, index, build_s}; {side, recall_target, recall, qps}; at the end {ratio, index, versus, recall_target}. Every side's
setting is the least one that reaches the target, its QPS the best of several passes over all queries, on one search thread.
Peers are timed before and after each of Saker's runs (only after it with --rounds 0) and the better figure counts. --curve writes the points of curves for plot.py."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
from ann_peers import PEERS  # noqa: E402
from vectors import Set  # noqa: E402

CURVE = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995]


def say(**line):
    print(json.dumps(line), flush=True)
    return line


def least(peer, data, target, low):
    """The least knob that reaches the target: strides, then bisection; (knob, recall), recall short of the target when none does."""
    known = {}

    def recall(value):
        if value not in known:
            peer.set(value)
            known[value] = data.recall(peer.search())
        return known[value]

    at, step, below = low, 1, low - 1
    while recall(at) < target and at < peer.high:
        below, at, step = at, min(at + step, peer.high), step * 2
    while recall(at) >= target and at - below > max(1, at // 50):
        middle = (at + below) // 2
        if recall(middle) >= target:
            at = middle
        else:
            below = middle
    return at, recall(at)


def qps(peer, value, variant, count, seconds=0.6):
    peer.vary(variant)
    peer.set(value)
    best, start, passes = 0.0, time.perf_counter(), 0
    while passes < 3 or time.perf_counter() - start < seconds:
        began = time.perf_counter()
        peer.search()
        best = max(best, count / (time.perf_counter() - began))
        passes += 1
    return best


class Side:
    """A built peer with its settings for the targets."""

    def __init__(self, name, data, targets, threads):
        self.peer, self.data = PEERS[name](data, threads), data
        self.peer.timed_build()
        say(side=name, set=data.folder.name, build_s=round(self.peer.build_s, 2))
        self.settings, self.best = {}, {}
        for variant in self.peer.variants:
            self.peer.vary(variant)
            low = self.peer.low
            for target in targets:
                value, recall = least(self.peer, data, target, low)
                self.settings.setdefault(target, []).append((value, variant, recall))
                if recall < target:
                    for rest in targets[targets.index(target) + 1:]:
                        self.settings.setdefault(rest, []).append((value, variant, recall))
                    break
                low = value

    def time(self):
        for target, settings in self.settings.items():
            for value, variant, recall in settings:
                if recall < target:
                    continue
                rate = qps(self.peer, value, variant, len(self.data.query))
                if rate > self.best.get(target, (0,))[0]:
                    self.best[target] = (rate, recall, value, variant)

    def report(self):
        for target, settings in self.settings.items():
            head = dict(side=self.peer.name, set=self.data.folder.name, recall_target=target)
            if target not in self.best:
                say(**head, recall=round(max(s[2] for s in settings), 4), qps=None)
                continue
            rate, recall, value, variant = self.best[target]
            say(**head, recall=round(recall, 4), qps=round(rate, 1), **{self.peer.knob: value}, **({"k_factor": variant} if variant else {}))


def run_saker(saker, data, text, targets, extra, build_threads, timeout):
    name, *params = text.split(":")
    command = [saker, "bench", "ann", "--base", str(data.base_path), "--query", str(data.query_path), "--truth", str(data.truth_path),
               "--metric", {"cos": "cosine"}.get(data.metric, data.metric), "--index", name, "--recall", ",".join(map(str, targets)),
               "--build-threads", str(build_threads), "--json", *extra]
    for param in params:
        command += ["--param", param]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"saker bench ann ended with {done.returncode}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for line in lines:
        say(side="saker", set=data.folder.name, **line)
    return lines


def compare(saker, data, indexes, peers, targets, rounds=1, build_threads=2, extra=(), timeout=900):
    """{(index, peer or None, target): ratio or None}, and what was built: {name: build line or seconds}."""
    sides = [Side(name, data, targets, build_threads) for name in peers]
    builds = {side.peer.name: side.peer.build_s for side in sides}
    ours = {}
    for side in sides if rounds > 0 else []:
        side.time()
    for _ in range(max(1, rounds)):
        for index in indexes:
            for line in run_saker(saker, data, index, targets, list(extra), build_threads, timeout):
                if "build_s" in line:
                    builds.setdefault(index, line)
                    if line["build_s"] < builds[index]["build_s"]:
                        builds[index] = line
                elif line.get("qps"):
                    ours.setdefault((index, line["recall_target"]), []).append(line["qps"])
        for side in sides:
            side.time()
    ratios = {}
    for side in sides:
        side.report()
        for index in indexes:
            for target in targets:
                mine, theirs = ours.get((index, target)), side.best.get(target)
                ratio = round(statistics.median(mine) / theirs[0], 2) if mine and theirs else None
                ratios[index, side.peer.name, target] = ratio
                say(ratio=ratio, index=index, versus=side.peer.name, set=data.folder.name, recall_target=target,
                    qps=round(statistics.median(mine), 1) if mine else None, peer_qps=round(theirs[0], 1) if theirs else None)
    return ratios, builds, ours, {side.peer.name: side.best for side in sides}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set")
    parser.add_argument("metric", choices=["l2", "ip", "cos"])
    parser.add_argument("--saker", required=True)
    parser.add_argument("--index", default="HNSW")
    parser.add_argument("--peers", default="hnswlib,faiss-hnsw,faiss-ivf-fastscan,usearch")
    parser.add_argument("--recall", default="0.9,0.95,0.98,0.99")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--build-threads", type=int, default=2)
    parser.add_argument("--curve")
    parser.add_argument("--extra", action="append", default=[], help="an argument for saker bench ann; may be repeated")
    arguments = parser.parse_args()
    targets = CURVE if arguments.curve else sorted(float(part) for part in arguments.recall.split(","))
    data = Set(arguments.set, arguments.metric)
    _, _, ours, theirs = compare(arguments.saker, data, arguments.index.split(","), [p for p in arguments.peers.split(",") if p], targets,
                                 arguments.rounds, arguments.build_threads, arguments.extra)
    if arguments.curve:
        with open(arguments.curve, "w") as out:
            for (index, target), rates in sorted(ours.items()):
                out.write(json.dumps({"set": data.folder.name, "side": f"saker {index}", "recall": target, "qps": round(max(rates), 1)}) + "\n")
            for name, points in theirs.items():
                for target, (rate, *_) in points.items():
                    out.write(json.dumps({"set": data.folder.name, "side": name, "recall": target, "qps": round(rate, 1)}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
