#!/usr/bin/env python3
"""The process itself: flags, probes, locks, drain, authentication, TLS, start-up time and idle memory.

usage: server_test.py --saker build/release/saker [--only NAME]"""
import argparse
import base64
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.cases import Skip, case, run_cases
from support.saker_server import Server, free_port

QUICK = {"collectionName": "docs", "dimension": 4}
ROW = {"collectionName": "docs", "data": [{"id": 1, "vector": [0.1, 0.2, 0.3, 0.4], "color": "red"}]}


def run(*args, timeout=30):
    return subprocess.run([arguments.saker, *map(str, args)], capture_output=True, text=True, timeout=timeout)


def resident_mb(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")) / 1024


@case
def version_and_wrong_arguments():
    assert run("version").stdout.startswith("saker ")
    for args in (["serve", "--prot", "1"], ["nonsense"], [], ["serve", "--port", "many"], ["model", "add", "x"]):
        done = run(*args)
        assert done.returncode != 0 and (done.stderr or done.stdout), args


@case
def an_open_address_wants_a_word():
    done = run("serve", "--address", "0.0.0.0", "--port", 0, "--ops-port", 0)
    assert done.returncode == 1 and "--insecure-open" in done.stderr, done.stderr


@case
def a_config_file_and_its_mistakes():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "saker.yaml"
        path.write_text("prot: 1\n")
        done = run("serve", "--config", path)
        assert done.returncode == 1 and "did you mean 'port'" in done.stderr, done.stderr
        path.write_text(f"log-format: json\nport: {free_port()}\n")
        with Server(arguments.saker, args=["--config", str(path)]) as server:
            lines = [line for line in server.log_path.read_text().splitlines() if line.startswith("{")]
            assert lines and all(json.loads(line)["event"] for line in lines)


@case
def starts_fast_and_small():
    times, sizes = [], []
    for _ in range(3):
        begin = time.monotonic()
        server = Server(arguments.saker, wait=False)
        with server:
            while True:
                with contextlib.suppress(OSError):
                    if server.post("/v2/vectordb/collections/list")[1]["code"] == 0:
                        break
                time.sleep(0.002)
            times.append(time.monotonic() - begin)
            time.sleep(0.3)
            sizes.append(resident_mb(server.process.pid))
    print(f"summary: first call after {min(times):.3f} to {max(times):.3f} s, resident {min(sizes):.1f} to {max(sizes):.1f} MiB")
    assert min(times) <= 0.5, times
    assert max(sizes) <= 60, sizes


@case
def a_second_server_on_the_same_data_is_refused():
    with Server(arguments.saker) as server:
        done = run("serve", "--data", server.data, "--port", 0, "--ops-port", 0)
        assert done.returncode == 1 and str(server.process.pid) in done.stderr and "another server" in done.stderr, done.stderr
        done = run("serve", "--data", tempfile.mkdtemp(), "--port", server.port, "--ops-port", 0)
        assert done.returncode == 1 and str(server.port) in done.stderr, done.stderr


@case
def sigterm_drains_and_data_stays():
    with Server(arguments.saker) as server:
        server.call("collections/create", QUICK)
        server.call("entities/insert", ROW)
        assert server.stop() == 0, server.log_tail()
        server.start()
        rows = server.call("entities/query", {"collectionName": "docs", "filter": "id >= 0", "outputFields": ["color"]})
        assert rows == [{"id": 1, "color": "red"}], rows
        server.kill()
        server.start()
        assert server.call("entities/search", {"collectionName": "docs", "data": [[0.1, 0.2, 0.3, 0.4]], "limit": 1})[0]["id"] == 1


@case
def probes_and_metrics():
    with Server(arguments.saker) as server:
        assert server.get("/livez", ops=True)[0] == 200
        assert server.get("/readyz", ops=True)[0] == 200 and server.get("/healthz", ops=True)[0] == 200
        server.call("collections/create", QUICK)
        server.call("entities/insert", ROW)
        server.call("entities/search", {"collectionName": "docs", "data": [[0.1, 0.2, 0.3, 0.4]], "limit": 1})
        status, text = server.get("/metrics", ops=True)
        assert status == 200
        names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and not line.startswith("#")}
        for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "saker_build_info", "milvus_proxy_req_count"):
            assert name in names, (name, sorted(names)[:80])
        assert server.get("/v2/vectordb/collections/list", ops=True)[0] == 404
        assert server.post("/v2/vectordb/collections/list")[0] == 200


@case
def not_ready_while_a_model_is_missing():
    server = Server(arguments.saker, args=["--model", "/no/such/model"], wait=False)
    with server:
        server.process.wait(20)
        assert server.process.returncode == 1 and "/no/such/model" in server.log_tail(), server.log_tail()


