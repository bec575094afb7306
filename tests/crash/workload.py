"""Concurrent insert, upsert, delete and search against a server that may die at any moment, and the judge of what it kept.

Every key belongs to one worker, so its history is a sequence. What was acknowledged is kept here, outside the server; a
call without an answer may have happened or not, until a read after the restart tells. Keys are used again after their
deletion, so a run of any length stays small enough to be compared whole after every crash."""
import random
import threading

from crash.connection import NO_ANSWER, Connection, RefusedError

DIM = 8
ABSENT = None
FAULTS = ("lost", "ghosts", "duplicates", "wrong")


def vector_of(key, value):
    generator = random.Random(key * 1000003 + value)
    return [round(generator.uniform(-1, 1), 4) for _ in range(DIM)]


class Workload:
    COLLECTION = "crash"

    def __init__(self, seed, workers=4, keys_per_worker=1500, batches=(1, 5, 50)):
        self.random = random.Random(seed)
        self.workers, self.keys_per_worker, self.batches = workers, keys_per_worker, batches
        self.truth = {}      # key -> value or ABSENT: acknowledged
        self.maybe = {}      # key -> list of values that an unanswered call may have left
        self.journal = []    # every (key, value) that was asked for since the last adopted check
        self.next_value = 1
        self.lock = threading.Lock()
        self.acknowledged = self.searches = self.approximate = 0
        self.refusals, self.wrong_reads = [], []
        self.stop = threading.Event()

    def create(self, port):
        Connection(port).call("collections/create", {"collectionName": self.COLLECTION, "schema": {
            "autoID": False, "enableDynamicField": False, "fields": [
                {"fieldName": "id", "dataType": "Int64", "isPrimary": True}, {"fieldName": "val", "dataType": "Int64"},
                {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": DIM}}]},
            "indexParams": [{"fieldName": "v", "metricType": "L2", "indexName": "v", "indexType": "HNSW",
                             "params": {"M": 8, "efConstruction": 40}}]})

    # ---- load

    def start(self, port):
        """Starts the workers; they end when the server dies or at finish()."""
        self.stop.clear()
        targets = [(self._worker, w) for w in range(self.workers)] + [(self._upkeep, None)]
        threads = [threading.Thread(target=self._guard, args=(port, *target), daemon=True) for target in targets]
        for t in threads:
            t.start()
        return threads

    def finish(self, threads):
        self.stop.set()
        for t in threads:
            t.join(60)
            assert not t.is_alive(), "a client call hangs after the server's death"

    def run(self, port, seconds):
        threads = self.start(port)
        self.stop.wait(seconds)
        self.finish(threads)

    def _guard(self, port, work, worker):
        try:
            c = Connection(port)
            while not self.stop.is_set():
                work(c, worker)
        except NO_ANSWER:
            pass
        except RefusedError as error:
            self.refusals.append(str(error))

    def _worker(self, c, worker):
        rng = random.Random(self.random.random())
        keys = [worker + self.workers * rng.randrange(self.keys_per_worker) for _ in range(rng.choice(self.batches))]
        kind = rng.random()
        if kind < 0.45:
            self._write(c, "entities/insert", {k: self._value() for k in keys if self.truth.get(k) is ABSENT})
        elif kind < 0.65:
            self._write(c, "entities/upsert", {k: self._value() for k in keys})
        elif kind < 0.8:
            self._write(c, "entities/delete", {k: ABSENT for k in keys[:10] if self.truth.get(k) is not ABSENT})
        else:
            known = [k for k in keys if self.truth.get(k) is not ABSENT]
            if known:
                self.searches += 1
                if not self._finds(c, known[0], self.truth[known[0]]):
                    self.wrong_reads.append((known[0], self.truth[known[0]]))

    def _value(self):
        with self.lock:
            self.next_value += 1
            return self.next_value

    def _finds(self, c, key, value):
        """A search for a row's own vector finds it; where the graph misses it, a filter that leaves only this row must not."""
        body = {"collectionName": self.COLLECTION, "data": [vector_of(key, value)], "annsField": "v", "limit": 1,
                "outputFields": ["id", "val"], "consistencyLevel": "Strong"}
        for narrower in ({}, {"filter": f"id == {key}"}):
            hits = c.call("entities/search", {**body, **narrower})
            if hits and (hits[0]["id"], hits[0]["val"]) == (key, value):
                self.approximate += bool(narrower)
                return True
        return False

    def _write(self, c, path, changes):
        if not changes:
            return
        with self.lock:
            self.journal.extend(changes.items())
            for k, v in changes.items():
                self.maybe.setdefault(k, [self.truth.get(k, ABSENT)]).append(v)
        body = {"collectionName": self.COLLECTION}
        if path.endswith("delete"):
            body["filter"] = f"id in {list(changes)}"
        else:
            body["data"] = [{"id": k, "val": v, "v": vector_of(k, v)} for k, v in changes.items()]
        refused = None
        try:
            c.call(path, body)
        except RefusedError as error:
            refused = error  # it must leave everything as it was
        with self.lock:
            for k, v in changes.items():
                self.maybe.pop(k, None)
                if refused is None:
                    self.truth[k] = v
            self.acknowledged += 0 if refused else len(changes)
        if refused is not None:
            raise refused

    def _upkeep(self, c, _):
        """Flushes and merges, so that the background jobs have work all the time."""
        if not self.stop.wait(self.random.uniform(0.05, 0.4)):
            c.call("collections/flush", {"collectionName": self.COLLECTION})
            if self.random.random() < 0.4:
                c.call("collections/compact", {"collectionName": self.COLLECTION})

    # ---- judgement

    def check(self, port, truth=None, maybe=None, adopt=True):
        """Compares everything readable with what was acknowledged; {lost, ghosts, duplicates, wrong, rows}."""
        truth = self.truth if truth is None else truth
        maybe = self.maybe if maybe is None else maybe
        c = Connection(port)
        verdict = dict.fromkeys(("rows", *FAULTS), 0)
        rows = self._read_all(c, verdict)
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
            self.journal.clear()
        for key in self.random.sample(sorted(rows), min(20, len(rows))):
            verdict["wrong"] += not self._finds(c, key, rows[key])
        return verdict

    def _read_all(self, c, verdict):
        """Every row with its vector; counts what comes twice and what does not belong together."""
        rows, last = {}, -1
        common = {"collectionName": self.COLLECTION, "consistencyLevel": "Strong"}
        while True:
            page = c.call("entities/query", {**common, "filter": f"id > {last}", "outputFields": ["id", "val", "v"], "limit": 10000})
            for row in page:
                verdict["duplicates"] += row["id"] in rows
                rows[row["id"]] = row["val"]
                good = all(abs(a - b) < 1e-5 for a, b in zip(row["v"], vector_of(row["id"], row["val"]), strict=True))
                verdict["wrong"] += not good
            if len(page) < 10000:
                break
            last = max(rows)
        count = c.call("entities/query", {**common, "filter": "", "outputFields": ["count(*)"], "limit": 0})[0]["count(*)"]
        verdict["duplicates"] += abs(count - len(rows))
        verdict["rows"] = len(rows)
        return rows

    # ---- a cut: what was acknowledged before it is sure, what was asked for until it is over may be there or not

    def before_cut(self):
        with self.lock:
            return dict(self.truth), {k: list(v) for k, v in self.maybe.items()}, len(self.journal)

    def after_cut(self, before):
        truth, maybe, mark = before
        with self.lock:
            later = self.journal[mark:]
        for key, value in later:
            maybe.setdefault(key, [truth.get(key, ABSENT)]).append(value)
        return truth, maybe
