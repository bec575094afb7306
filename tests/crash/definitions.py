"""Databases, collections, partitions, aliases, indexes, loads and users that come and go while the server may die.

The state that the calls so far should have left is one plain value; every call makes the next one. After a restart what
can be read must equal the last acknowledged state or, when a call got no answer, the one it was about to make."""
import copy
import random
import threading

from crash import definitions_seen
from crash.connection import NO_ANSWER, Connection, RefusedError
from crash.definitions_seen import ROWS
from crash.workload import vector_of

DEFAULT = "_default"

# What a thread does again and again: `operation:argument...`, on a collection of its own that is made anew each time.
SCENARIOS = {
    "collection": "create insert:_default flush drop create drop",
    "partition": "create partition:p insert:p flush drop_partition:p partition:q insert:q drop_partition:q insert:_default",
    "truncate": "create partition:p insert:p insert:_default flush truncate insert:_default truncate",
    "index": "create insert:_default flush index scalar load indexed drop_scalar scalar indexed release drop_scalar drop_index index alter_index drop_index insert:_default flush",
    "compact": "create partition:p index load insert:_default flush insert:p flush insert:_default flush insert:p flush insert:_default "
               "flush compact delete:p delete:_default flush compact compact insert:p",
    "names": "create alias:a rename:y partition:p alias:b drop_alias:a add_field properties:60 rename:x drop_alias:b move insert:_default",
    "users": "user:one user:two password:one drop_user:two password:one drop_user:one user:two",
    "load": "create index insert:_default load partition:p insert:p release load release drop_index",
}