@case
def authentication():
    password = "a long password"
    with Server(arguments.saker, args=["--auth"], env={"SAKER_ROOT_PASSWORD": password}) as server:
        status, reply = server.post("/v2/vectordb/collections/list")
        assert status == 401 and reply["code"] == 1800, (status, reply)
        assert server.post("/v1/embeddings", {"model": "x", "input": "y"})[0] == 401
        for token in ("root:wrong", "root:", ":", "nobody:" + password, "Root:" + password, "root\n:" + password):
            bad = base64.b64encode(token.encode()).decode()
            assert server.post("/v2/vectordb/collections/list", headers={"Authorization": "Basic " + bad})[0] == 401, token
        assert server.post("/v2/vectordb/collections/list", headers={"sourceId": "@@milvus-member@@"})[0] == 401
        root = {"Authorization": "Bearer root:" + password}
        assert server.call("collections/list", headers=root) == []
        server.call("users/create", {"userName": "ann", "password": "secret-1"}, headers=root)
        ann = {"Authorization": "Bearer ann:secret-1"}
        assert server.call("collections/list", headers=ann) == []
        assert sorted(server.call("users/list", headers=root)) == ["ann", "root"]
        status, reply = server.post("/v2/vectordb/users/create", {"userName": "eve", "password": "secret-2"}, headers=ann)
        assert status in (200, 403) and reply["code"] != 0, reply
        server.call("users/drop", {"userName": "ann"}, headers=root)
        assert server.post("/v2/vectordb/collections/list", headers=ann)[0] == 401
        server.stop()
        server.extra_env = {}
        server.start()
        assert server.call("collections/list", headers=root) == []


@case
def a_generated_root_password_is_printed_once():
    with Server(arguments.saker, args=["--auth"]) as server:
        text = server.log_path.read_text()
        password = text.split("root, password ")[1].split()[0]
        assert server.call("collections/list", headers={"Authorization": f"Bearer root:{password}"}) == []
        server.stop()
        server.start()
        assert server.log_path.read_text().count("root, password ") == 1
    with tempfile.TemporaryDirectory() as folder, socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(1)
        done = run("serve", "--auth", "--data", folder, "--ops-port", "0", "--port", busy.getsockname()[1])
        assert done.returncode == 1 and done.stdout.count("root, password ") == 1, "a start that fails must not lock root out"


@case
def authentication_on_grpc():
    sys.path.insert(0, str(sorted(pathlib.Path("build/sdk").glob("2.6*"))[-1]))
    from pymilvus import MilvusClient
    with Server(arguments.saker, args=["--auth"], env={"SAKER_ROOT_PASSWORD": "a long password"}) as server:
        uri = f"http://127.0.0.1:{server.port}"
        for token in ("root:wrong", "", "nobody:a long password"):
            try:
                MilvusClient(uri, token=token, timeout=5).list_collections()
            except Exception as error:
                assert "auth" in str(error).lower() or "Fail connecting" in str(error), error
            else:
                raise AssertionError(f"token {token!r} was let in")
        client = MilvusClient(uri, token="root:a long password")
        assert client.list_collections() == []
        client.create_user("bob", "password-1")
        assert set(client.list_users()) == {"root", "bob"}
        bob = MilvusClient(uri, token="bob:password-1")
        assert bob.list_collections() == []
        try:
            bob.create_user("eve", "password-2")
        except Exception as error:  # a refusal is a gRPC status, which this client hands on as it is
            assert "permission" in str(error).lower() or "deny" in str(error).lower(), error
        else:
            raise AssertionError("an ordinary user made a user")
        bob.update_password("bob", "password-1", "password-9")
        assert MilvusClient(uri, token="bob:password-9").list_collections() == []
        client.drop_user("bob")


@case
def tls_for_both_protocols():
    if shutil.which("openssl") is None:
        raise Skip("openssl is not installed, so no certificate can be made")
    with tempfile.TemporaryDirectory() as folder:
        cert, key = pathlib.Path(folder) / "cert.pem", pathlib.Path(folder) / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        key.chmod(0o600)
        with Server(arguments.saker, args=["--tls-certificate", str(cert), "--tls-key", str(key)]) as server:
            context = ssl.create_default_context(cafile=str(cert))
            request = urllib.request.Request(f"https://localhost:{server.port}/v2/vectordb/collections/list", data=b"{}", method="POST",
                                             headers={"Content-Type": "application/json"})
            assert json.loads(urllib.request.urlopen(request, context=context, timeout=10).read())["code"] == 0
            sys.path.insert(0, str(sorted(pathlib.Path("build/sdk").glob("2.6*"))[-1]))
            from pymilvus import MilvusClient
            client = MilvusClient(f"https://localhost:{server.port}", secure=True, server_pem_path=str(cert), server_name="localhost")
            assert client.list_collections() == []
            try:
                status, _ = server.post("/v2/vectordb/collections/list", timeout=5)
            except OSError:
                status = None
            assert status is None, "plain HTTP was answered on a TLS port"
            both = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{server.port}", "-alpn", "h2,http/1.1"], input="",
                                  capture_output=True, text=True, timeout=20).stdout
            assert "ALPN protocol: http/1.1" in both, "curl and browsers offer both and speak REST"
        with Server(arguments.saker, args=["--tls-certificate", str(cert), "--tls-key", str(key), "--tls-client-ca", str(cert)],
                    wait=False) as server:
            known = ssl.create_default_context(cafile=str(cert))
            known.load_cert_chain(cert, key)
            request.full_url = f"https://localhost:{server.port}/v2/vectordb/collections/list"
            end = time.monotonic() + 20
            while True:
                try:
                    assert json.loads(urllib.request.urlopen(request, context=known, timeout=10).read())["code"] == 0
                    break
                except OSError:
                    assert time.monotonic() < end, "a client with the right certificate is not served"
                    time.sleep(0.05)
            try:
                urllib.request.urlopen(request, context=context, timeout=10)
                raise AssertionError("a client without a certificate was served over HTTP")
            except OSError:
                pass


