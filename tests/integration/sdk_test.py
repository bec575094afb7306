#!/usr/bin/env python3
"""What an unmodified pymilvus can do with a real server: MilvusClient and ORM, one scenario after the other.

usage: PYTHONPATH=<pymilvus of some version> sdk_test.py --saker build/release/saker [--only NAME]"""
import argparse
import json
import logging
import pathlib
import sys
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import numpy as np
import pymilvus
from pymilvus import (AnnSearchRequest, Collection, CollectionSchema, DataType, FieldSchema, MilvusClient, MilvusException, RRFRanker,
                      WeightedRanker, connections, utility)
from support.cases import Skip, case, raises, run_cases
from support.saker_server import Server

VERSION = tuple(int(part) for part in pymilvus.__version__.split(".")[:2])
DIM = 16
rng = np.random.default_rng(7)


def vectors(n, dim=DIM):
    return rng.standard_normal((n, dim)).astype(np.float32)


def fresh(client, name):
    if client.has_collection(name):
        client.drop_collection(name)
    return name


def quick(client, name, n=100, **kwargs):
    """A loaded collection with ids 0..n-1, a color and a number in the dynamic field, and its vectors."""
    fresh(client, name)
    client.create_collection(name, dimension=DIM, **kwargs)
    data = vectors(n)
    if n:
        client.insert(name, [{"id": i, "vector": data[i].tolist(), "color": ["red", "green", "blue"][i % 3], "n": i} for i in range(n)])
    return data


def nearest(data, query, k, metric="COSINE"):
    if metric == "L2":
        scores = -((data - query) ** 2).sum(1)
    elif metric == "IP":
        scores = data @ query
    else:
        scores = data @ query / np.linalg.norm(data, axis=1) / np.linalg.norm(query)
    return np.argsort(-scores, kind="stable")[:k].tolist()


def ids_of(hits):
    return [h["id"] for h in hits]


@case
def connects_and_tells_its_version(c):
    assert c.get_server_version()
    assert isinstance(c.list_collections(), list)


@case
def a_client_reads_its_own_write(c):
    data = quick(c, "own_write")
    for i in (0, 42, 99):
        hits = c.search("own_write", [data[i].tolist()], limit=3)[0]
        assert hits[0]["id"] == i and abs(hits[0]["distance"] - 1) < 1e-5, hits
    assert ids_of(c.search("own_write", [data[5].tolist()], limit=10)[0]) == nearest(data, data[5], 10)
    c.insert("own_write", [{"id": 1000, "vector": data[0].tolist(), "color": "new"}])
    assert {1000, 0} == set(ids_of(c.search("own_write", [data[0].tolist()], limit=2)[0]))


@case
def search_gives_fields_and_dynamic_keys(c):
    data = quick(c, "fields")
    hits = c.search("fields", [data[3].tolist()], limit=2, output_fields=["color", "n"])[0]
    assert hits[0]["entity"]["color"] == "red" and hits[0]["entity"]["n"] == 3, hits
    everything = c.search("fields", [data[3].tolist()], limit=1, output_fields=["*"])[0][0]["entity"]
    assert everything["color"] == "red" and len(everything["vector"]) == DIM and everything["id"] == 3, everything


@case
def filtered_search_returns_k_when_k_match(c):
    data = quick(c, "filtered", 300)
    hits = c.search("filtered", [data[0].tolist()], limit=100, filter='color == "green"')[0]
    assert len(hits) == 100 and all(h["id"] % 3 == 1 for h in hits)
    assert len(c.search("filtered", [data[0].tolist()], limit=10, filter="n in [1, 2, 3]")[0]) == 3
    wide = {h["id"] for h in c.search("filtered", [data[0].tolist()], limit=300, filter="n > 10 or n < 5")[0]}
    narrow = {h["id"] for h in c.search("filtered", [data[0].tolist()], limit=300, filter="n > 10")[0]}
    assert narrow < wide and len(narrow) == 289 and len(wide) == 294


@case
def query_get_count_limit_offset(c):
    quick(c, "queries")
    assert [r["id"] for r in c.query("queries", filter="n >= 95", output_fields=["n"])] == [95, 96, 97, 98, 99]
    assert c.query("queries", filter="", output_fields=["count(*)"])[0]["count(*)"] == 100
    assert c.query("queries", filter='color == "blue"', output_fields=["count(*)"])[0]["count(*)"] == 33
    assert [r["id"] for r in c.query("queries", filter="id >= 0", limit=5, offset=10, output_fields=["id"])] == [10, 11, 12, 13, 14]
    got = c.get("queries", ids=[7, 3])
    assert {r["id"] for r in got} == {3, 7} and all(len(r["vector"]) == DIM for r in got)
    assert c.query("queries", filter="n == 12345") == []


@case
def upsert_and_delete(c):
    data = quick(c, "changes")
    c.upsert("changes", [{"id": 5, "vector": data[6].tolist(), "color": "changed"}])
    assert c.get("changes", ids=[5])[0]["color"] == "changed"
    assert c.query("changes", filter="", output_fields=["count(*)"])[0]["count(*)"] == 100
    c.delete("changes", ids=[1, 2])
    assert c.get("changes", ids=[1, 2]) == []
    c.delete("changes", filter='color == "blue"')
    assert c.query("changes", filter='color == "blue"', output_fields=["count(*)"])[0]["count(*)"] == 0
    hits = c.search("changes", [data[1].tolist()], limit=100)[0]
    assert 1 not in ids_of(hits) and len(hits) == c.query("changes", filter="", output_fields=["count(*)"])[0]["count(*)"]
    c.insert("changes", [{"id": 1, "vector": data[1].tolist(), "color": "back"}])
    assert ids_of(c.search("changes", [data[1].tolist()], limit=1)[0]) == [1]


@case
def inserting_a_key_again_shows_only_the_newest(c):
    data = quick(c, "again")
    c.insert("again", [{"id": 3, "vector": data[50].tolist(), "color": "second"}])
    hits = c.search("again", [data[50].tolist()], limit=100)[0]
    assert len(ids_of(hits)) == len(set(ids_of(hits))) == 100
    assert c.get("again", ids=[3])[0]["color"] == "second"


