#!/usr/bin/env python3
"""Garbage, half messages, too much of everything: a clear answer or a clean close, nothing lost, the process stays up.

usage: bad_input_test.py --saker build/release/saker [--only NAME]"""
import argparse
import contextlib
import json
import pathlib
import random
import resource
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.cases import case, run_cases
from support.half_calls import HalfCalls
from support.saker_server import Server

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def connect(server):
    s = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    return s


def healthy(server):
    """The one row is still there, through REST."""
    assert server.alive(), server.log_tail()
    rows = server.call("entities/search", {"collectionName": "docs", "data": [[1, 0, 0, 0]], "limit": 1, "outputFields": ["color"]})
    assert rows[0]["id"] == 1 and rows[0]["color"] == "red", rows


def drain(s):
    """What the server sends until it closes."""
    out = b""
    with contextlib.suppress(OSError):
        while part := s.recv(65536):
            out += part
    return out


@case
def garbage_is_closed(server):
    rng = random.Random(1)
    for data in (b"\0" * 100, rng.randbytes(1000), b"GARBAGE\r\n\r\n", b"GET\r\n\r\n", PREFACE[:20] + b"xxxx", PREFACE + rng.randbytes(5000),
                 b"\x16\x03\x01\x02\x00\x01\x00", b"POST /v2/vectordb/entities/insert HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                 b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000):
        with connect(server) as s:
            with contextlib.suppress(OSError):
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            drain(s)
        healthy(server)


@case
def half_messages(server):
    body = json.dumps({"collectionName": "docs", "data": [{"id": 7, "vector": [1, 2, 3, 4]}]}).encode()
    for cut in (10, 60, 120, len(body)):
        with connect(server) as s:
            request = b"POST /v2/vectordb/entities/insert HTTP/1.1\r\nHost: any\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (len(body) + 10) + body
            s.sendall(request[:cut])
    with connect(server) as s:
        s.sendall(PREFACE[:9])
    healthy(server)
    assert server.call("entities/query", {"collectionName": "docs", "filter": "id == 7"}) == []


@case
def headers_and_bodies_have_limits(server):
    with connect(server) as s:
        s.sendall(b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 100000 + b"\r\n\r\n")
        reply = drain(s)
        assert b" 431 " in reply or b" 400 " in reply or reply == b"", reply[:100]
    with connect(server) as s:
        s.sendall(b"POST /v2/vectordb/entities/insert HTTP/1.1\r\nHost: h\r\nContent-Length: 104857600\r\n\r\n")
        reply = s.recv(4096)
        assert b" 413 " in reply or reply == b"", reply[:100]
    healthy(server)


@case
def a_message_of_100_mb_over_grpc(server):
    import grpc
    from pymilvus.grpc_gen import milvus_pb2, milvus_pb2_grpc
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=[("grpc.max_send_message_length", -1)]) as channel:
        stub = milvus_pb2_grpc.MilvusServiceStub(channel)
        try:
            stub.Insert(milvus_pb2.InsertRequest(collection_name="docs", partition_name="x" * 100_000_000, num_rows=1), timeout=60)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in error.details(), error
        else:
            raise AssertionError("a message of 100 MB was taken")
    healthy(server)


@case
def half_messages_over_grpc_take_bounded_memory(server):
    """48 calls that would send 60 MiB each and stop before the end: 2.8 GiB if all were kept."""
    before, peak, sent = resident(server), 0, 0
    clients = [HalfCalls(server.port, calls=4, size=60 << 20) for _ in range(12)]
    end = time.monotonic() + 3  # after the last byte that the server let through
    while time.monotonic() < end and any([client.step() for client in clients]):
        peak = max(peak, resident(server))
        if sum(client.sent for client in clients) > sent:
            sent, end = sum(client.sent for client in clients), time.monotonic() + 3
    print(f"summary: {sent >> 20} MiB of half messages sent, resident {before:.0f} -> at most {peak:.0f} MiB")
    assert sent > 400 << 20, f"the test sent only {sent >> 20} MiB"
    assert peak - before < 900, f"{peak:.0f} MiB"
    healthy(server)
    for client in clients:
        client.close()


@case
def json_of_every_bad_kind(server):
    for body in (b"", b"{", b"[]", b"null", b'"x"', b"{\"collectionName\": 5}", b"[" * 100000, b'{"a":' * 5000, b'{"collectionName":"docs","data":[{"id":1e999,"vector":[1,2,3,4]}]}',
                 b'{"collectionName":"docs","data":[{"id":2,"vector":[NaN,2,3,4]}]}', b'{"collectionName":"docs","data":[{"id":2,"vector":[1e39,2,3,4]}]}',
                 b'{"collectionName":"docs","data":[{"id":2,"vector":["x",2,3,4]}]}', b'{"collectionName":"docs","data":[{"id":2,"vector":[1,2,3]}]}',
                 b'{"collectionName":"docs","data":[{"id":"two","vector":[1,2,3,4]}]}', b'{"collectionName":"docs","data":[{"vector":[1,2,3,4]}]}',
                 b'{"collectionName":"docs","data":[{"id":2,"vector":[1,2,3,4],"t":"\\ud800"}]}', b'\xff\xfe{"collectionName":"docs"}', b'{"collectionName":"docs","data":[{"id":2.5,"vector":[1,2,3,4]}]}',
                 b'{"collectionName":"docs","data":[{"id":99999999999999999999,"vector":[1,2,3,4]}]}'):
        start = time.monotonic()
        status, reply = server.post("/v2/vectordb/entities/insert", raw=body)
        assert isinstance(reply, dict) and reply.get("code", 0) != 0 and reply.get("message"), (body[:60], status, reply)
        assert time.monotonic() - start < 2, body[:60]
    healthy(server)
    assert server.call("entities/query", {"collectionName": "docs", "filter": "id != 1"}) == []


