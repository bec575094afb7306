#!/usr/bin/env python3
"""Milvus' RESTful v2 with nothing but HTTP: shapes, codes and the short form for newcomers.

usage: rest_test.py --saker build/release/saker [--only NAME]"""
import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.cases import case, run_cases
from support.saker_server import Server


def code(server, path, body, **kwargs):
    status, reply = server.post("/v2/vectordb/" + path, body, **kwargs)
    assert status == 200, (path, status, reply)
    return reply["code"], reply.get("message", "")


def docs(server, name="docs"):
    server.call("collections/drop", {"collectionName": name})
    server.call("collections/create", {"collectionName": name, "dimension": 4})
    server.call("entities/insert", {"collectionName": name, "data": [{"id": i, "vector": [1, i / 10, 0, 0], "color": ["red", "blue"][i % 2]} for i in range(10)]})


@case
def the_short_form_works_with_curl(server):
    base = f"http://127.0.0.1:{server.port}/v2/vectordb"
    curl = lambda path, body: json.loads(subprocess.run(["curl", "-s", f"{base}/{path}", "-d", json.dumps(body)], capture_output=True, check=True).stdout)
    assert curl("collections/create", {"collectionName": "curl", "dimension": 4}) == {"code": 0, "data": {}}
    reply = curl("entities/insert", {"collectionName": "curl", "data": [{"id": 1, "vector": [0.1, 0.2, 0.3, 0.4], "color": "red"}]})
    assert reply["code"] == 0 and reply["data"]["insertCount"] == 1 and reply["data"]["insertIds"] == [1], reply
    reply = curl("entities/search", {"collectionName": "curl", "data": [[0.1, 0.2, 0.3, 0.4]], "limit": 3, "outputFields": ["color"]})
    assert reply["code"] == 0 and reply["data"][0]["id"] == 1 and reply["data"][0]["color"] == "red" and abs(reply["data"][0]["distance"] - 1) < 1e-5, reply
    assert "curl" in subprocess.run(["curl", "-s", f"http://127.0.0.1:{server.port}/"], capture_output=True, text=True).stdout


@case
def texts_are_analyzed_and_matched(server):
    reply = server.call("common/run_analyzer", {"text": ["Running shoes"], "analyzerParams": '{"type":"english"}', "withDetail": True})
    assert [t["token"] for t in reply["results"][0]["tokens"]] == ["run", "shoe"] and reply["results"][0]["tokens"][1]["startOffset"] == 8, reply
    server.call("collections/drop", {"collectionName": "texts"})
    fields = [{"fieldName": "id", "dataType": "Int64", "isPrimary": True},
              {"fieldName": "vector", "dataType": "FloatVector", "elementTypeParams": {"dim": 2}},
              {"fieldName": "text", "dataType": "VarChar", "elementTypeParams": {
                  "max_length": 100, "enable_analyzer": True, "enable_match": True, "analyzer_params": {"type": "english"}}}]
    server.call("collections/create", {"collectionName": "texts", "schema": {"fields": fields}, "indexParams": [
        {"fieldName": "vector", "indexName": "v", "metricType": "L2", "indexType": "FLAT"}]})
    params = {p["key"]: p["value"] for p in server.call("collections/describe", {"collectionName": "texts"})["fields"][2]["params"]}
    assert json.loads(params["analyzer_params"]) == {"type": "english"} and params["enable_match"] == "true", params
    server.call("entities/insert", {"collectionName": "texts", "data": [
        {"id": 1, "vector": [1, 0], "text": "running shoes"}, {"id": 2, "vector": [0, 1], "text": "a walk"}]})
    reply = server.call("entities/query", {"collectionName": "texts", "filter": "text_match(text, 'runs')", "outputFields": ["id"]})
    assert [row["id"] for row in reply] == [1], reply
    reply = server.call("entities/search", {"collectionName": "texts", "data": [[0, 1]], "filter": "phrase_match(text, {p})", "exprParams": {"p": "run shoe"}})
    assert [row["id"] for row in reply] == [1], reply


