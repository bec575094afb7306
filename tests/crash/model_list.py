"""`saker model add` and `remove` ended half-way: the list must be the old one or the new one. No server is needed."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from crash.workload import FAULTS


class ModelList:
    def __init__(self, saker):
        self.saker, self.directory = saker, pathlib.Path(tempfile.mkdtemp(prefix="saker-models-"))
        self.model = self.directory / "model"
        self.model.mkdir()
        (self.model / "config.json").write_text("{}")
        self.names, self.made = set(), 0

    def _saker(self, *arguments, kill_at=None):
        env = {**os.environ, **({"SAKER_KILL_AT": kill_at} if kill_at else {})}
        command = [self.saker, "model", *map(str, arguments), "--data", self.directory / "data"]
        return subprocess.run(command, env=env, capture_output=True, text=True)

    def kill_at(self, point):
        """Ends one command at the point; (reached, verdict)."""
        verdict = dict.fromkeys(("rows", *FAULTS), 0)
        if len(self.names) >= 4:
            name, following = min(self.names), self.names - {min(self.names)}
            done = self._saker("remove", name, kill_at=point)
        else:
            self.made += 1
            name, following = f"m{self.made}", self.names | {f"m{self.made}"}
            done = self._saker("add", name, self.model, kill_at=point)
        listed = self._saker("list")
        seen = {line.split()[0] for line in listed.stdout.splitlines() if line.startswith("m")}
        verdict["wrong"] = int(listed.returncode != 0 or seen not in (self.names, following))
        if seen == self.names:  # the same command once more, to its end
            done_again = self._saker("add", name, self.model) if name in following else self._saker("remove", name)
            verdict["wrong"] += done_again.returncode != 0
        self.names = following
        return done.returncode == -9 and f"kill point {point} reached" in done.stderr, verdict

    def cleanup(self):
        shutil.rmtree(self.directory, ignore_errors=True)
