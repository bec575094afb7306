"""Indexes, scalar ones too."""
import time

from pymilvus import DataType, MilvusException
from sdk.fixtures import DIM, VERSION, fresh, ids_of, quick, vectors
from support.cases import Skip, case, raises


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
def a_cast_function_reads_strings_as_numbers(c):
    name = fresh(c, "cast")
    schema = c.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    schema.add_field("j", DataType.JSON)
    index = c.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    c.create_collection(name, schema=schema, index_params=index)
    data = vectors(600)
    c.insert(name, [{"id": i, "vector": data[i].tolist(), "j": {"a": [i, str(i), f" {i}.0 kg", "none"][i % 4]}} for i in range(600)])
    ids = lambda expr: [r["id"] for r in c.query(name, filter=expr)]
    assert ids('j["a"] >= 596') == [596]
    index = c.prepare_index_params()
    index.add_index("j", index_name="cast", index_type="INVERTED",
                    params={"json_path": 'j["a"]', "json_cast_type": "DOUBLE", "json_cast_function": "STRING_TO_DOUBLE"})
    c.create_index(name, index)
    for sealed in (False, True):
        if sealed:
            c.flush(name)
        assert ids('j["a"] >= 596') == [596, 597, 598], sealed
        assert ids('j["a"] in [4, 5, 6, 7]') == [4, 5, 6]
        assert ids('j["a"] == "5"') == [5]
    c.drop_index(name, "cast")
    assert ids('j["a"] >= 596') == [596]


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