@case
def full_text_search(server):
    server.call("collections/drop", {"collectionName": "books"})
    server.call("collections/create", {
        "collectionName": "books",
        "schema": {
            "fields": [{"fieldName": "id", "dataType": "Int64", "isPrimary": True},
                       {"fieldName": "text", "dataType": "VarChar", "elementTypeParams": {"max_length": 500, "enable_analyzer": True, "analyzer_params": {"type": "english"}}},
                       {"fieldName": "sparse", "dataType": "SparseFloatVector"}],
            "functions": [{"name": "bm25", "type": "BM25", "inputFieldNames": ["text"], "outputFieldNames": ["sparse"], "params": {}}]},
        "indexParams": [{"fieldName": "sparse", "metricType": "BM25", "params": {"index_type": "SPARSE_INVERTED_INDEX"}}]})
    server.call("collections/load", {"collectionName": "books"})
    texts = ["The saker is a falcon", "Falcons hunt", "A dog sleeps", ""]
    server.call("entities/insert", {"collectionName": "books", "data": [{"id": i, "text": text} for i, text in enumerate(texts)]})
    found = server.call("entities/search", {"collectionName": "books", "data": ["falcon saker"], "annsField": "sparse", "limit": 3, "outputFields": ["text"]})
    assert [h["id"] for h in found] == [0, 1] and found[0]["text"] == texts[0] and found[0]["distance"] > found[1]["distance"] > 0, found
    found = server.call("entities/search", {"collectionName": "books", "data": ["dog", "hunting"], "annsField": "sparse", "limit": 3, "filter": "id > 0", "outputFields": ["*"]})
    assert [h["id"] for h in found] == [2, 1] and all("sparse" not in h for h in found), found
    about = server.call("collections/describe", {"collectionName": "books"})
    assert about["functions"][0]["type"] == "BM25" and about["indexes"][0]["metricType"] == "BM25", about
    fused = server.call("entities/hybrid_search", {"collectionName": "books", "limit": 2, "rerank": {"strategy": "rrf", "params": {"k": 60}}, "search": [
        {"data": ["falcon"], "annsField": "sparse", "limit": 3}, {"data": ["saker"], "annsField": "sparse", "limit": 3}]})
    assert fused[0]["id"] == 0, fused
    assert "please provide varchar/text" in code(server, "entities/search", {"collectionName": "books", "data": [{"1": 0.5}], "annsField": "sparse", "limit": 1})[1]


@case
def collections_life(server):
    docs(server)
    assert "docs" in server.call("collections/list")
    assert server.call("collections/has", {"collectionName": "docs"}) == {"has": True}
    about = server.call("collections/describe", {"collectionName": "docs"})
    assert about["collectionName"] == "docs" and about["load"] == "LoadStateLoaded" and about["enableDynamicField"] is True
    assert [f["name"] for f in about["fields"]] == ["id", "vector"] and about["fields"][0]["type"] == "Int64" and about["fields"][0]["primaryKey"]
    assert about["indexes"][0]["metricType"] == "COSINE" and about["consistencyLevel"] == "Bounded"
    assert server.call("collections/get_stats", {"collectionName": "docs"})["rowCount"] == 10
    assert server.call("collections/get_load_state", {"collectionName": "docs"})["loadState"] == "LoadStateLoaded"
    server.call("collections/release", {"collectionName": "docs"})
    assert server.call("collections/get_load_state", {"collectionName": "docs"})["loadState"] == "LoadStateNotLoad"
    assert code(server, "entities/search", {"collectionName": "docs", "data": [[1, 0, 0, 0]], "limit": 1})[0] == 101
    server.call("collections/load", {"collectionName": "docs"})
    server.call("collections/rename", {"collectionName": "docs", "newCollectionName": "docs2"})
    assert server.call("collections/has", {"collectionName": "docs"}) == {"has": False}
    server.call("collections/drop", {"collectionName": "docs2"})


@case
def entities_life(server):
    docs(server)
    rows = server.call("entities/query", {"collectionName": "docs", "filter": 'color == "red"', "outputFields": ["id"]})
    assert [r["id"] for r in rows] == [0, 2, 4, 6, 8]
    assert server.call("entities/get", {"collectionName": "docs", "id": [3, 1], "outputFields": ["color"]})[0]["color"] == "blue"
    assert server.call("entities/upsert", {"collectionName": "docs", "data": [{"id": 3, "vector": [0, 0, 0, 1], "color": "green"}]})["upsertCount"] == 1
    assert server.call("entities/query", {"collectionName": "docs", "filter": 'color == "green"', "outputFields": ["count(*)"]}) == [{"count(*)": 1}]
    server.call("entities/delete", {"collectionName": "docs", "filter": "id in [0, 1]"})
    assert server.call("entities/query", {"collectionName": "docs", "filter": "", "outputFields": ["count(*)"], "limit": 0}) == [{"count(*)": 8}]
    found = server.call("entities/search", {"collectionName": "docs", "data": [[1, 0, 0, 0], [0, 0, 0, 1]], "annsField": "vector", "limit": 2})
    assert len(found) == 4 and found[2]["id"] == 3, found
    string_ids = server.call("entities/query", {"collectionName": "docs", "filter": "id == 5", "outputFields": ["id"]}, headers={"Accept-Type-Allow-Int64": "false"})
    assert string_ids == [{"id": "5"}], string_ids


