#!/usr/bin/env python3
"""Flips one byte somewhere in a data directory, starts the server on it, and reads everything: refused or right, never wrong.

usage: byte_flip_test.py --saker PATH [--flips 60] [--seed N]"""
import argparse
import collections
import contextlib
import json
import pathlib
import random
import shutil
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from crash.connection import NO_ANSWER, ROOT_PASSWORD, RefusedError
from crash.definitions import Definitions
from crash.workload import FAULTS, Workload
from support.saker_server import Server

parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--flips", type=int, default=60)
parser.add_argument("--seed", type=int, default=int(time.time()))
arguments = parser.parse_args()
rng = random.Random(arguments.seed)
flags = ["--auth", "--seal-bytes", "150000", "--reserve-bytes", "1000000"]  # each flip copies the whole directory
environment = {"SAKER_ROOT_PASSWORD": ROOT_PASSWORD}

workload, definitions = Workload(arguments.seed, keys_per_worker=1000), Definitions(arguments.seed, "a")
original = pathlib.Path(tempfile.mkdtemp(prefix="saker-flip-"))
server = Server(arguments.saker, data=original / "data", args=flags, env=environment)
try:
    workload.create(server.port)
    workload.run(server.port, 3)
    thread = definitions.start(server.port)
    workload.run(server.port, 2)
finally:
    server.kill()  # some rows are in files only, some in the log only
definitions.finish(thread)
server = Server(arguments.saker, data=original / "data", args=flags, env=environment)
try:
    first = workload.check(server.port)
    assert not any(first[k] for k in FAULTS), first
    assert definitions.check(server.port) is None
finally:
    server.kill()


def judge(flipped):
    """What a server on a flipped directory is: refused (it ends, or says no to the damaged collection), right, wrong, hung or died."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if flipped.process.poll() is not None:
            died = flipped.process.returncode != 1
            return ("died" if died else "refused"), flipped.log_tail(5)
        with contextlib.suppress(OSError):
            status, text = flipped.get("/readyz", ops=True)
            # Not ready for good: the damage is named, the rest of the server works, soon on its public port too.
            if status == 200 or "not opened" in text:
                with socket.create_connection(("127.0.0.1", flipped.port), timeout=1):
                    break
        time.sleep(0.02)
    try:
        found = workload.check(flipped.port, adopt=False)
        found["definitions"] = definitions.check(flipped.port, adopt=False)
        return ("wrong" if found["definitions"] or any(found[k] for k in FAULTS) else "right"), found
    except RefusedError as error:
        return "refused", str(error)
    except NO_ANSWER as error:
        return ("hung" if flipped.alive() else "died"), f"{error} {flipped.log_tail(5)}"


files = [p for p in (original / "data").rglob("*") if p.is_file() and p.stat().st_size > 0]
counts = collections.Counter()
by_kind = collections.defaultdict(collections.Counter)
for number in range(arguments.flips):
    path = rng.choice(files) if number % 2 else rng.choices(files, [p.stat().st_size for p in files])[0]
    size = path.stat().st_size
    # Half of the time near the end, where the last record is.
    offset = rng.randrange(size) if rng.random() < 0.5 else rng.randrange(max(0, size - 200), size)
    copy = original / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(original / "data", copy)
    victim = copy / path.relative_to(original / "data")
    content = bytearray(victim.read_bytes())
    content[offset] ^= 1 << rng.randrange(8)
    victim.write_bytes(content)
    name = path.relative_to(original / "data").as_posix()
    kind = path.suffix or path.name.split("-")[0]
    flipped = Server(arguments.saker, data=copy, args=flags, env=environment, log=original / "flip.log", wait=False)
    try:
        outcome, verdict = judge(flipped)
    finally:
        flipped.kill()
    counts[outcome] += 1
    by_kind[kind][outcome] += 1
    if outcome in ("wrong", "hung", "died"):
        where = {"flip": number, "file": name, "offset": offset, "size": size}
        print(json.dumps({**where, "outcome": outcome, "verdict": verdict}), flush=True)
for kind, outcome in sorted(by_kind.items()):
    print(kind, dict(outcome))
bad = counts["wrong"] + counts["hung"] + counts["died"]
print("summary:", json.dumps({"tried": sum(counts.values()), **{k: counts[k] for k in ("refused", "right", "wrong", "died", "hung")},
                              "seed": arguments.seed}))
if not bad:
    shutil.rmtree(original, ignore_errors=True)
sys.exit(1 if bad or not counts else 0)
