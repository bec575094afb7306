#!/usr/bin/env python3
"""The unmodified openai client, and text in and out through the Milvus API, with a real model.

usage: openai_test.py --saker build/release/saker --model DIR"""
import argparse
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from openai import BadRequestError, NotFoundError, OpenAI
from support.cases import case, raises, run_cases
from support.saker_server import Server

sys.path.insert(0, str(sorted(pathlib.Path("build/sdk").glob("2.6*"))[-1]))
from pymilvus import DataType, Function, FunctionType, MilvusClient, MilvusException

NOTES = ["The saker falcon hunts rodents in open country.", "Bread rises because yeast makes gas.", "A checksum finds flipped bits.",
         "The express train leaves at noon.", "Compaction merges small files into larger ones."]


@case
def float_and_base64_agree(server, openai):
    a = openai.embeddings.create(model="minilm", input=NOTES, encoding_format="float")
    b = openai.embeddings.create(model="minilm", input=NOTES)  # the client asks for base64 and decodes it
    assert len(a.data) == 5 and [d.index for d in a.data] == list(range(5)) and a.usage.prompt_tokens > 20
    for x, y in zip(a.data, b.data):
        assert len(x.embedding) == 384 and abs(math.hypot(*x.embedding) - 1) < 1e-3
        assert max(abs(p - q) for p, q in zip(x.embedding, y.embedding)) < 1e-6
    one = openai.embeddings.create(model="minilm", input=NOTES[0])
    assert sum(p * q for p, q in zip(one.data[0].embedding, a.data[0].embedding)) > 0.999


@case
def models_and_errors(server, openai):
    assert "minilm" in [m.id for m in openai.models.list().data]
    raises(NotFoundError, lambda: openai.embeddings.create(model="nope", input="x"), "nope")
    raises(BadRequestError, lambda: openai.embeddings.create(model="minilm", input=[1, 2, 3]), "token")
    raises(BadRequestError, lambda: openai.embeddings.create(model="minilm", input="x", dimensions=10), "384")
    raises(BadRequestError, lambda: openai.embeddings.create(model="minilm", input=[]))


@case
def text_in_and_text_searched(server, openai):
    client = MilvusClient(f"http://127.0.0.1:{server.port}")
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True, auto_id=True)
    schema.add_field("text", DataType.VARCHAR, max_length=9000)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=384)
    schema.add_function(Function("embed", FunctionType.TEXTEMBEDDING, input_field_names=["text"], output_field_names=["vector"],
                                 params={"provider": "saker", "model_name": "minilm"}))
    index = client.prepare_index_params()
    index.add_index("vector", index_type="AUTOINDEX", metric_type="COSINE")
    client.create_collection("notes", schema=schema, index_params=index)
    assert client.insert("notes", [{"text": t} for t in NOTES])["insert_count"] == 5
    for question, want in (("birds of prey", 0), ("baking", 1), ("data corruption", 2), ("railway timetable", 3)):
        hit = client.search("notes", data=[question], anns_field="vector", limit=1, output_fields=["text"])[0][0]
        assert hit["entity"]["text"] == NOTES[want], (question, hit)
    stored = client.query("notes", filter='text like "Bread%"', output_fields=["vector"])[0]["vector"]
    direct = openai.embeddings.create(model="minilm", input=NOTES[1]).data[0].embedding
    assert sum(a * b for a, b in zip(stored, direct)) > 0.999
    client.flush("notes")
    assert client.search("notes", data=["birds of prey"], anns_field="vector", limit=1, output_fields=["text"])[0][0]["entity"]["text"] == NOTES[0]
    rows = server.call("entities/search", {"collectionName": "notes", "data": ["baking"], "annsField": "vector", "limit": 1, "outputFields": ["text"]})
    assert rows[0]["text"] == NOTES[1]


@case
def a_wrong_function_is_refused(server, openai):
    client = MilvusClient(f"http://127.0.0.1:{server.port}")
    for params, dim in (({"provider": "saker", "model_name": "absent"}, 384), ({"provider": "saker", "model_name": "minilm"}, 128), ({"provider": "openai", "model_name": "x"}, 384)):
        schema = client.create_schema()
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("text", DataType.VARCHAR, max_length=100)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
        schema.add_function(Function("embed", FunctionType.TEXTEMBEDDING, input_field_names=["text"], output_field_names=["vector"], params=params))
        error = raises(MilvusException, lambda: client.create_collection("wrong", schema=schema))
        assert any(word in str(error) for word in ("absent", "384", "openai", "provider")), error


parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--only")
arguments = parser.parse_args()
with Server(arguments.saker, args=["--model", f"minilm={arguments.model}"]) as the_server:
    run_cases(the_server, OpenAI(base_url=f"http://127.0.0.1:{the_server.port}/v1", api_key="any"), only=arguments.only)
