#!/usr/bin/env python3
"""The demo: embeds the package descriptions of this Debian machine through the public API and answers questions about them.

usage: demo.py --saker PATH --model DIR [--data DIR] [--seconds 90] [--port N]   (Python's standard library only)"""
import argparse
import contextlib
import glob
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BOLD, DIM, GREEN, END = ("\033[1m", "\033[2m", "\033[32m", "\033[0m") if sys.stdout.isatty() else ("", "", "", "")
COLLECTION = "packages"
QUESTIONS = ["a program to edit photographs", "play chess against the computer", "read and write PDF files", "monitor network traffic",
             "learn the names of the stars"]


def say(text=""):
    print(text, flush=True)


def package_descriptions():
    """(name, description, section, homepage) of the packages in apt's lists: the translated short texts when they are there."""
    rows, seen = [], set()
    long_texts = {}
    for path in glob.glob("/var/lib/apt/lists/*_i18n_Translation-en*"):
        for fields in stanzas(path):
            if "Description-md5" in fields:
                long_texts[fields["Description-md5"]] = fields.get("Description-en", "")
    for path in sorted(glob.glob("/var/lib/apt/lists/*_Packages*")):
        for fields in stanzas(path):
            name = fields.get("Package", "")
            text = long_texts.get(fields.get("Description-md5", ""), "") or fields.get("Description", "")
            if name and text and name not in seen:
                seen.add(name)
                rows.append((name, text.replace("\n .\n", "\n").strip(), fields.get("Section", ""), fields.get("Homepage", ""), fields.get("Tag", "")))
    return rows


