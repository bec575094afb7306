"""Starts a real Saker process for a test, on free ports with its data in a folder of its own; polls, never guesses."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def shared_data():
    """The folder of optional real data, or None (a fresh clone has none)."""
    path = pathlib.Path(os.environ.get("SAKER_SHARED", ROOT.parent / "shared")) / "data"
    return path if path.is_dir() else None


def free_ports(count):
    """Distinct ports: all are held until the last is known."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]


def free_port():
    return free_ports(1)[0]


class Server:
    def __init__(self, saker, data=None, args=(), env=None, wait=True, log=None):
        self.saker, self.args, self.extra_env = str(saker), list(args), dict(env or {})
        self.own_data = data is None
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="saker-test-"))
        self.port, self.ops_port = free_ports(2)
        self.log_path = pathlib.Path(log or str(self.data) + ".log")
        self.process = None
        self.start(wait)

    def start(self, wait=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.saker, "serve", "--data", str(self.data), "--port", str(self.port), "--ops-port", str(self.ops_port), *self.args],
                stdout=log, stderr=log, env={**os.environ, **self.extra_env})
        if wait:
            try:
                self.wait_ready()
            except RuntimeError:
                self.kill()  # nobody gets the object to end it with
                raise

    def wait_ready(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}/readyz", timeout=2) as reply:
                    if reply.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.01)
        raise RuntimeError(f"the server was not ready after {seconds} s:\n{self.log_tail()}")

    def log_tail(self, lines=30):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.alive():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=60):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError(f"the server did not stop within {seconds} s of SIGTERM:\n{self.log_tail()}")
        return self.process.returncode

    def cleanup(self):
        self.kill()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)
            with contextlib.suppress(OSError):
                self.log_path.unlink()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.log_tail())
        self.cleanup()

    # REST, the short way
    def post(self, path, body=None, headers=None, raw=None, timeout=60):
        data = raw if raw is not None else json.dumps(body or {}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method="POST",
                                         headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return reply.status, json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            body = error.read()
            try:
                return error.code, json.loads(body)
            except ValueError:
                return error.code, body.decode(errors="replace")

    def call(self, path, body=None, **kwargs):
        """A /v2/vectordb call that must succeed; its data."""
        status, reply = self.post("/v2/vectordb/" + path, body, **kwargs)
        if status != 200 or reply.get("code") != 0:
            raise AssertionError(f"{path} answered {status}: {str(reply)[:400]}")
        return reply.get("data")

    def get(self, path, ops=False, timeout=10):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port if ops else self.port}{path}", timeout=timeout) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
