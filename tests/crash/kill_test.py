#!/usr/bin/env python3
"""kill -9 at random moments and at every named point, under load, then restart and compare with what was acknowledged.

usage: kill_test.py --saker PATH [--rounds 20] [--seconds 600] [--seed N]"""
import argparse
import json
import pathlib
import random
import re
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from crash.workload import Workload
from support.saker_server import ROOT, Server

parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--rounds", type=int, default=20)
parser.add_argument("--seconds", type=float, default=1e9, help="stop after this long, whatever is left")
parser.add_argument("--seed", type=int, default=int(time.time()))
arguments = parser.parse_args()
rng = random.Random(arguments.seed)
points = re.findall(r"^\| *`([a-z_.]+)`", (ROOT / "docs/kill-points.md").read_text(), re.M)
print(f"seed {arguments.seed}; {len(points)} named points: {' '.join(points)}")

small = ["--seal-bytes", "200000"]  # so that sealing, builds and compaction happen all the time
total = {"lost": 0, "ghosts": 0, "duplicates": 0, "wrong": 0}
recoveries, reached, begun = [], set(), time.monotonic()
workload = Workload(arguments.seed)
server = Server(arguments.saker, args=small)
rounds = 0
try:
    workload.create(server.port)
    for number in range(arguments.rounds):
        if time.monotonic() - begun > arguments.seconds:
            break
        point = points[(number // 2) % len(points)] if number % 2 else None
        if point:
            server.stop()
            server.extra_env = {"SAKER_KILL_AT": f"{point}:{rng.choice([1, 1, 2, 4])}"}
            server.start(wait=False)
            try:
                server.wait_ready()
            except RuntimeError:
                if server.process.returncode != -9:
                    raise
                # The point lies on the way up: then nobody writes in this round.
        before = workload.acknowledged
        threads = workload.run(server.port, 0.01)
        end = time.monotonic() + (rng.uniform(0.5, 3) if not point else 6)
        while time.monotonic() < end and server.alive():
            time.sleep(0.02)
        if point and not server.alive():
            reached.add(point)
        server.kill()
        workload.finish(threads)
        server.extra_env = {}
        start = time.monotonic()
        server.start()
        recoveries.append(time.monotonic() - start)
        verdict = workload.check(server.port)
        rounds += 1
        for key in total:
            total[key] += verdict[key]
        print(json.dumps({"round": number, "at": point or "random", "acknowledged": workload.acknowledged - before,
                          "recovery_s": round(recoveries[-1], 3), **verdict}), flush=True)
        if any(verdict[k] for k in total) or workload.wrong_reads:
            print("wrong reads:", workload.wrong_reads[:3])
            print(server.log_tail())
            break
finally:
    server.kill()
recoveries.sort()
print("points reached:", " ".join(sorted(reached)) or "none", "| not reached:", " ".join(sorted(set(points) - reached)) or "none")
print("summary:", json.dumps({"rounds": rounds, "acknowledged": workload.acknowledged, "searches": workload.searches, "wrong_reads": len(workload.wrong_reads),
                              "refused": workload.refused, "points_reached": len(reached), "points": len(points),
                              "recovery_p50_s": round(statistics.median(recoveries), 3) if recoveries else None,
                              "recovery_max_s": round(recoveries[-1], 3) if recoveries else None, **total}))
if rounds and not any(total.values()) and not workload.wrong_reads and workload.acknowledged:
    server.cleanup()
    sys.exit(0)
print(f"the data directory is kept: {server.data}")
sys.exit(1)
