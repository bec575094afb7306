#!/usr/bin/env python3
"""Cuts the power: snapshots of the disk under load, each booted and compared with what was acknowledged before the cut.

The disk is an ext4 image inside an XFS file system that can share blocks: a copy of the image takes milliseconds and holds
exactly what had reached the "disk" (docs/testing.md). Needs root and loop mounts; where they are missing it says so and
ends with 77.

usage: power_cut_test.py --saker PATH [--cuts 20] [--seed N]"""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from crash.workload import Workload
from support.saker_server import Server

parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--cuts", type=int, default=20)
parser.add_argument("--cuts-per-run", type=int, default=10)
parser.add_argument("--seed", type=int, default=int(time.time()))
arguments = parser.parse_args()
rng = random.Random(arguments.seed)
work = pathlib.Path(tempfile.mkdtemp(prefix="saker-power-"))
mounted = []


def sh(*command):
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def mount(image, place):
    place.mkdir(exist_ok=True)
    sh("mount", "-o", "loop", image, place)
    mounted.append(place)


def unmount(place):
    for _ in range(50):
        if subprocess.run(["umount", str(place)], stderr=subprocess.DEVNULL).returncode == 0:
            break
        time.sleep(0.1)
    else:
        subprocess.run(["umount", "-l", str(place)])
    mounted.remove(place)


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


def rig():
    if os.geteuid() != 0:
        skip("a power cut needs root for loop mounts")
    for tool in ("mkfs.xfs", "mkfs.ext4"):
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")
    try:
        sh("truncate", "-s", "8G", work / "host.img")
        sh("mkfs.xfs", "-q", "-m", "reflink=1", work / "host.img")
        mount(work / "host.img", work / "host")
        sh("truncate", "-s", "2G", work / "host/disk.img")
        sh("mkfs.ext4", "-q", "-F", work / "host/disk.img")
        mount(work / "host/disk.img", work / "data")
    except (subprocess.CalledProcessError, OSError) as error:
        skip(f"this machine cannot mount the rig: {getattr(error, 'stderr', error)}")


total = {"lost": 0, "ghosts": 0, "duplicates": 0, "wrong": 0}
cuts = acknowledged = 0
failed = False
flags = ["--seal-bytes", "200000", "--reserve-bytes", "16000000"]
try:
    rig()
    while cuts < arguments.cuts and not failed:
        workload = Workload(rng.randrange(1 << 30))
        data = work / "data" / f"run{cuts}"
        server = Server(arguments.saker, data=data, args=flags, log=work / "server.log")
        snapshots = []
        try:
            workload.create(server.port)
            threads = workload.run(server.port, 0.01)
            for _ in range(min(arguments.cuts_per_run, arguments.cuts - cuts)):
                time.sleep(rng.uniform(0.1, 1.0))
                # What was acknowledged is read before the copy: an answer that comes after it may lawfully be missing.
                truth, maybe = workload.copy_of_truth()
                image = work / "host" / f"snap{len(snapshots)}.img"
                sh("cp", "--reflink=always", work / "host/disk.img", image)
                later, later_maybe = workload.copy_of_truth()
                for key in set(later) | set(later_maybe):  # and what happened while the copy was made may be there or not
                    if later.get(key) != truth.get(key) or key in later_maybe:
                        options = maybe.get(key, [truth.get(key)])
                        maybe[key] = options + [later.get(key)] + later_maybe.get(key, [])
                snapshots.append((image, truth, maybe))
        finally:
            server.kill()
            workload.finish(threads)
        acknowledged += workload.acknowledged
        for image, truth, maybe in snapshots:
            mount(image, work / "boot")
            booted = Server(arguments.saker, data=work / "boot" / data.name, args=flags, log=work / "boot.log")
            try:
                verdict = workload.check(booted.port, truth, maybe, adopt=False)
            finally:
                booted.kill()
                unmount(work / "boot")
            cuts += 1
            for key in total:
                total[key] += verdict[key]
            print(json.dumps({"cut": cuts, "acknowledged": sum(v is not None for v in truth.values()), **verdict}), flush=True)
            failed = failed or any(verdict[k] for k in total)
            if not failed:
                image.unlink()
        shutil.rmtree(data, ignore_errors=True)
except RuntimeError as error:
    print("the server did not start on what the cut left:", error)
    failed = True
finally:
    for place in reversed(list(mounted)):
        if not failed or place.name != "host":
            unmount(place)
    if not failed:
        shutil.rmtree(work, ignore_errors=True)
print("summary:", json.dumps({"cuts": cuts, "acknowledged_rows": acknowledged, "seed": arguments.seed, **total}))
if failed:
    print(f"evidence is kept in {work}")
sys.exit(1 if failed or not cuts else 0)
