"""Searches: metrics, ranges, groups, hybrids, iterators."""
import numpy as np
from pymilvus import (AnnSearchRequest, Collection, CollectionSchema, DataType, FieldSchema, MilvusClient, RRFRanker,
                      WeightedRanker, connections)
from sdk.fixtures import DIM, VERSION, address, fresh, ids_of, nearest, quick, vectors
from support.cases import Skip, case


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
    connections.connect("lists", uri=address())
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


@case
def consistency_levels(c):
    data = quick(c, "levels", 10)
    for level in ("Strong", "Bounded", "Session", "Eventually"):
        assert c.search("levels", [data[1].tolist()], limit=1, consistency_level=level)[0][0]["id"] == 1
        assert len(c.query("levels", filter="n >= 0", consistency_level=level)) == 10
