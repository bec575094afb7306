"""A server, the load on it, the ways to end it, and what must hold after the restart."""
import collections
import random
import time

from crash import kill_points
from crash.connection import ROOT_PASSWORD, Connection
from crash.definitions import Definitions
from crash.model_list import ModelList
from crash.workload import Workload
from support.saker_server import Server

LONGEST_ROUND_S = 12
# So that sealing, builds, merges and trims happen all the time: some 1,300 rows of the load make a segment.
SMALL = ["--auth", "--seal-bytes", "150000", "--segment-bytes", "1000000", "--reserve-bytes", "16000000"]


class Rig:
    def __init__(self, saker, seed):
        self.rng = random.Random(seed)
        self.server = Server(saker, args=SMALL, env={"SAKER_ROOT_PASSWORD": ROOT_PASSWORD, "SAKER_CHECKPOINT_SECONDS": "0"})
        self.workload = Workload(seed)
        self.definitions = [Definitions(seed + 1, "a"), Definitions(seed + 2, "b")]
        self.models = ModelList(saker)
        self.recoveries, self.faults, self.kills = [], [], collections.Counter()
        self.reached, self.reached_at_start = collections.Counter(), collections.Counter()
        self.workload.create(self.server.port)

    # ---- ways to die

    def at_point(self, point, arrival):
        """Where the process was when the point ended it: "start", "load", or None if it did not get there."""
        if point.startswith("models."):
            reached, verdict = self.models.kill_at(point)
            self.faults += ["the list of models is neither the old nor the new one"] if verdict["wrong"] else []
            self.reached[point] += reached
            self.kills["saker model"] += reached
            return "command" if reached else None
        self.server.kill()
        where = "start"
        if not self._start_armed(point, arrival):
            where = "load"
            focus = kill_points.scenario_of(point)
            self.definitions[0].focus = focus
            with self._load():
                end = time.monotonic() + LONGEST_ROUND_S
                while time.monotonic() < end and self.server.alive():
                    time.sleep(0.01)
                reached = not self.server.alive()
                self.server.kill()
            if not reached:
                return None
        self._note(point, where)
        return where

    def at_random(self):
        kind = self.rng.choice(["load", "load", "start", "drain"])
        if kind == "start":
            self.server.kill()
            self.server.start(wait=False)
            time.sleep(self.rng.uniform(0, 0.2))
            self.server.kill()
        else:
            with self._load():
                time.sleep(self.rng.uniform(0.2, 1.5))
                if not self.server.alive():
                    self.faults.append(f"the server ended by itself with {self.server.process.returncode}")
                if kind == "drain":
                    self.server.process.terminate()
                    time.sleep(self.rng.uniform(0, 0.3))
                self.server.kill()
            if kind == "drain":
                self._forget_refusals()
        self.kills["random " + kind] += 1
        return kind

    def _start_armed(self, point, arrival):
        """True when the process ended before it was ready."""
        self.server.extra_env["SAKER_KILL_AT"] = f"{point}:{arrival}"
        self.log_from = self.server.log_path.stat().st_size
        self.server.start(wait=False)
        del self.server.extra_env["SAKER_KILL_AT"]
        try:
            self.server.wait_ready()
        except RuntimeError:
            if self.server.alive():
                raise
            return True
        return False

    def _note(self, point, where):
        said = f"kill point {point} reached" in self.server.log_path.read_bytes()[self.log_from:].decode(errors="replace")
        if self.server.process.returncode != -9 or not said:
            self.faults.append(f"armed with {point} the server ended with {self.server.process.returncode} and not there")
            return
        (self.reached if where != "restart" else self.reached_at_start)[point] += 1
        self.kills["point, " + where] += 1

    def _load(self):
        rig = self

        class Load:
            def __enter__(self):
                self.rows = rig.workload.start(rig.server.port)
                self.others = [(d, d.start(rig.server.port)) for d in rig.definitions]

            def __exit__(self, *_):
                rig.workload.finish(self.rows)
                for definitions, thread in self.others:
                    definitions.finish(thread)

        return Load()

    def _forget_refusals(self):
        for part in (self.workload, *self.definitions):
            part.refusals.clear()

    # ---- after the death

    def restart(self, after):
        """Kills some starts as well, then starts for good and notes how long that took."""
        self.server.kill()
        finishing = kill_points.FINISHED_AT_START.get(after)
        if self.rng.random() < (0.75 if finishing else 0.15):
            point = self.rng.choice(finishing or kill_points.ALWAYS_AT_START)
            if not self._start_armed(point, 1):
                end = time.monotonic() + 0.5  # what is finished behind the scenes
                while time.monotonic() < end and self.server.alive():
                    time.sleep(0.01)
            if not self.server.alive():
                self._note(point, "restart")
            self.server.kill()
        begin = time.monotonic()
        self.server.start()
        self.recoveries.append(time.monotonic() - begin)

    def judge(self):
        """The faults of this round, counted; rows and definitions."""
        verdict = self._check()
        if self.rng.random() < 0.1:  # and once more when flush and compaction have been over what the crash left
            c = Connection(self.server.port)
            for path in ("collections/flush", "collections/compact"):
                c.call(path, {"collectionName": self.workload.COLLECTION})
            for key, count in self._check().items():
                verdict[key] = count if key == "rows" else verdict[key] + count
        for part in (self.workload, *self.definitions):
            self.faults += [f"refused: {text}" for text in part.refusals]
        self.faults += [f"a search under load did not find row {key} with value {value}" for key, value in self.workload.wrong_reads]
        self._forget_refusals()
        self.workload.wrong_reads.clear()
        return verdict

    def leftovers(self):
        """Files that stay when everything is dropped and the server has started once more: garbage of some crash."""
        c = Connection(self.server.port)
        c.call("collections/drop", {"collectionName": self.workload.COLLECTION})
        for definitions in self.definitions:
            definitions.clear(c)
        self.server.kill()
        self.server.start()
        end = time.monotonic() + 5
        while (left := [p for p in (self.server.data / "segments").rglob("*") if p.is_file()]) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def _check(self):
        verdict = self.workload.check(self.server.port)
        self.faults += filter(None, [d.check(self.server.port) for d in self.definitions])
        return verdict