@case
def load_from_bench_serve():
    rows, dim, queries = 1500, 8, 40
    source = random.Random(7)
    base = [[source.gauss(0, 1) for _ in range(dim)] for _ in range(rows)]
    truth = [sorted(range(rows), key=lambda row: sum((a - b) ** 2 for a, b in zip(base[row], base[q])))[:10] for q in range(queries)]
    with tempfile.TemporaryDirectory() as folder, Server(arguments.saker) as server:
        for name, kind, lines in (("base.fvecs", "f", base), ("query.fvecs", "f", base[:queries]), ("truth.ivecs", "i", truth)):
            with open(pathlib.Path(folder) / name, "wb") as out:
                for line in lines:
                    out.write(struct.pack(f"<i{len(line)}{kind}", len(line), *line))

        def bench(*more):
            done = run("bench", "serve", "--address", f"127.0.0.1:{server.port}", "--base", f"{folder}/base.fvecs", "--query", f"{folder}/query.fvecs",
                       "--truth", f"{folder}/truth.ivecs", "--seconds", "0.3", "--warm-up", "0.1", "--server-pid", server.process.pid, "--json", *more)
            return done, [json.loads(line) for line in done.stdout.splitlines()]

        done, lines = bench("--prepare", "--index", "FLAT", "--threads", "1..2", "--nq", "3")
        assert done.returncode == 0 and lines[0]["rows"] == rows and "best_threads" in lines[-1], done
        assert all(line["recall"] == 1 and line["errors"] == {} and line["server_cpu_us_per_query"] > 0 for line in lines[1:-1]), lines
        assert all(0 < line["p50_us"] <= line["p99_us"] <= line["p999_us"] for line in lines[1:-1]), lines
        done, _ = bench("--prepare")
        assert done.returncode == 1 and "--replace" in done.stderr, done
        done, lines = bench("--filter", "grp == 7", "--mix", "search=6,filtered=2,insert=2", "--insert-rows", "5")
        assert done.returncode == 0 and [line["kind"] for line in lines] == ["search", "filtered", "insert"], done
        assert all(line["calls"] > 0 and line["errors"] == {} for line in lines) and lines[0]["recall"] == 1, lines
        done, lines = bench("--insert-rate", "200")
        assert done.returncode == 0 and [line["kind"] for line in lines] == ["search", "insert"] and lines[1]["calls"] > 0, done
        done, _ = bench("--filter", "nothing ==")
        assert done.returncode == 1 and "no call was answered" in done.stderr, done
        for wrong, word in ((["--threads", "0"], "--threads"), (["--mix", "reads=1"], "--mix"), (["--metric", "hamming"], "--metric")):
            done, _ = bench(*wrong)
            assert done.returncode == 1 and word in done.stderr, done


@case
def models_by_name():
    model = os.environ.get("SAKER_TEST_MODEL")
    if not model:
        raise Skip("SAKER_TEST_MODEL names no model directory")
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "made-by-model-add"
        done = run("model", "add", "org/mini", model, "--alias", "small", "--data", data)
        assert done.returncode == 0, done.stderr
        assert "org/mini" in run("model", "list", "--data", data).stdout
        with Server(arguments.saker, data=data) as server:
            for name in ("org/mini", "small"):
                status, reply = server.post("/v1/embeddings", {"model": name, "input": ["a", "b"]})
                assert status == 200 and len(reply["data"]) == 2 and len(reply["data"][0]["embedding"]) == 384, reply
            status, reply = server.post("/v1/embeddings", {"model": model, "input": "a"})
            assert status == 404 and "error" in reply, reply
            assert run("model", "add", "second", model, "--data", data).returncode == 0
            end = time.monotonic() + 20
            while server.post("/v1/embeddings", {"model": "second", "input": "a"})[0] != 200:
                assert time.monotonic() < end, "the running server did not notice the new model"
                time.sleep(0.1)
            assert run("model", "remove", "second", "--data", data).returncode == 0


parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--only")
arguments = parser.parse_args()
run_cases(only=arguments.only)
