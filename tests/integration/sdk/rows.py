"""Rows in and out: types, nulls, upserts, deletes."""
import json

import numpy as np
from pymilvus import DataType
from sdk.fixtures import DIM, VERSION, fresh, ids_of, nearest, quick, rng, vectors
from support.cases import Skip, case


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
