#!/usr/bin/env python3
"""Cuts the power: snapshots of the disk under load, each booted and compared with what was acknowledged before the cut.

The disk is an ext4 image inside an XFS file system that can share blocks: a copy of the image takes milliseconds and holds
exactly what had reached the "disk" (docs/testing.md). Needs root and loop mounts; where they are missing it says so and
ends with 77.

usage: power_cut_test.py --saker PATH [--cuts 20] [--seed N] [--work DIR]"""
import argparse
import collections
import ctypes
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
from crash.connection import NO_ANSWER, ROOT_PASSWORD, RefusedError
from crash.definitions import Definitions
from crash.workload import FAULTS, Workload
from support.saker_server import Server

CUTS_PER_RUN = 10
FLAGS = ["--auth", "--seal-bytes", "150000", "--segment-bytes", "1000000", "--reserve-bytes", "16000000"]
ENVIRONMENT = {"SAKER_ROOT_PASSWORD": ROOT_PASSWORD}
NEEDED_BYTES = 6 << 30
CLONE_NEWNS = 0x20000


def sh(*command):
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


class Disk:
    """The image, its snapshots and their mounts. In memory where there is room: what counts is what the image was given."""

    def __init__(self, work):
        shm = pathlib.Path("/dev/shm")
        roomy = shm.is_dir() and shutil.disk_usage(shm).free >= NEEDED_BYTES and available_memory() >= NEEDED_BYTES
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="saker-power-", dir=work or (shm if roomy else None)))
        self.mounted = []
        try:
            # Mounts of our own: nobody else's clean-up takes them away, and they end with this process however it ends.
            if ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
                raise OSError("no mount namespace of our own")
            sh("mount", "--make-rprivate", "/")
            sh("truncate", "-s", "8G", self.work / "host.img")
            sh("mkfs.xfs", "-q", "-m", "reflink=1", self.work / "host.img")
            self.mount(self.work / "host.img", self.work / "host", "loop,discard")
            sh("truncate", "-s", "2G", self.image)
            sh("mkfs.ext4", "-q", "-F", self.image)
            self.mount(self.image, self.work / "data")
        except (subprocess.CalledProcessError, OSError) as error:
            self.close(keep=False)
            skip(f"this machine cannot mount the rig: {getattr(error, 'stderr', error)}")

    @property
    def image(self):
        return self.work / "host/disk.img"

    def mount(self, image, place, options="loop"):
        place.mkdir(exist_ok=True)
        sh("mount", "-o", options, image, place)
        self.mounted.append(place)
        return place

    def unmount(self, place):
        for _ in range(50):
            if subprocess.run(["umount", str(place)], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        else:
            subprocess.run(["umount", "-l", str(place)])
        self.mounted.remove(place)

    def cut(self, number):
        snapshot = self.work / "host" / f"cut{number}.img"
        sh("cp", "--reflink=always", self.image, snapshot)
        return snapshot

    def close(self, keep):
        for place in reversed(list(self.mounted)):
            self.unmount(place)
        if not keep:
            shutil.rmtree(self.work, ignore_errors=True)


def available_memory():
    lines = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) << 10