class Definitions:
    def __init__(self, seed, prefix):
        self.prefix, self.database = prefix, f"{prefix}_db"
        self.random = random.Random(seed)
        self.focus = None  # a scenario that most turns take
        self.states, self.acknowledged = [{"databases": {}, "collections": {}, "users": {}}], 0
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.refusals = []
        self.calls = self.generation = 0

    @property
    def state(self):
        return self.states[-1]

    def start(self, port):
        self.stop.clear()
        thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        thread.start()
        return thread

    def finish(self, thread):
        self.stop.set()
        thread.join(60)
        assert not thread.is_alive(), "a definition call hangs after the server's death"

    def _run(self, port):
        try:
            c = Connection(port)
            while not self.stop.is_set():
                self.clear(c)
                focused = self.focus is not None and self.random.random() < 0.8
                for step in SCENARIOS[self.focus if focused else self.random.choice(list(SCENARIOS))].split():
                    if self.stop.is_set():
                        return
                    name, *arguments = step.split(":")
                    getattr(self, "_" + name)(c, *arguments)
        except NO_ANSWER:
            pass
        except RefusedError as error:
            self.refusals.append(str(error))

    def _do(self, c, path, body, change=None):
        """Calls; `change` makes the next state of a copy of this one."""
        following = copy.deepcopy(self.state)
        if change:
            change(following)
        with self.lock:
            self.states.append(following)
        try:
            c.call(path, body)
        except RefusedError:
            with self.lock:
                self.states.pop()
            raise
        with self.lock:
            self.acknowledged = len(self.states) - 1
            self.calls += 1

    # ---- the one collection that a scenario works on

    def _find(self):
        for name, collection in self.state["collections"].items():
            return name, collection
        raise AssertionError("a scenario works on a collection before it makes one")

    def _target(self, name=None):
        database, name = (name or self._find()[0]).split("/")
        return {"dbName": database, "collectionName": name}

    def _on(self, c, path, body=None, change=None):
        name = self._find()[0]
        self._do(c, path, {**self._target(name), **(body or {})}, change and (lambda state: change(state["collections"][name])))

    def clear(self, c):
        for name, collection in list(self.state["collections"].items()):
            for alias in list(collection["aliases"]):
                self._drop_alias(c, alias, named=False)
            self._do(c, "collections/drop", self._target(name), lambda state, name=name: state["collections"].pop(name))
        for name in list(self.state["databases"]):
            self._do(c, "databases/drop", {"dbName": name}, lambda state, name=name: state["databases"].pop(name))
        for name in list(self.state["users"]):
            self._do(c, "users/drop", {"userName": name}, lambda state, name=name: state["users"].pop(name))

    def _create(self, c):
        name = f"default/{self.prefix}_x"
        fresh = {"partitions": {DEFAULT: [0, 0]}, "aliases": [], "indexes": {}, "loaded": False, "properties": {},
                 "fields": ["id", "gen", "v"]}
        self._do(c, "collections/create", {**self._target(name), "schema": {"fields": [
            {"fieldName": "id", "dataType": "Int64", "isPrimary": True}, {"fieldName": "gen", "dataType": "Int64"},
            {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": 8}}]}},
            lambda state: state["collections"].update({name: fresh}))

    def _drop(self, c):
        self.clear(c)

    def _truncate(self, c):
        self._on(c, "collections/truncate", {}, lambda x: x["partitions"].update({p: [0, 0] for p in x["partitions"]}))

    def _partition(self, c, p):
        self._on(c, "partitions/create", {"partitionName": p}, lambda x: x["partitions"].update({p: [0, 0]}))

    def _drop_partition(self, c, p):
        self._on(c, "partitions/drop", {"partitionName": p}, lambda x: x["partitions"].pop(p))

    def _insert(self, c, p):
        """An upsert of the same keys with the next generation: all of it or nothing, in one record of the log."""
        self.generation += 1
        first = 0 if p == DEFAULT else 1000000 + 10000 * ord(p)
        rows = [{"id": first + i, "gen": self.generation, "v": vector_of(i, i)} for i in range(ROWS)]
        self._on(c, "entities/upsert", {"partitionName": p, "data": rows}, lambda x: x["partitions"].update({p: [ROWS, self.generation]}))

    def _delete(self, c, p):
        self._on(c, "entities/delete", {"partitionName": p, "filter": "id >= 0"}, lambda x: x["partitions"].update({p: [0, 0]}))

    def _flush(self, c):
        self._on(c, "collections/flush")

    def _compact(self, c):
        self._on(c, "collections/compact")

    def _index(self, c):
        index = {"fieldName": "v", "indexName": "v", "indexType": "HNSW", "metricType": "L2", "params": {"M": 4, "efConstruction": 10}}
        self._on(c, "indexes/create", {"indexParams": [index]}, lambda x: x["indexes"].update(v="false"))

    def _indexed(self, c):
        """Waits for the background builds."""
        for name in self._find()[1]["indexes"]:
            for _ in range(200):
                if c.call("indexes/describe", {**self._target(), "indexName": name})[0]["indexState"] == "Finished" or self.stop.wait(0.02):
                    break

    def _alter_index(self, c):
        self._on(c, "indexes/alter_properties", {"indexName": "v", "properties": {"mmap.enabled": "true"}},
                 lambda x: x["indexes"].update(v="true"))

    def _drop_index(self, c):
        self._on(c, "indexes/drop", {"indexName": "v"}, lambda x: x["indexes"].pop("v"))

    def _scalar(self, c):
        self._on(c, "indexes/create", {"indexParams": [{"fieldName": "gen", "indexName": "gen", "indexType": "STL_SORT"}]},
                 lambda x: x["indexes"].update(gen="false"))

    def _drop_scalar(self, c):
        self._on(c, "indexes/drop", {"indexName": "gen"}, lambda x: x["indexes"].pop("gen"))

    def _load(self, c):
        self._on(c, "collections/load", {}, lambda x: x.update(loaded=True))

    def _release(self, c):
        self._on(c, "collections/release", {}, lambda x: x.update(loaded=False))

    def _alias(self, c, alias):
        alias = f"{self.prefix}_{alias}"
        self._on(c, "aliases/create", {"aliasName": alias}, lambda x: x["aliases"].append(alias))

    def _drop_alias(self, c, alias, named=True):
        alias = f"{self.prefix}_{alias}" if named else alias
        self._on(c, "aliases/drop", {"aliasName": alias}, lambda x: x["aliases"].remove(alias))

    def _rename(self, c, name, database="default"):
        old, new = self._find()[0], f"{database}/{self.prefix}_{name}"
        self._do(c, "collections/rename", {**self._target(old), "newDbName": database, "newCollectionName": f"{self.prefix}_{name}"},
                 lambda state: state["collections"].update({new: state["collections"].pop(old)}))

    def _move(self, c):
        """To a database of its own."""
        self._do(c, "databases/create", {"dbName": self.database}, lambda state: state["databases"].update({self.database: {}}))
        self._do(c, "databases/alter", {"dbName": self.database, "properties": {"database.max.collections": "7"}},
                 lambda state: state["databases"].update({self.database: {"database.max.collections": "7"}}))
        self._rename(c, "z", self.database)

    def _add_field(self, c):
        self._on(c, "collections/fields/add", {"schema": {"fieldName": "more", "dataType": "Int64", "nullable": True}},
                 lambda x: x["fields"].append("more"))

    def _properties(self, c, seconds):
        self._on(c, "collections/alter_properties", {"properties": {"mmap.enabled": "true"}},
                 lambda x: x["properties"].update({"mmap.enabled": "true"}))

    def _user(self, c, name):
        self._password(c, name, "users/create")

    def _password(self, c, name, path="users/update_password"):
        self.generation += 1
        name, new, old = f"{self.prefix}_{name}", f"Pass-{self.generation}", self.state["users"].get(f"{self.prefix}_{name}", "")
        password = {"newPassword": new, "password": old} if old else {"password": new}
        self._do(c, path, {"userName": name, **password}, lambda state: state["users"].update({name: new}))

    def _drop_user(self, c, name):
        name = f"{self.prefix}_{name}"
        self._do(c, "users/drop", {"userName": name}, lambda state: state["users"].pop(name))

    # ---- judgement

    def before_cut(self):
        with self.lock:
            return self.acknowledged

    def after_cut(self, before):
        with self.lock:
            return copy.deepcopy(self.states[before:])

    def check(self, port, allowed=None, adopt=True):
        """What is wrong as a sentence, or None."""
        allowed = self.states[self.acknowledged:] if allowed is None else allowed
        seen = definitions_seen.everything(Connection(port), port, self.prefix, allowed)
        matching = [state for state in allowed if definitions_seen.equal(seen, state)]
        if not matching:
            return f"definitions of {self.prefix}: seen {seen}, allowed {allowed}"
        if adopt:
            self.states, self.acknowledged = [matching[-1]], 0
        return None
