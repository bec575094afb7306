"""Concurrent insert, upsert, delete and search against a server that may die at any moment, and the judge of what it kept.

Every key belongs to one worker, so its history is a sequence. What was acknowledged is kept here, outside the server; a
call without an answer may have happened or not, until a read after the restart tells."""
import http.client
import json
import random
import threading
import time

DIM = 8
ABSENT = None


def vector_of(key, value):
    generator = random.Random(key * 1000003 + value)
    return [round(generator.uniform(-1, 1), 4) for _ in range(DIM)]


class Connection:
    """One keep-alive connection; raises OSError or http.client errors when the server is gone."""

    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def call(self, path, body):
        self.http.request("POST", "/v2/vectordb/" + path, json.dumps(body), {"Content-Type": "application/json"})
        reply = json.loads(self.http.getresponse().read())
        if reply.get("code") != 0:
            raise RefusedError(f"{path}: {reply}")
        return reply.get("data")


class RefusedError(Exception):
    pass


class Workload:
    COLLECTION = "crash"

    def __init__(self, seed, workers=4):
        self.random = random.Random(seed)
        self.workers = workers
        self.truth = {}      # key -> value or ABSENT: acknowledged
        self.maybe = {}      # key -> list of values that an unanswered call may have left
        self.next_key = [w for w in range(workers)]
        self.next_value = 1
        self.lock = threading.Lock()
        self.acknowledged = self.searches = self.refused = 0
        self.wrong_reads = []
        self.stop = threading.Event()

    def create(self, port):
        c = Connection(port)
        c.call("collections/create", {"collectionName": self.COLLECTION, "schema": {"autoID": False, "enableDynamicField": False, "fields": [
            {"fieldName": "id", "dataType": "Int64", "isPrimary": True}, {"fieldName": "val", "dataType": "Int64"},
            {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": DIM}}]},
            "indexParams": [{"fieldName": "v", "metricType": "L2", "indexName": "v", "indexType": "HNSW", "params": {"M": 8, "efConstruction": 40}}]})

    # ---- load

    def run(self, port, seconds):
        """Runs the workers until the server dies or the time is over."""
        self.stop.clear()
        threads = [threading.Thread(target=self._worker, args=(port, w), daemon=True) for w in range(self.workers)]
        threads.append(threading.Thread(target=self._flusher, args=(port,), daemon=True))
        for t in threads:
            t.start()
        self.stop.wait(seconds)
        return threads

    def finish(self, threads):
        self.stop.set()
        for t in threads:
            t.join(60)
            assert not t.is_alive(), "a client call hangs after the server's death"

    def _value(self):
        with self.lock:
            self.next_value += 1
            return self.next_value

    def _worker(self, port, worker):
        rng = random.Random(self.random.random())
        try:
            c = Connection(port)
            while not self.stop.is_set():
                self._step(c, worker, rng)
        except (OSError, http.client.HTTPException, ValueError):
            pass

    def _step(self, c, worker, rng):
        mine = [k for k in range(worker, self.next_key[worker], self.workers)]
        kind = rng.random()
        if kind < 0.45 or len(mine) < 50:
            keys = [self.next_key[worker] + i * self.workers for i in range(rng.choice([1, 5, 50]))]
            self.next_key[worker] = keys[-1] + self.workers
            self._write(c, "entities/insert", {k: self._value() for k in keys})
        elif kind < 0.65:
            self._write(c, "entities/upsert", {k: self._value() for k in rng.sample(mine, min(len(mine), rng.choice([1, 10])))})
        elif kind < 0.8:
            keys = rng.sample(mine, min(len(mine), rng.choice([1, 8])))
            self._write(c, "entities/delete", {k: ABSENT for k in keys})
        else:
            key = rng.choice(mine)
            known = None if key in self.maybe else self.truth.get(key)
            if known is not ABSENT:
                rows = c.call("entities/search", {"collectionName": self.COLLECTION, "data": [vector_of(key, known)], "annsField": "v", "limit": 1,
                                                  "outputFields": ["id", "val"], "consistencyLevel": "Strong"})
                self.searches += 1
                if not rows or (rows[0]["id"], rows[0]["val"]) != (key, known):
                    self.wrong_reads.append((key, known, rows))

    def _write(self, c, path, changes):
        with self.lock:
            for k, v in changes.items():
                self.maybe.setdefault(k, [self.truth.get(k, ABSENT)]).append(v)
        body = {"collectionName": self.COLLECTION}
        if path.endswith("delete"):
            body["filter"] = f"id in {list(changes)}"
        else:
            body["data"] = [{"id": k, "val": v, "v": vector_of(k, v)} for k, v in changes.items()]
        try:
            c.call(path, body)
        except RefusedError:
            # A refusal must leave everything as it was.
            with self.lock:
                self.refused += 1
                for k in changes:
                    self.maybe.pop(k, None)
            return
        with self.lock:
            self.acknowledged += len(changes)
            for k, v in changes.items():
                self.truth[k] = v
                self.maybe.pop(k, None)

    def _flusher(self, port):
        try:
            c = Connection(port)
            while not self.stop.wait(self.random.uniform(0.2, 1.0)):
                try:
                    c.call("collections/flush", {"collectionName": self.COLLECTION})
                    if self.random.random() < 0.3:
                        c.call("collections/compact", {"collectionName": self.COLLECTION})
                    self._define_and_drop(c)
                except RefusedError:
                    pass
        except (OSError, http.client.HTTPException, ValueError):
            pass

    def _define_and_drop(self, c):
        """A second collection that comes, gets rows, partitions and an index, and goes: the definitions' own arrows."""
        side = {"collectionName": "side"}
        c.call("collections/drop", side)
        c.call("collections/create", {**side, "schema": {"fields": [{"fieldName": "id", "dataType": "Int64", "isPrimary": True},
                                                                    {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": DIM}}]}})
        c.call("partitions/create", {**side, "partitionName": "p"})
        c.call("entities/insert", {**side, "partitionName": "p", "data": [{"id": i, "v": vector_of(i, 0)} for i in range(1200)]})
        c.call("collections/flush", side)
        index = {"fieldName": "v", "indexName": "v", "indexType": "HNSW", "metricType": "L2", "params": {"M": 4, "efConstruction": 10}}
        c.call("indexes/create", {**side, "indexParams": [index]})
        c.call("indexes/drop", {**side, "indexName": "v"})
        c.call("partitions/drop", {**side, "partitionName": "p"})
        c.call("collections/drop", side)

    # ---- judgement

    def check(self, port, truth=None, maybe=None, adopt=True):
        """Compares everything readable with what was acknowledged; {lost, ghosts, duplicates, wrong, rows}."""
        truth = self.truth if truth is None else truth
        maybe = self.maybe if maybe is None else maybe
        c = Connection(port)
        rows, last = {}, -1
        duplicates = 0
        while True:
            page = c.call("entities/query", {"collectionName": self.COLLECTION, "filter": f"id > {last}", "outputFields": ["id", "val"],
                                             "limit": 10000, "consistencyLevel": "Strong"})
            for row in page:
                duplicates += row["id"] in rows
                rows[row["id"]] = row["val"]
            if len(page) < 10000:
                break
            last = max(rows)
        count = c.call("entities/query", {"collectionName": self.COLLECTION, "filter": "", "outputFields": ["count(*)"], "limit": 0,
                                          "consistencyLevel": "Strong"})[0]["count(*)"]
        verdict = {"rows": len(rows), "lost": 0, "ghosts": 0, "wrong": 0, "duplicates": duplicates + abs(count - len(rows))}
        for key in set(truth) | set(maybe) | set(rows):
            have = rows.get(key, ABSENT)
            allowed = maybe[key] if key in maybe else [truth.get(key, ABSENT)]
            if have in allowed:
                if adopt:
                    truth[key] = have
                continue
            wanted = [v for v in allowed if v is not ABSENT]
            verdict["lost" if have is ABSENT else "ghosts" if not wanted else "wrong"] += 1
        if adopt:
            maybe.clear()
        sample = self.random.sample(sorted(rows), min(20, len(rows)))
        for key in sample:
            hits = c.call("entities/search", {"collectionName": self.COLLECTION, "data": [vector_of(key, rows[key])], "annsField": "v",
                                              "limit": 1, "outputFields": ["id"], "consistencyLevel": "Strong"})
            verdict["wrong"] += not hits or hits[0]["id"] != key
        return verdict

    def copy_of_truth(self):
        with self.lock:
            return dict(self.truth), {k: list(v) for k, v in self.maybe.items()}