class Rig:
    def __init__(self, arguments):
        self.rng = random.Random(arguments.seed)
        self.disk = Disk(arguments.work)
        self.workload = Workload(arguments.seed, batches=(1, 10, 100))
        self.definitions = [Definitions(arguments.seed + 1, "a"), Definitions(arguments.seed + 2, "b")]
        self.data = self.disk.work / "data/saker"
        self.server = Server(arguments.saker, data=self.data, args=FLAGS, env=ENVIRONMENT, log=self.disk.work / "server.log")
        self.workload.create(self.server.port)
        self.total, self.faults, self.jobs = dict.fromkeys(FAULTS, 0), [], collections.Counter()
        self.cuts = self.compared = 0

    def run(self, cuts):
        """Load, cuts while it goes on, a kill of the server; then every cut is booted."""
        rows = self.workload.start(self.server.port)
        others = [(d, d.start(self.server.port)) for d in self.definitions]
        snapshots = []
        for number in range(cuts):
            time.sleep(self.rng.uniform(0.15, 0.7))
            before = self.workload.before_cut(), [d.before_cut() for d in self.definitions]
            snapshot = self.disk.cut(number)
            after = self.workload.after_cut(before[0]), [d.after_cut(b) for d, b in zip(self.definitions, before[1], strict=True)]
            snapshots.append((snapshot, *after))
        self.server.kill()
        self.workload.finish(rows)
        for definitions, thread in others:
            definitions.finish(thread)
        self._count_jobs()
        for snapshot, (truth, maybe), states in snapshots:
            self.boot(snapshot, truth, maybe, states)
            if self.failed():
                return
            snapshot.unlink()
        self.server.start()
        self._add(self.workload.check(self.server.port), self.definitions_faults(self.server.port, [None, None], adopt=True))

    def boot(self, snapshot, truth, maybe, states):
        begun = time.monotonic()
        place = self.disk.mount(snapshot, self.disk.work / "boot")
        try:
            booted = Server(self.server.saker, data=place / "saker", args=FLAGS, env=ENVIRONMENT, log=self.disk.work / "boot.log")
            try:
                verdict = self.workload.check(booted.port, truth, maybe, adopt=False)
                faults = self.definitions_faults(booted.port, states, adopt=False)
            finally:
                booted.kill()
        finally:
            self.disk.unmount(place)
        self.cuts += 1
        self._add(verdict, faults)
        acknowledged = sum(v is not None for v in truth.values())
        self.compared += acknowledged
        print(json.dumps({"cut": self.cuts, "acknowledged_rows": acknowledged, "unanswered": len(maybe), **verdict,
                          "seconds": round(time.monotonic() - begun, 1)}), flush=True)

    def definitions_faults(self, port, states, adopt):
        return [f for d, s in zip(self.definitions, states, strict=True) if (f := d.check(port, s, adopt))]

    def _add(self, verdict, faults):
        for key in self.total:
            self.total[key] += verdict[key]
        self.faults += faults + self.workload.refusals + [text for d in self.definitions for text in d.refusals]
        self.faults += [f"a search under load did not find row {key} with value {value}" for key, value in self.workload.wrong_reads]

    def _count_jobs(self):
        text = self.server.log_path.read_text(errors="replace")
        self.jobs.update({job: text.count(job) for job in ("segment sealed", "segments compacted", "index built")})
        self.server.log_path.write_text("")

    def failed(self):
        return bool(self.faults or any(self.total.values()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--saker", required=True)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--work", help="folder of the images; in memory where there is room")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        skip("a power cut needs root for loop mounts")
    for tool in ("mkfs.xfs", "mkfs.ext4"):
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")
    begun = time.monotonic()
    rig = Rig(arguments)
    print(f"seed {arguments.seed}; images in {rig.disk.work.parent}", flush=True)
    bad = True
    try:
        while rig.cuts < arguments.cuts and not rig.failed():
            rig.run(min(CUTS_PER_RUN, arguments.cuts - rig.cuts))
        bad = rig.failed()
    except (RuntimeError, RefusedError, *NO_ANSWER) as error:  # it does not start on what the cut left, or does not answer
        rig.faults.append(f"cut {rig.cuts + 1}: {str(error)[:300]}")
    finally:
        rig.server.kill()
        rig.disk.close(keep=bad)
    for fault in rig.faults[:10]:
        print("FAULT:", fault)
    print("summary:", json.dumps({
        "cuts": rig.cuts, "rows_acknowledged": rig.workload.acknowledged, "rows_compared": rig.compared,
        "definitions_acknowledged": sum(d.calls for d in rig.definitions), **rig.total, "other_faults": len(rig.faults),
        "jobs": dict(rig.jobs), "seconds": round(time.monotonic() - begun), "seed": arguments.seed}))
    if bad:
        print(f"evidence is kept: mount -o loop {rig.disk.work}/host.img, then one of its cut*.img; logs beside it")
    sys.exit(1 if bad or not rig.cuts else 0)


if __name__ == "__main__":
    main()