@case
def flush_then_the_same_answers(c):
    data = quick(c, "flushed", 2000)
    before = ids_of(c.search("flushed", [data[9].tolist()], limit=20)[0])
    c.flush("flushed")
    assert int(c.get_collection_stats("flushed")["row_count"]) == 2000
    assert ids_of(c.search("flushed", [data[9].tolist()], limit=20)[0]) == before
    c.delete("flushed", ids=list(range(100)))
    assert not set(range(100)) & set(ids_of(c.search("flushed", [data[9].tolist()], limit=500)[0]))
    assert c.query("flushed", filter="n >= 0", output_fields=["count(*)"])[0]["count(*)"] == 1900
    assert c.query("flushed", filter='color == "red"', output_fields=["count(*)"])[0]["count(*)"] == sum(1 for i in range(100, 2000) if i % 3 == 0)


@case
def every_scalar_type(c):
    name = fresh(c, "scalars")
    schema = c.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("pk", DataType.VARCHAR, is_primary=True, max_length=64)
    for field, kind in (("b", DataType.BOOL), ("i8", DataType.INT8), ("i16", DataType.INT16), ("i32", DataType.INT32), ("i64", DataType.INT64),
                        ("f", DataType.FLOAT), ("d", DataType.DOUBLE), ("j", DataType.JSON)):
        schema.add_field(field, kind)
    schema.add_field("s", DataType.VARCHAR, max_length=100)
    schema.add_field("ai", DataType.ARRAY, element_type=DataType.INT64, max_capacity=10)
    schema.add_field("as_", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=10, max_length=20)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=4)
    index = c.prepare_index_params()
    index.add_index("v", index_type="FLAT", metric_type="L2")
    c.create_collection(name, schema=schema, index_params=index)
    rows = [{"pk": f"k{i}", "b": i % 2 == 0, "i8": i, "i16": i * 100, "i32": i * 100000, "i64": i * 10**12, "f": i / 2, "d": i / 3,
             "j": {"a": {"b": i}, "tags": ["x", str(i)]}, "s": f"text {i}", "ai": list(range(i)), "as_": ["p", f"q{i}"],
             "v": [float(i)] * 4} for i in range(10)]
    c.insert(name, rows)
    got = {r["pk"]: r for r in c.query(name, filter='pk like "k%"', output_fields=["*"])}
    assert {r["pk"] for r in c.query(name, filter='pk =~ "^k.?"', output_fields=["pk"])} == set(got)
    assert c.query(name, filter='pk !~ "^k"', output_fields=["pk"]) == []
    for row in rows:
        mine = got[row["pk"]]
        for key in row:
            want, have = row[key], mine[key]
            if key in ("f", "d"):
                assert abs(want - have) < 1e-5
            elif key == "j" and isinstance(have, str):
                assert json.loads(have) == want
            else:
                assert list(have) == list(want) if isinstance(want, list) else have == want, (key, have, want)
    for text, keys in (("i8 > 7", {"k8", "k9"}), ('s == "text 3"', {"k3"}), ('j["a"]["b"] == 4', {"k4"}), ("b == true and i16 < 300", {"k0", "k2"}),
                       ('json_contains(j["tags"], "5")', {"k5"}), ("array_contains(ai, 8)", {"k9"}), ("array_length(ai) == 2", {"k2"}),
                       ('array_contains_any(as_, ["q1", "q7"])', {"k1", "k7"}), ("200000 < i32 <= 400000", {"k3", "k4"}),
                       ('pk in ["k1", "nope"]', {"k1"}), ("not (d > 0.5)", {"k0", "k1"}), ("ai[0] == 0 and i8 % 2 == 0 and f > 3", {"k8"})):
        assert {r["pk"] for r in c.query(name, filter=text, output_fields=["pk"])} == keys, text


@case
def nulls_and_defaults(c):
    if VERSION < (2, 5):
        raise Skip("nullable fields came with pymilvus 2.5")
    name = fresh(c, "nulls")
    schema = c.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("x", DataType.INT64, nullable=True)
    schema.add_field("y", DataType.VARCHAR, max_length=10, default_value="dflt")
    index = c.prepare_index_params()
    index.add_index("v", index_type="AUTOINDEX", metric_type="L2")
    c.create_collection(name, schema=schema, index_params=index)
    c.insert(name, [{"id": 1, "v": [0, 1], "x": 5, "y": "set"}, {"id": 2, "v": [1, 1], "x": None}, {"id": 3, "v": [2, 1]}])
    got = {r["id"]: r for r in c.query(name, filter="id > 0", output_fields=["x", "y"])}
    assert got[1]["x"] == 5 and got[2]["x"] is None and got[3]["x"] is None
    assert got[1]["y"] == "set" and got[2]["y"] == got[3]["y"] == "dflt"
    assert [r["id"] for r in c.query(name, filter="x is null")] == [2, 3]
    assert [r["id"] for r in c.query(name, filter="x is not null")] == [1]
    assert c.query(name, filter="x != 5") == [] and c.query(name, filter="not (x == 5)") == []
    hit = c.search(name, [[1.0, 1.0]], limit=1, output_fields=["x", "y"])[0][0]
    assert hit["id"] == 2 and hit["entity"]["x"] is None and hit["entity"]["y"] == "dflt"


@case
def auto_ids(c):
    name = fresh(c, "auto")
    c.create_collection(name, dimension=4, auto_id=True)
    ids = c.insert(name, [{"vector": [1.0, 0, 0, i]} for i in range(5)])["ids"]
    assert len(set(ids)) == 5
    assert {r["id"] for r in c.get(name, ids=list(ids))} == set(ids)