@case
def bad_requests_have_codes(server):
    search = {"collectionName": "docs", "data": [[1, 0, 0, 0]], "limit": 1}
    for change, code in (({"limit": 0}, 1100), ({"limit": 16385}, 1100), ({"limit": -1}, 1100), ({"data": [[1, 2]]}, None), ({"filter": "color =="}, 1100),
                         ({"filter": "(" * 10000}, 1100), ({"filter": "nosuch["}, 1100), ({"annsField": "nope"}, None), ({"collectionName": "gone"}, 100),
                         ({"outputFields": ["$$$"]}, None), ({"data": []}, None), ({"data": "text"}, None), ({"filter": "id in [" + "1," * 200000 + "1]"}, 0)):
        status, reply = server.post("/v2/vectordb/entities/search", {**search, **change})
        if code == 0:
            assert reply["code"] == 0, (str(change)[:80], reply)
        else:
            assert reply["code"] != 0 and (code is None or reply["code"] == code) and reply["message"], (str(change)[:80], reply)
    server.call("collections/release", {"collectionName": "docs"})
    assert server.post("/v2/vectordb/entities/search", search)[1]["code"] == 101
    server.call("collections/load", {"collectionName": "docs"})
    end = time.monotonic() + 10
    while server.call("collections/get_load_state", {"collectionName": "docs"})["loadState"] != "LoadStateLoaded":
        assert time.monotonic() < end
        time.sleep(0.01)
    healthy(server)


@case
def too_long_and_unknown(server):
    server.call("collections/create", {"collectionName": "strict", "schema": {"fields": [
        {"fieldName": "id", "dataType": "Int64", "isPrimary": True}, {"fieldName": "s", "dataType": "VarChar", "elementTypeParams": {"max_length": 5}},
        {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": 2}}]}})
    for row, word in (({"id": 1, "s": "123456", "v": [1, 2]}, "max length"), ({"id": 1, "v": [1, 2]}, "s"), ({"id": 1, "s": "a", "v": [1, 2], "extra": 1}, "extra"),
                      ({"id": 1, "s": 5, "v": [1, 2]}, ""), ({"s": "a", "v": [1, 2]}, "id")):
        reply = server.post("/v2/vectordb/entities/insert", {"collectionName": "strict", "data": [row]})[1]
        assert reply["code"] != 0 and word in reply["message"], (row, reply)
    server.call("collections/drop", {"collectionName": "strict"})
    healthy(server)


@case
def any_host_header_is_served(server):
    for host in ("example.org", "svc.cluster.local:8080", "[::1]"):
        assert server.post("/v2/vectordb/collections/list", headers={"Host": host})[1]["code"] == 0


@case
def ten_thousand_idle_connections(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(10000, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 12000), hard))
    before = resident(server)
    idle = []
    try:
        for i in range(wanted):
            s = socket.socket()
            s.settimeout(5)
            with contextlib.suppress(OSError):
                s.connect(("127.0.0.1", server.port))
                idle.append(s)
        start = time.monotonic()
        for _ in range(20):
            healthy_or_busy(server, idle)
        print(f"summary: {len(idle)} idle connections, resident {before:.0f} -> {resident(server):.0f} MiB, a search takes {(time.monotonic() - start) / 20 * 1e3:.1f} ms")
    finally:
        for s in idle:
            s.close()
    time.sleep(0.5)
    healthy(server)


def healthy_or_busy(server, idle):
    """At the connection limit one idle socket makes room for us."""
    try:
        healthy(server)
    except OSError:
        for _ in range(20):
            idle.pop().close()
        time.sleep(0.2)
        healthy(server)


def resident(server):
    return next(int(line.split()[1]) for line in open(f"/proc/{server.process.pid}/status") if line.startswith("VmRSS")) / 1024


parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--only")
arguments = parser.parse_args()
sys.path.insert(0, str(sorted(pathlib.Path("build/sdk").glob("2.6*"))[-1]))
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
# An eighth of the limit, 512 MiB, is for messages that are still coming.
with Server(arguments.saker, args=["--memory-limit", str(4 << 30)]) as the_server:
    the_server.call("collections/create", {"collectionName": "docs", "dimension": 4})
    the_server.call("entities/insert", {"collectionName": "docs", "data": [{"id": 1, "vector": [1, 0, 0, 0], "color": "red"}]})
    run_cases(the_server, only=arguments.only)
