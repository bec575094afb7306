"""Collections as a whole: partitions, aliases, databases, properties, refusals."""
import time

from pymilvus import Collection, CollectionSchema, DataType, FieldSchema, MilvusClient, MilvusException, connections, utility
from sdk.fixtures import DIM, address, fresh, ids_of, quick, vectors
from support.cases import case, raises


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
        other = MilvusClient(uri=address(), db_name="otherdb")
        assert other.list_collections() == []
        quick(other, "inner", 3)
        assert other.list_collections() == ["inner"] and "inner" not in c.list_collections()
        other.drop_collection("inner")
        other.close()
        c.drop_database("otherdb")


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
    connections.connect("orm", uri=address())
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