@case
def every_vector_type(c):
    name = fresh(c, "vecs")
    schema = c.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("f32", DataType.FLOAT_VECTOR, dim=8)
    schema.add_field("f16", DataType.FLOAT16_VECTOR, dim=8)
    schema.add_field("bin", DataType.BINARY_VECTOR, dim=32)
    schema.add_field("sp", DataType.SPARSE_FLOAT_VECTOR)
    index = c.prepare_index_params()
    index.add_index("f32", index_type="HNSW", metric_type="IP", params={"M": 8, "efConstruction": 64})
    index.add_index("f16", index_type="FLAT", metric_type="L2")
    index.add_index("bin", index_type="BIN_FLAT", metric_type="HAMMING")
    index.add_index("sp", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    c.create_collection(name, schema=schema, index_params=index)
    n, f = 50, vectors(50, 8)
    half = f.astype(np.float16)
    bits = rng.integers(0, 256, (n, 4), dtype=np.uint8)
    sparse = [{int(k): float(v) for k, v in zip(rng.choice(1000, 5, replace=False), rng.random(5) + 0.1)} for _ in range(n)]
    c.insert(name, [{"id": i, "f32": f[i].tolist(), "f16": half[i], "bin": bits[i].tobytes(), "sp": sparse[i]} for i in range(n)])
    for _ in range(2):
        assert ids_of(c.search(name, [f[3].tolist()], anns_field="f32", limit=5)[0]) == nearest(f, f[3], 5, "IP")
        assert ids_of(c.search(name, [half[4]], anns_field="f16", limit=5)[0]) == nearest(half.astype(np.float32), half[4].astype(np.float32), 5, "L2")
        hits = c.search(name, [bits[7].tobytes()], anns_field="bin", limit=3)[0]
        want = sorted((int(np.unpackbits(bits[i] ^ bits[7]).sum()), i) for i in range(n))[:3]
        assert [(int(h["distance"]), h["id"]) for h in hits] == want, (hits, want)
        hits = c.search(name, [sparse[9]], anns_field="sp", limit=1)[0]
        assert hits[0]["id"] == 9 and abs(hits[0]["distance"] - sum(v * v for v in sparse[9].values())) < 1e-3
        c.flush(name)
    row = c.get(name, ids=[9])[0]
    assert np.allclose(row["f32"], f[9]) and {int(k): v for k, v in row["sp"].items()}.keys() == sparse[9].keys()


@case
def bfloat16_and_int8(c):
    if VERSION < (2, 6):
        raise Skip("Int8Vector came with pymilvus 2.6")
    name = fresh(c, "int8s")
    schema = c.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("i8", DataType.INT8_VECTOR, dim=8)
    index = c.prepare_index_params()
    index.add_index("i8", index_type="HNSW", metric_type="L2", params={"M": 8, "efConstruction": 64})
    c.create_collection(name, schema=schema, index_params=index)
    data = rng.integers(-128, 128, (40, 8)).astype(np.int8)
    c.insert(name, [{"id": i, "i8": data[i]} for i in range(40)])
    assert ids_of(c.search(name, [data[11]], anns_field="i8", limit=4)[0]) == nearest(data.astype(np.float32), data[11].astype(np.float32), 4, "L2")


@case
def metrics_and_index_families(c):
    data = vectors(3000)
    for metric in ("L2", "IP", "COSINE"):
        for kind, params in (("FLAT", {}), ("HNSW", {"M": 16, "efConstruction": 200}), ("IVF_FLAT", {"nlist": 32}), ("AUTOINDEX", {})):
            name = fresh(c, f"fam_{metric}_{kind}")
            schema = c.create_schema()
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
            index = c.prepare_index_params()
            index.add_index("vector", index_type=kind, metric_type=metric, params=params)
            c.create_collection(name, schema=schema)
            c.insert(name, [{"id": i, "vector": v.tolist()} for i, v in enumerate(data)])
            c.flush(name)
            c.create_index(name, index)
            c.load_collection(name)
            found = total = 0
            for q in vectors(20):
                got = ids_of(c.search(name, [q.tolist()], limit=10, search_params={"metric_type": metric, "params": {"ef": 200, "nprobe": 32}})[0])
                assert len(got) == 10
                found += len(set(got) & set(nearest(data, q, 10, metric)))
                total += 10
            assert found / total >= (1.0 if kind in ("FLAT", "IVF_FLAT") else 0.95), (metric, kind, found / total)
            c.drop_collection(name)


@case
def range_search_offset_and_rounding(c):
    data = quick(c, "ranges", 200, metric_type="L2")
    q = data[0]
    distances = ((data - q) ** 2).sum(1)
    radius, inner = float(np.quantile(distances, 0.5)), float(np.quantile(distances, 0.1))
    hits = c.search("ranges", [q.tolist()], limit=200, search_params={"metric_type": "L2", "params": {"radius": radius, "range_filter": inner}})[0]
    want = {i for i, d in enumerate(distances) if inner <= d < radius}
    assert abs(len(want ^ set(ids_of(hits)))) <= 2, (len(want), len(hits))
    everything = ids_of(c.search("ranges", [q.tolist()], limit=30)[0])
    page = ids_of(c.search("ranges", [q.tolist()], limit=10, search_params={"metric_type": "L2", "params": {}, "offset": 10})[0])
    assert page == everything[10:20]
    rounded = c.search("ranges", [q.tolist()], limit=5, round_decimal=2)[0]
    assert all(abs(round(h["distance"], 2) - h["distance"]) < 1e-4 for h in rounded)


@case
def grouping(c):
    data = quick(c, "groups", 90)
    name = fresh(c, "grouped")
    schema = c.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("doc", DataType.INT64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    index = c.prepare_index_params()
    index.add_index("vector", index_type="HNSW", metric_type="COSINE", params={"M": 16, "efConstruction": 100})
    c.create_collection(name, schema=schema, index_params=index)
    c.insert(name, [{"id": i, "doc": i // 10, "vector": data[i].tolist()} for i in range(90)])
    hits = c.search(name, [data[0].tolist()], limit=9, group_by_field="doc", output_fields=["doc"])[0]
    docs = [h["entity"]["doc"] for h in hits]
    assert sorted(docs) == list(range(9)), docs
    best = {}
    for i in nearest(data, data[0], 90):
        best.setdefault(i // 10, i)
    assert set(ids_of(hits)) == set(best.values())


@case
def partitions(c):
    quick(c, "parts", 0)
    data = vectors(30)
    c.create_partition("parts", "p1")
    assert set(c.list_partitions("parts")) == {"_default", "p1"} and c.has_partition("parts", "p1")
    c.insert("parts", [{"id": i, "vector": data[i].tolist()} for i in range(10)])
    c.insert("parts", [{"id": i, "vector": data[i].tolist()} for i in range(10, 30)], partition_name="p1")
    assert set(ids_of(c.search("parts", [data[0].tolist()], limit=30, partition_names=["p1"])[0])) == set(range(10, 30))
    assert c.query("parts", filter="", output_fields=["count(*)"], partition_names=["_default"])[0]["count(*)"] == 10
    raises(MilvusException, lambda: c.search("parts", [data[0].tolist()], limit=1, partition_names=["none"]), "none")
    c.release_partitions("parts", ["p1"])
    c.drop_partition("parts", "p1")
    c.load_collection("parts")
    assert c.query("parts", filter="", output_fields=["count(*)"])[0]["count(*)"] == 10


@case
def partition_key(c):
    name = fresh(c, "pkey")
    schema = c.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("tenant", DataType.VARCHAR, max_length=20, is_partition_key=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    index = c.prepare_index_params()
    index.add_index("vector", index_type="AUTOINDEX", metric_type="L2")
    c.create_collection(name, schema=schema, index_params=index, num_partitions=8)
    data = vectors(100)
    c.insert(name, [{"id": i, "tenant": f"t{i % 7}", "vector": data[i].tolist()} for i in range(100)])
    hits = c.search(name, [data[0].tolist()], limit=100, filter='tenant == "t3"', output_fields=["tenant"])[0]
    assert {h["id"] for h in hits} == {i for i in range(100) if i % 7 == 3}
    assert c.query(name, filter='tenant in ["t1", "t2"]', output_fields=["count(*)"])[0]["count(*)"] == sum(i % 7 in (1, 2) for i in range(100))


@case
def aliases_rename_and_databases(c):
    data = quick(c, "orig", 10)
    c.create_alias("orig", "nick")
    assert c.search("nick", [data[2].tolist()], limit=1)[0][0]["id"] == 2
    assert c.describe_alias("nick")["collection_name"] == "orig" or c.describe_alias("nick").get("collection") == "orig"
    quick(c, "orig2", 5)
    c.alter_alias("orig2", "nick")
    assert c.query("nick", filter="", output_fields=["count(*)"])[0]["count(*)"] == 5
    c.drop_alias("nick")
    fresh(c, "renamed")
    c.rename_collection("orig", "renamed")
    assert not c.has_collection("orig") and c.has_collection("renamed")
    if hasattr(c, "create_database"):
        if "otherdb" not in c.list_databases():
            c.create_database("otherdb")
        assert "otherdb" in c.list_databases()
        other = MilvusClient(uri=URI, db_name="otherdb")
        assert other.list_collections() == []
        quick(other, "inner", 3)
        assert other.list_collections() == ["inner"] and "inner" not in c.list_collections()
        other.drop_collection("inner")
        other.close()
        c.drop_database("otherdb")


@case
def indexes_describe_drop_and_states(c):
    quick(c, "idx", 50)
    assert c.list_indexes("idx") == ["vector"]
    info = c.describe_index("idx", "vector")
    assert info["index_type"] == "AUTOINDEX" and info["metric_type"] == "COSINE", info
    assert "Loaded" in str(c.get_load_state("idx")["state"])
    raises(MilvusException, lambda: c.drop_index("idx", "vector"), "vector index cannot be dropped on loaded collection")
    c.release_collection("idx")
    assert "NotLoad" in str(c.get_load_state("idx")["state"])
    raises(MilvusException, lambda: c.search("idx", [[0.1] * DIM], limit=1), "not loaded")
    c.drop_index("idx", "vector")
    assert c.list_indexes("idx") == []
    raises(MilvusException, lambda: c.load_collection("idx"), "there is no vector index on field")


FILTERS = {
    "grp == 7": lambda r: r["grp"] == 7,
    "grp in [1, 3, 990]": lambda r: r["grp"] in (1, 3),
    "grp != 7 and 100 <= price < 105.5": lambda r: r["grp"] != 7 and 100 <= r["price"] < 105.5,
    'name == "n12"': lambda r: r["name"] == "n12",
    'name like "n12%"': lambda r: (r["name"] or "").startswith("n12"),
    'note like "%ü42%"': lambda r: "ü42" in r["note"],
    "not (name > \"n5\")": lambda r: r["name"] is not None and r["name"] <= "n5",
    "name is null": lambda r: r["name"] is None,
    "flag == true and array_contains(tags, 3)": lambda r: r["flag"] and 3 in r["tags"],
    "array_contains_all(tags, [1, 2])": lambda r: {1, 2} <= set(r["tags"]),
    'meta["a"]["b"] > 390': lambda r: isinstance(r["meta"]["a"]["b"], int) and r["meta"]["a"]["b"] > 390,
    'meta["a"]["b"] == "x1"': lambda r: r["meta"]["a"]["b"] == "x1",
    'color == "red" or grp == 2': lambda r: r["color"] == "red" or r["grp"] == 2,
}


@case
def scalar_indexes_change_no_answer(c):
    """Every type of scalar index over every kind of field; the same rows before, while and after they are built, and without them."""
    if VERSION < (2, 5):
        raise Skip("nullable fields came with pymilvus 2.5")
    name = fresh(c, "scalar")
    schema = c.create_schema(enable_dynamic_field=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    schema.add_field("grp", DataType.INT32)
    schema.add_field("price", DataType.DOUBLE)
    schema.add_field("name", DataType.VARCHAR, max_length=20, nullable=True)
    schema.add_field("note", DataType.VARCHAR, max_length=50)
    schema.add_field("flag", DataType.BOOL)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.INT64, max_capacity=8)
    schema.add_field("meta", DataType.JSON)
    index = c.prepare_index_params()
    index.add_index("vector", index_type="HNSW", metric_type="L2", params={"M": 8, "efConstruction": 40})
    c.create_collection(name, schema=schema, index_params=index)
    data = vectors(1500)
    rows = [{"id": i, "vector": data[i].tolist(), "grp": i % 100, "price": i / 10, "name": None if i % 11 == 0 else f"n{i % 40}",
             "note": f"note ü{i % 100} of {i}", "flag": i % 2 == 0, "tags": list(range(i % 5)),
             "meta": {"a": {"b": f"x{i % 3}" if i % 4 == 0 else i % 400}}, "color": "red" if i % 3 == 0 else "blue"} for i in range(1500)]
    c.insert(name, rows[:1400])

    def check(of):
        for text, chosen in FILTERS.items():
            wanted = [r["id"] for r in of if chosen(r)]
            got = sorted(r["id"] for r in c.query(name, filter=text, output_fields=["id"], limit=2000))
            assert got == wanted, (text, len(got), len(wanted))
            hits = c.search(name, [data[0].tolist()], filter=text, limit=5)[0]
            assert len(hits) == min(5, len(wanted)) and set(ids_of(hits)) <= set(wanted), text

    check(rows[:1400])
    more = c.prepare_index_params()
    more.add_index("grp", index_name="grp", index_type="STL_SORT")
    more.add_index("price", index_name="price", index_type="AUTOINDEX")
    more.add_index("name", index_name="name", index_type="Trie")
    more.add_index("note", index_name="note", index_type="NGRAM", params={"min_gram": 2, "max_gram": 3})
    more.add_index("flag", index_name="flag", index_type="BITMAP")
    more.add_index("tags", index_name="tags", index_type="INVERTED")
    more.add_index("meta", index_name="meta_b", index_type="INVERTED", params={"json_path": 'meta["a"]["b"]', "json_cast_type": "double"})
    more.add_index("color", index_name="color", index_type="INVERTED", params={"json_path": "color", "json_cast_type": "varchar"})
    c.create_index(name, more)
    c.flush(name)
    for one in ("grp", "price", "name", "note", "flag", "tags", "meta_b", "color"):
        for _ in range(200):
            info = c.describe_index(name, one)
            if info.get("state", "Finished") == "Finished" and info.get("pending_index_rows", 0) == 0:
                break
            time.sleep(0.05)
        assert info.get("indexed_rows", 1400) == 1400 == info.get("total_rows", 1400), info
    assert c.describe_index(name, "price")["index_type"] == "AUTOINDEX"
    assert c.describe_index(name, "name")["index_type"].upper() == "TRIE"
    assert c.describe_index(name, "meta_b")["json_path"] == 'meta["a"]["b"]'
    for _ in range(3):
        check(rows[:1400])  # from the second time on remembered
    c.insert(name, rows[1400:])
    c.delete(name, ids=[7, 107, 700])
    alive = [r for r in rows if r["id"] not in (7, 107, 700)]
    check(alive)
    c.release_collection(name)
    c.load_collection(name)
    check(alive)
    c.drop_index(name, "grp")
    c.drop_index(name, "color")
    assert "grp" not in c.list_indexes(name)
    check(alive)
    c.drop_collection(name)


@case
def scalar_index_refusals(c):
    name = fresh(c, "scalar_bad")
    schema = c.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    schema.add_field("f", DataType.FLOAT)
    schema.add_field("s", DataType.VARCHAR, max_length=9)
    schema.add_field("j", DataType.JSON)
    c.create_collection(name, schema=schema)

    def refused(field, kind, words, **params):
        index = c.prepare_index_params()
        index.add_index(field, index_type=kind, params=params)
        raises(MilvusException, lambda: c.create_index(name, index), words)

    refused("id", "BITMAP", "create bitmap index on primary key not supported")
    refused("f", "BITMAP", "bitmap index are only supported on bool, int, string and array field")
    refused("f", "Trie", "TRIE are only supported on varchar field")
    refused("j", "STL_SORT", "STL_SORT are only supported on numeric, varchar or timestamptz field")
    refused("j", "INVERTED", "json index must specify cast type", json_path='j["a"]')
    refused("s", "NGRAM", "Ngram index must specify both min_gram and max_gram", min_gram=2)
    refused("s", "NGRAM", "invalid min_gram or max_gram value for Ngram index", min_gram=3, max_gram=2)
    refused("s", "HYBRID", "invalid index type: HYBRID")
    c.drop_collection(name)


@case
def hybrid_search(c):
    name = fresh(c, "hyb")
    schema = c.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("a", DataType.FLOAT_VECTOR, dim=8)
    schema.add_field("b", DataType.FLOAT_VECTOR, dim=4)
    index = c.prepare_index_params()
    index.add_index("a", index_type="FLAT", metric_type="COSINE")
    index.add_index("b", index_type="FLAT", metric_type="COSINE")
    c.create_collection(name, schema=schema, index_params=index)
    a, b = vectors(60, 8), vectors(60, 4)
    c.insert(name, [{"id": i, "a": a[i].tolist(), "b": b[i].tolist()} for i in range(60)])
    requests = [AnnSearchRequest([a[5].tolist()], "a", {"metric_type": "COSINE", "params": {}}, limit=20),
                AnnSearchRequest([b[5].tolist()], "b", {"metric_type": "COSINE", "params": {}}, limit=20)]
    hits = c.hybrid_search(name, requests, RRFRanker(60), limit=10)[0]
    scores = {}
    for order in (nearest(a, a[5], 20), nearest(b, b[5], 20)):
        for rank, i in enumerate(order, 1):
            scores[i] = scores.get(i, 0) + 1 / (60 + rank)
    want = sorted(scores, key=lambda i: (-scores[i], i))[:10]
    assert ids_of(hits)[0] == 5 and all(abs(h["distance"] - scores[h["id"]]) < 1e-5 for h in hits) and set(ids_of(hits)) == set(want)
    if VERSION >= (2, 5):
        everything = c.hybrid_search(name, requests, RRFRanker(60), limit=30)[0]
        assert c.hybrid_search(name, requests, RRFRanker(60), limit=10, offset=3)[0] == everything[3:13]
    weighted = c.hybrid_search(name, requests, WeightedRanker(0.7, 0.3), limit=5)[0]
    assert ids_of(weighted)[0] == 5 and weighted == sorted(weighted, key=lambda h: -h["distance"])


@case
def iterators(c):
    data = quick(c, "iter", 1000)
    collection_iterator = c.query_iterator("iter", batch_size=130, filter="n >= 0", output_fields=["n"]) if hasattr(c, "query_iterator") else None
    if collection_iterator is not None:
        seen = []
        while True:
            page = collection_iterator.next()
            if not page:
                break
            seen += [r["id"] for r in page]
        collection_iterator.close()
        assert seen == list(range(1000)), (len(seen), seen[:5])
    if hasattr(c, "search_iterator"):
        iterator = c.search_iterator("iter", data=[data[0].tolist()], batch_size=90, limit=1000, search_params={"metric_type": "COSINE", "params": {}})
        seen = []
        while True:
            page = iterator.next()
            if not page:
                break
            seen += [hit["id"] if isinstance(hit, dict) else hit.id for hit in page]
        iterator.close()
        assert len(seen) == len(set(seen)) == 1000, (len(seen), len(set(seen)))


@case
def an_iterator_over_lists_brings_every_row(c):
    connections.connect("lists", uri=URI)
    name = fresh(c, "lists")
    schema = CollectionSchema([FieldSchema("id", DataType.INT64, is_primary=True), FieldSchema("v", DataType.FLOAT_VECTOR, dim=DIM)])
    collection = Collection(name, schema, using="lists")
    data = vectors(8000)
    collection.insert([list(range(8000)), data])
    collection.flush()
    collection.create_index("v", {"index_type": "IVF_FLAT", "metric_type": "L2", "params": {"nlist": 128}})
    collection.load()
    iterator = collection.search_iterator([data[4]], "v", {"metric_type": "L2", "params": {"nprobe": 2}}, batch_size=500)
    found = []
    while page := iterator.next():
        found += page.ids()
    iterator.close()
    assert sorted(found) == list(range(8000)), len(found)
    assert len(set(found[:2000]) - set(nearest(data, data[4], 2000, "L2"))) <= 1  # where two distances round alike
    connections.disconnect("lists")


@case
def an_iterator_passes_a_long_run_of_equal_scores(c):
    if not hasattr(c, "search_iterator"):
        raise Skip("this client's iterators belong to the ORM")
    name = fresh(c, "equal")
    c.create_collection(name, dimension=2, metric_type="L2")
    for first in range(0, 20000, 10000):
        c.insert(name, [{"id": i, "vector": [1.0, 1.0 if i < 19000 else 1 + (i - 18000) / 1000]} for i in range(first, first + 10000)])
    iterator = c.search_iterator(name, data=[[1.0, 1.0]], batch_size=700, search_params={"metric_type": "L2"})
    found = []
    while page := iterator.next():
        found += [hit["id"] if isinstance(hit, dict) else hit.id for hit in page]
    iterator.close()
    assert found == list(range(20000)), (len(found), len(set(found)))


@case
def search_by_ids(c):
    if VERSION < (2, 6) or "ids" not in MilvusClient.search.__code__.co_varnames:
        raise Skip("this client cannot search by ids")
    data = quick(c, "byids", 50)
    hits = c.search("byids", ids=[7, 9], limit=3, anns_field="vector")
    assert len(hits) == 2 and ids_of(hits[0])[0] == 7 and ids_of(hits[1]) == nearest(data, data[9], 3)


@case
def filter_templates(c):
    if VERSION < (2, 5):
        raise Skip("templates came with pymilvus 2.5")
    quick(c, "templates", 30)
    assert {r["id"] for r in c.query("templates", filter="n in {list}", filter_params={"list": [1, 5, 99]})} == {1, 5}
    assert [r["id"] for r in c.query("templates", filter='color == {c} and n < {m}', filter_params={"c": "red", "m": 7})] == [0, 3, 6]


def text_collection(c, name, texts, **options):
    fresh(c, name)
    schema = c.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
    schema.add_field("text", DataType.VARCHAR, max_length=1000, enable_analyzer=True, enable_match=True, **options)
    index = c.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    c.create_collection(name, schema=schema, index_params=index)
    c.insert(name, [{"id": i, "vector": [i, 0, 0, 0], "text": text} for i, text in enumerate(texts)])


@case
def text_match_and_phrase_match(c):
    if VERSION < (2, 5):
        raise Skip("analyzers came with pymilvus 2.5")
    texts = ["Machine learning, deep learning", "learning machines", "a machine that is learning", "nothing of it"]
    text_collection(c, "texts", texts, analyzer_params={"type": "english"})
    field = [f for f in c.describe_collection("texts")["fields"] if f["name"] == "text"][0]
    analyzer = field["params"]["analyzer_params"]  # clients give the text or parse it
    assert (json.loads(analyzer) if isinstance(analyzer, str) else analyzer) == {"type": "english"}, field
    assert str(field["params"]["enable_match"]).lower() == "true", field
    ids = lambda expr: [r["id"] for r in c.query("texts", filter=expr)]
    for sealed in (False, True):
        if sealed:
            c.flush("texts")
        assert ids("text_match(text, 'machine deep')") == [0, 1, 2]
        assert ids("TEXT_MATCH(text, 'machines deep', minimum_should_match=2)") == [0]
        assert ids("phrase_match(text, 'machine learning')") == [0]
        assert ids("phrase_match(text, 'machine learning', 1)") == [0]
        assert ids("phrase_match(text, 'machine learning', 2)") == [0, 1, 2]  # stop words leave their places
        assert ids("not text_match(text, 'machine')") == [3]
        hits = c.search("texts", [[3, 0, 0, 0]], limit=2, filter="text_match(text, 'learn') and id > 0")[0]
        assert ids_of(hits) == [2, 1], hits
    raises(MilvusException, lambda: c.query("texts", filter="text_match(id, 'x')"), "text match operation on non-string is unsupported")
    c.delete("texts", filter="text_match(text, 'deep')")
    assert ids("text_match(text, 'machine')") == [1, 2]
    raises(MilvusException, lambda: text_collection(c, "badtext", [], analyzer_params={"type": "klingon"}), "unknown build-in analyzer type")


@case
def run_analyzer(c):
    if not hasattr(c, "run_analyzer"):
        raise Skip("run_analyzer came with pymilvus 2.5.11")
    words = lambda result: [token if isinstance(token, str) else token["token"] for token in result.tokens]
    assert words(c.run_analyzer("The Runners ran", {"type": "english"})) == ["runner", "ran"]
    several = c.run_analyzer(["One two", "北京大学的学生"], {"type": "chinese"}, with_detail=True, with_hash=True)
    assert [words(result) for result in several] == [["One", "two"], ["北京", "大学", "的", "学生"]], several
    token = several[0].tokens[1]
    assert (token["start_offset"], token["end_offset"], token["position_length"]) == (4, 7, 3) and token["hash"] == zlib.crc32(b"two"), token
    custom = {"tokenizer": "standard", "filter": ["lowercase", {"type": "length", "max": 4}, {"type": "stop", "stop_words": ["of"]}]}
    assert words(c.run_analyzer("An EXAMPLE of Text", custom)) == ["an", "text"]
    text_collection(c, "analyzed", ["x"], analyzer_params={"type": "english"})
    assert words(c.run_analyzer("Runners", collection_name="analyzed", field_name="text")) == ["runner"]
    raises(MilvusException, lambda: c.run_analyzer("x", {"tokenizer": "nothing"}), "unsupported tokenizer: nothing")


@case
def compute_phrase_match_slop(c):
    from pymilvus.grpc_gen import milvus_pb2
    if not hasattr(milvus_pb2, "ComputePhraseMatchSlopRequest"):
        raise Skip("ComputePhraseMatchSlop came with the messages of 3.0")
    request = milvus_pb2.ComputePhraseMatchSlopRequest(analyzer_params='{"type": "standard"}', query_text="data privacy",
                                                       data_texts=["data privacy", "data user privacy", "none"])
    reply = c._get_connection()._stub.ComputePhraseMatchSlop(request, timeout=5)
    assert reply.status.code == 0 and list(reply.is_match) == [True, True, False] and list(reply.slops) == [0, 1, -1], reply


@case
def consistency_levels(c):
    data = quick(c, "levels", 10)
    for level in ("Strong", "Bounded", "Session", "Eventually"):
        assert c.search("levels", [data[1].tolist()], limit=1, consistency_level=level)[0][0]["id"] == 1
        assert len(c.query("levels", filter="n >= 0", consistency_level=level)) == 10


@case
def describe_and_alter(c):
    quick(c, "desc", 3)
    info = c.describe_collection("desc")
    assert [f["name"] for f in info["fields"]] == ["id", "vector"] and info["enable_dynamic_field"] is True, info
    if hasattr(c, "alter_collection_properties"):
        c.alter_collection_properties("desc", {"collection.ttl.seconds": 86400})
        assert dict(c.describe_collection("desc")["properties"]).get("collection.ttl.seconds") == "86400"
    if hasattr(c, "add_collection_field"):
        c.add_collection_field("desc", field_name="extra", data_type=DataType.INT64, nullable=True)
        row = c.query("desc", filter="id == 1", output_fields=["extra"])[0]
        assert row["extra"] is None
        c.insert("desc", [{"id": 50, "vector": [0.5] * DIM, "extra": 9}])
        assert [r["id"] for r in c.query("desc", filter="extra == 9")] == [50]
        assert len(c.query("desc", filter="extra is null")) == 3


@case
def orm_scenario(c):
    connections.connect("orm", uri=URI)
    name = fresh(c, "orm_c")
    schema = CollectionSchema([FieldSchema("id", DataType.INT64, is_primary=True), FieldSchema("tag", DataType.VARCHAR, max_length=20),
                               FieldSchema("v", DataType.FLOAT_VECTOR, dim=8)], description="orm")
    collection = Collection(name, schema, using="orm")
    data = vectors(200, 8)
    result = collection.insert([list(range(200)), [f"t{i % 4}" for i in range(200)], data])
    assert result.insert_count == 200
    collection.flush()
    assert collection.num_entities == 200
    collection.create_index("v", {"index_type": "HNSW", "metric_type": "L2", "params": {"M": 8, "efConstruction": 64}})
    utility.wait_for_index_building_complete(name, using="orm")
    assert collection.index().params["index_type"] == "HNSW"
    collection.load()
    hits = collection.search([data[4]], "v", {"metric_type": "L2", "params": {"ef": 64}}, limit=5, expr='tag == "t0"', output_fields=["tag"])[0]
    assert hits.ids[0] == 4 and all(h.entity.get("tag") == "t0" for h in hits)
    rows = collection.query("id in [1, 2]", output_fields=["tag"])
    assert {r["id"]: r["tag"] for r in rows} == {1: "t1", 2: "t2"}
    collection.upsert([[1], ["changed"], data[:1]])
    assert collection.query("id == 1", output_fields=["tag"])[0]["tag"] == "changed"
    assert collection.delete("id in [1, 2]").delete_count == 2
    iterator = collection.query_iterator(batch_size=50, expr="id >= 0", output_fields=["tag"])
    count = 0
    while page := iterator.next():
        count += len(page)
    iterator.close()
    assert count == 198
    iterator = collection.search_iterator([data[4]], "v", {"metric_type": "L2", "params": {"ef": 64}}, batch_size=40, limit=150)
    found = []
    while page := iterator.next():
        found += page.ids()
    iterator.close()
    assert len(found) == len(set(found)) == 150, len(found)
    collection.release()
    utility.drop_collection(name, using="orm")
    assert not utility.has_collection(name, using="orm")
    connections.disconnect("orm")


@case
def compaction(c):
    quick(c, "compacts", 500)
    c.flush("compacts")
    c.delete("compacts", ids=list(range(250)))
    job = c.compact("compacts") if hasattr(c, "compact") else None
    if job is not None:
        end = time.monotonic() + 30
        while "ompleted" not in str(c.get_compaction_state(job)) and time.monotonic() < end:
            time.sleep(0.05)
    assert c.query("compacts", filter="", output_fields=["count(*)"])[0]["count(*)"] == 250
    assert c.query("compacts", filter="n < 300", output_fields=["count(*)"])[0]["count(*)"] == 50


BOOKS = ["The quick brown fox jumps over the lazy dog", "Foxes are quick; a quick fox!", "A dog sleeps in the sun", "",
         "Falcons hunt in open country", "The saker is a falcon of the open steppe"]


def library(client, name, analyzer=None, index_type="SPARSE_INVERTED_INDEX", **kwargs):
    """A loaded collection with full-text search over BOOKS, a dense vector and a shelf beside them."""
    from pymilvus import Function, FunctionType
    fresh(client, name)
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("text", DataType.VARCHAR, max_length=1000, enable_analyzer=True, analyzer_params=analyzer or {"type": "english"})
    schema.add_field("shelf", DataType.INT64)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_field("dense", DataType.FLOAT_VECTOR, dim=DIM)
    schema.add_function(Function(name="bm25", input_field_names=["text"], output_field_names=["sparse"], function_type=FunctionType.BM25))
    index = client.prepare_index_params()
    index.add_index("sparse", index_type=index_type, metric_type="BM25", **kwargs)
    index.add_index("dense", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(name, [{"id": i, "text": text, "shelf": i % 2, "dense": [float(i)] * DIM} for i, text in enumerate(BOOKS)])


@case
def full_text_search(c):
    if VERSION < (2, 5):
        raise Skip("functions came with 2.5")
    for index_type, extra in (("SPARSE_INVERTED_INDEX", {"params": {"inverted_index_algo": "DAAT_MAXSCORE", "bm25_k1": 1.2, "bm25_b": 0.75}}),
                              ("AUTOINDEX", {})):
        library(c, "library", index_type=index_type, **extra)
        search = lambda texts, **kwargs: c.search("library", data=texts, anns_field="sparse", **{"limit": 5, **kwargs})
        for sealed in (False, True):
            hits = search(["foxes"], output_fields=["text"])[0]
            assert ids_of(hits) == [1, 0] and hits[0]["entity"]["text"] == BOOKS[1] and hits[0]["distance"] > hits[1]["distance"] > 0, hits
            both = search(["dogs", "falcon steppe", "the"])
            assert [sorted(ids_of(hits)) for hits in both] == [[0, 2], [4, 5], []] and ids_of(both[1])[0] == 5, both
            assert ids_of(search(["fox dog"], filter="shelf == 0")[0]) == [0, 2] or ids_of(search(["fox dog"], filter="shelf == 0")[0]) == [2, 0]
            assert len(search(["fox dog"], limit=1)[0]) == 1
            assert ids_of(search(["falcon"], search_params={"metric_type": "BM25", "params": {"drop_ratio_search": 0.2}})[0])[0] in (4, 5)
            rows = c.query("library", filter="id == 1", output_fields=["*"])
            assert "sparse" not in rows[0] and rows[0]["text"] == BOOKS[1], rows
            c.flush("library")
    about = c.describe_collection("library")
    assert about["functions"][0]["name"] == "bm25" and about["functions"][0]["output_field_names"] == ["sparse"], about
    assert [f for f in about["fields"] if f["name"] == "sparse"][0]["is_function_output"]
    raises(MilvusException, lambda: search(["fox"], output_fields=["sparse"]), "not allowed to retrieve raw data of field sparse")
    raises(MilvusException, lambda: c.search("library", data=[{1: 0.5}], anns_field="sparse", limit=1), "please provide varchar/text for BM25")
    raises(MilvusException, lambda: search(["fox"], search_params={"metric_type": "IP"}), "metric type not match")
    index = c.prepare_index_params()
    index.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    c.release_collection("library")
    c.drop_index("library", "sparse")
    raises(MilvusException, lambda: c.create_index("library", index), "must be BM25, got IP")


@case
def hybrid_search_with_text(c):
    if VERSION < (2, 5):
        raise Skip("functions came with 2.5")
    library(c, "hybrid_text")
    text = AnnSearchRequest(data=["falcon"], anns_field="sparse", param={"metric_type": "BM25"}, limit=4)
    dense = AnnSearchRequest(data=[[4.0] * DIM], anns_field="dense", param={"metric_type": "L2"}, limit=4)
    for ranker in (RRFRanker(), WeightedRanker(0.6, 0.4)):
        hits = c.hybrid_search("hybrid_text", [text, dense], ranker, limit=3, output_fields=["text"])[0]
        assert hits[0]["id"] == 4 and hits[1]["id"] == 5, hits


@case
def an_iterator_over_texts_brings_every_row(c):
    if VERSION < (2, 5):
        raise Skip("functions came with 2.5")
    library(c, "text_pages")
    words = ["alpha", "beta", "gamma", "delta"]
    c.insert("text_pages", [{"id": 100 + i, "text": " ".join(words[: 1 + i % 4] * (1 + i % 7)) + f" w{i}", "shelf": 0, "dense": [0.0] * DIM} for i in range(600)])
    pages = c.search_iterator("text_pages", data=["beta"], anns_field="sparse", batch_size=90, search_params={"metric_type": "BM25"})
    found = []
    while page := pages.next():
        found += [h["id"] for h in page]
        c.upsert("text_pages", [{"id": 5000 + len(found), "text": "beta beta", "shelf": 1, "dense": [0.0] * DIM}])
    pages.close()
    assert sorted(found) == [100 + i for i in range(600) if i % 4 >= 1], (len(found), len(set(found)))


@case
def bad_requests_have_milvus_words(c):
    data = quick(c, "errors", 10)
    raises(MilvusException, lambda: c.search("errors", [[0.1] * 3], limit=1), "dimension")
    raises(MilvusException, lambda: c.search("errors", [data[0].tolist()], limit=16385), "should be in range [1, 16384]")
    raises(MilvusException, lambda: c.query("errors", filter="n >"), "cannot parse expression")
    raises(Exception, lambda: c.query("no_such", filter="id > 0"), "collection not found")
    raises(Exception, lambda: c.insert("errors", [{"id": 1, "vector": [float("nan")] * DIM}]))
    raises(Exception, lambda: c.insert("errors", [{"id": 1, "vector": [1.0] * 3}]))
    raises(MilvusException, lambda: c.create_collection("9bad", dimension=4), "Invalid collection name")
    assert c.query("errors", filter="", output_fields=["count(*)"])[0]["count(*)"] == 10


@case
def drops_are_idempotent(c):
    quick(c, "gone", 1)
    c.drop_collection("gone")
    c.drop_collection("gone")
    assert not c.has_collection("gone")


parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--only")
arguments = parser.parse_args()
logging.disable(logging.CRITICAL)  # the client logs each refusal that a case provokes
print(f"pymilvus {pymilvus.__version__}")
with Server(arguments.saker) as server:
    URI = f"http://127.0.0.1:{server.port}"
    run_cases(MilvusClient(uri=URI), only=arguments.only)