@case
def schemas_types_and_hybrid(server):
    server.call("collections/drop", {"collectionName": "typed"})
    server.call("collections/create", {"collectionName": "typed", "schema": {"enableDynamicField": False, "fields": [
        {"fieldName": "pk", "dataType": "VarChar", "isPrimary": True, "elementTypeParams": {"max_length": 20}},
        {"fieldName": "j", "dataType": "JSON"}, {"fieldName": "a", "dataType": "Array", "elementDataType": "Int64", "elementTypeParams": {"max_capacity": 5}},
        {"fieldName": "x", "dataType": "Double", "nullable": True},
        {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": 2}}, {"fieldName": "s", "dataType": "SparseFloatVector"}]},
        "indexParams": [{"fieldName": "v", "indexName": "v", "indexType": "HNSW", "metricType": "L2", "params": {"M": 8, "efConstruction": 64}},
                        {"fieldName": "s", "indexName": "s", "indexType": "SPARSE_INVERTED_INDEX", "metricType": "IP"}]})
    server.call("entities/insert", {"collectionName": "typed", "data": [
        {"pk": f"k{i}", "j": {"n": i}, "a": [i, i + 1], "x": None if i == 2 else i / 2, "v": [i, 0], "s": {"1": 1.0, str(10 + i): 2.0}} for i in range(5)]})
    row = server.call("entities/get", {"collectionName": "typed", "id": "k2"})[0]
    assert json.loads(row["j"]) == {"n": 2} and row["a"] == {"Data": {"LongData": {"data": [2, 3]}}} and row["x"] is None and row["v"] == [2, 0], row
    assert row["s"] == {"1": 1, "12": 2}, row
    assert [r["pk"] for r in server.call("entities/query", {"collectionName": "typed", "filter": 'j["n"] > 2'})] == ["k3", "k4"]
    found = server.call("entities/hybrid_search", {"collectionName": "typed", "search": [
        {"data": [[4, 0]], "annsField": "v", "limit": 5}, {"data": [{"14": 1.0}], "annsField": "s", "limit": 5}], "rerank": {"strategy": "rrf", "params": {"k": 60}}, "limit": 2})
    assert found[0]["pk"] == "k4", found
    about = server.call("indexes/describe", {"collectionName": "typed", "indexName": "v"})[0]
    assert about["indexType"] == "HNSW" and about["metricType"] == "L2" and about["indexState"] == "Finished", about
    assert sorted(server.call("indexes/list", {"collectionName": "typed"})) == ["s", "v"]


@case
def partitions_aliases_databases(server):
    docs(server)
    server.call("partitions/create", {"collectionName": "docs", "partitionName": "p"})
    assert sorted(server.call("partitions/list", {"collectionName": "docs"})) == ["_default", "p"]
    server.call("entities/insert", {"collectionName": "docs", "partitionName": "p", "data": [{"id": 100, "vector": [1, 1, 1, 1]}]})
    assert server.call("partitions/get_stats", {"collectionName": "docs", "partitionName": "p"})["rowCount"] == 1
    assert [r["id"] for r in server.call("entities/query", {"collectionName": "docs", "filter": "id >= 0", "partitionNames": ["p"], "outputFields": ["id"]})] == [100]
    server.call("aliases/create", {"collectionName": "docs", "aliasName": "nick"})
    assert server.call("aliases/describe", {"aliasName": "nick"})["collectionName"] == "docs"
    assert server.call("entities/get", {"collectionName": "nick", "id": 4})[0]["color"] == "red"
    server.call("aliases/drop", {"aliasName": "nick"})
    server.call("databases/create", {"dbName": "other"})
    assert "other" in server.call("databases/list")
    server.call("collections/create", {"dbName": "other", "collectionName": "inner", "dimension": 2})
    assert server.call("collections/list", {"dbName": "other"}) == ["inner"] == server.call("collections/list", {}, headers={"DB-Name": "other"})
    server.call("collections/drop", {"dbName": "other", "collectionName": "inner"})
    server.call("databases/drop", {"dbName": "other"})


@case
def errors_have_their_codes(server):
    docs(server)
    assert server.post("/v2/vectordb/collections/list", raw=b"{nope")[1]["code"] == 1801
    assert code(server, "collections/describe", {})[0] == 1802
    assert code(server, "collections/describe", {"collectionName": "none"})[0] == 100
    assert code(server, "collections/create", {"collectionName": "q"})[0] == 1100
    assert code(server, "entities/insert", {"collectionName": "docs", "data": [{"id": "x", "vector": [1, 2, 3, 4]}]})[0] == 1804
    assert code(server, "entities/search", {"collectionName": "docs", "limit": 3})[0] == 1802
    assert code(server, "collections/list", {"dbName": "none"})[0] == 800
    assert server.get("/v2/vectordb/collections/list")[0] in (404, 405)
    assert server.post("/no/such/route", {})[0] == 404
    assert server.get("/health")[0] == 200


parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--only")
arguments = parser.parse_args()
with Server(arguments.saker) as the_server:
    run_cases(the_server, only=arguments.only)
