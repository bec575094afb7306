"""Analyzers, matches, full-text search."""
import json
import zlib

import pymilvus
from pymilvus import AnnSearchRequest, DataType, MilvusException, RRFRanker, WeightedRanker
from sdk.fixtures import DIM, VERSION, fresh, ids_of, quick
from support.cases import Skip, case, raises


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
def functions_stay_as_they_are(c):
    if not hasattr(c, "drop_collection_function"):
        raise Skip("functions of a collection that is there came with pymilvus 2.6")
    library(c, "functions")
    function = pymilvus.Function(name="bm25", function_type=pymilvus.FunctionType.BM25, input_field_names=["text"], output_field_names=["sparse"])
    raises(MilvusException, lambda: c.add_collection_function("functions", function), "Currently does not support adding BM25 function")
    raises(MilvusException, lambda: c.alter_collection_function("functions", "bm25", function), "Currently does not support alter BM25 function")
    raises(MilvusException, lambda: c.drop_collection_function("functions", "bm25"), "Currently does not support droping BM25 function")
    c.drop_collection_function("functions", "none")


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