def stanzas(path):
    """The paragraphs of a Debian control file; lz4 and others are opened by apt's own helper."""
    if path.endswith((".lz4", ".xz", ".gz", ".zst")):
        source = subprocess.Popen(["/usr/lib/apt/apt-helper", "cat-file", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    else:
        source = open(path, "rb")
    fields, key = {}, None
    with source:
        for raw in source:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            if not line:
                if fields:
                    yield fields
                fields, key = {}, None
            elif line[0] in " \t":
                if key:
                    fields[key] += "\n" + line.strip()
            else:
                key, _, value = line.partition(":")
                fields[key] = value.strip()
    if fields:
        yield fields


def own_docs():
    rows = []
    for path in sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/**/README.md")]):
        for number, part in enumerate(p.strip() for p in path.read_text(errors="replace").split("\n\n")):
            if len(part) > 60:
                rows.append((f"{path.relative_to(ROOT)}#{number}", part, "docs", "", ""))
    return rows


def free_port(wanted):
    for port in [wanted, 0]:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return s.getsockname()[1]
    raise SystemExit("no free port")


class Client:
    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def call(self, path, body):
        self.http.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        reply = json.loads(self.http.getresponse().read())
        if reply.get("code", 0) != 0:
            raise SystemExit(f"{path}: {reply}")
        return reply.get("data", reply)


def start(arguments):
    port, ops = free_port(arguments.port), free_port(9091)
    if port != arguments.port:
        say(f"{DIM}port {arguments.port} is busy, taking {port}{END}")
    log_path = pathlib.Path(str(arguments.data) + ".log")
    log_path.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with open(log_path, "wb") as log:
        server = subprocess.Popen([arguments.saker, "serve", "--data", str(arguments.data), "--port", str(port), "--ops-port", str(ops),
                                   "--model", f"all-MiniLM-L6-v2={arguments.model}"], stdout=log, stderr=log, start_new_session=True)
    while True:
        if server.poll() is not None:
            raise SystemExit(f"the server did not start:\n{log_path.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            probe = http.client.HTTPConnection("127.0.0.1", ops, timeout=2)
            probe.request("GET", "/readyz")
            if probe.getresponse().status == 200:
                break
        if time.monotonic() - begin > 60:
            raise SystemExit(f"the server is not ready after a minute; its log is {log_path}")
        time.sleep(0.02)
    say(f"{GREEN}server{END}  ready in {time.monotonic() - begin:.1f} s on port {port}, its model is warm; log {log_path}")
    return server, port, ops


def create(client):
    client.call("/v2/vectordb/collections/drop", {"collectionName": COLLECTION})
    client.call("/v2/vectordb/collections/create", {
        "collectionName": COLLECTION,
        "schema": {"autoID": False, "enableDynamicField": True, "fields": [
            {"fieldName": "name", "dataType": "VarChar", "isPrimary": True, "elementTypeParams": {"max_length": 200}},
            {"fieldName": "text", "dataType": "VarChar", "elementTypeParams": {"max_length": 60000}},
            {"fieldName": "section", "dataType": "VarChar", "elementTypeParams": {"max_length": 100}},
            {"fieldName": "vector", "dataType": "FloatVector", "elementTypeParams": {"dim": 384}}],
            "functions": [{"name": "embed", "type": "TextEmbedding", "inputFieldNames": ["text"], "outputFieldNames": ["vector"],
                           "params": {"provider": "saker", "model_name": "all-MiniLM-L6-v2"}}]},
        "indexParams": [{"fieldName": "vector", "indexName": "vector", "indexType": "AUTOINDEX", "metricType": "COSINE"}]})


def insert(port, rows, seconds):
    """Two callers, so that one text waits while another is embedded. Stops after `seconds`; the number of rows inserted."""
    begin, end = time.monotonic(), time.monotonic() + seconds
    batch, position, done, lock = 128, 0, 0, threading.Lock()
    errors = []

    def work():
        nonlocal position, done
        client = Client(port)
        while time.monotonic() < end and not errors:
            with lock:
                first, position = position, position + batch
            part = rows[first:first + batch]
            if not part:
                return
            try:
                client.call("/v2/vectordb/entities/insert", {"collectionName": COLLECTION, "data": [
                    {"name": n, "text": t[:800], "section": s, "homepage": h, "tags": g} for n, t, s, h, g in part]})
            except (SystemExit, OSError, http.client.HTTPException) as error:
                errors.append(error)
                return
            with lock:
                done += len(part)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for t in threads:
        t.start()
    tty = sys.stdout.isatty()
    last = 0.0
    while any(t.is_alive() for t in threads):
        time.sleep(0.2)
        now = time.monotonic()
        if tty or now - last >= 5:
            last = now
            share = max(done / len(rows), min(1.0, (now - begin) / seconds))
            bar = "#" * int(share * 30)
            print(f"{chr(13) if tty else ''}embedding and inserting [{bar:30}] {done:6} rows, {done / (now - begin):5.0f} a second",
                  end="" if tty else "\n", flush=True)
    if tty:
        print()
    if errors:
        raise SystemExit(f"inserting failed: {errors[0]}")
    say(f"{GREEN}rows{END}    {done} of {len(rows)} texts embedded and stored durably in {time.monotonic() - begin:.1f} s "
        f"({done / (time.monotonic() - begin):.0f} a second; more would take longer, not more memory)")
    return done


def ask(client, question, flt=""):
    begin = time.monotonic()
    body = {"collectionName": COLLECTION, "data": [question], "annsField": "vector", "limit": 3, "outputFields": ["name", "text", "section"]}
    if flt:
        body["filter"] = flt
    hits = client.call("/v2/vectordb/entities/search", body)
    took = (time.monotonic() - begin) * 1e3
    say(f"\n{BOLD}{question}{END}{'   where ' + flt if flt else ''}   {DIM}{took:.1f} ms: tokenize, embed, search, fetch{END}")
    for hit in hits:
        first_line = hit["text"].split("\n")[0][:80]
        say(f"  {hit['distance']:.3f}  {hit['name']:28} {first_line}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--saker", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "build/demo-data")
    parser.add_argument("--seconds", type=float, default=75, help="time for embedding")
    parser.add_argument("--port", type=int, default=19530)
    arguments = parser.parse_args()

    rows = package_descriptions()
    if rows:
        say(f"{GREEN}texts{END}   {len(rows)} package descriptions in this machine's apt lists")
    else:
        rows = own_docs()
        say(f"{GREEN}texts{END}   no apt lists here; taking {len(rows)} paragraphs of this project's own documentation")
    rows.sort(key=lambda r: hash_order(r[0]))  # any first part is a fair sample
    server, port, ops = start(arguments)
    try:
        client = Client(port)
        create(client)
        insert(port, rows, arguments.seconds)
        for question in QUESTIONS:
            ask(client, question)
        ask(client, QUESTIONS[0], 'section == "graphics"')
        show_others(port)
        if sys.stdin.isatty() and sys.stdout.isatty():
            say(f"\nThe server stays until Ctrl-C. Type a question, or press Ctrl-C.")
            with contextlib.suppress(KeyboardInterrupt, EOFError):
                while True:
                    if question := input("> ").strip():
                        ask(client, question)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(40)
        except subprocess.TimeoutExpired:
            server.kill()
    say(f"\nThe server has stopped; the data stays in {arguments.data}. Next: build/release/saker serve --data {arguments.data} "
        f"--model all-MiniLM-L6-v2={arguments.model}")


def hash_order(text):
    value = 0
    for byte in text.encode():
        value = (value * 1099511628211 + byte) % (1 << 64)
    return value


def show_others(port):
    command = (f"""curl -s http://127.0.0.1:{port}/v2/vectordb/entities/search -d '{{"collectionName": "{COLLECTION}", """
               f""""data": ["send an email"], "annsField": "vector", "limit": 2, "outputFields": ["name"]}}'""")
    say(f"\n{BOLD}The same with curl{END}\n  {command}")
    reply = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=30).stdout.strip()
    say(f"  {reply}")
    say(f"\n{BOLD}The same with pymilvus{END}\n  from pymilvus import MilvusClient\n  client = MilvusClient(\"http://127.0.0.1:{port}\")\n"
        f"  client.search(\"{COLLECTION}\", data=[\"send an email\"], anns_field=\"vector\", limit=2, output_fields=[\"name\"])")
    say(f"{BOLD}And the model by itself{END}\n  curl -s http://127.0.0.1:{port}/v1/embeddings -d '{{\"model\": \"all-MiniLM-L6-v2\", \"input\": \"any text\"}}'")


if __name__ == "__main__":
    main()
