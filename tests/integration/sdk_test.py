#!/usr/bin/env python3
"""What an unmodified pymilvus can do with a real server: MilvusClient and ORM, one scenario after the other (sdk/).

usage: PYTHONPATH=<pymilvus of some version> sdk_test.py --saker build/release/saker [--only NAME]"""
import argparse
import logging
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]), str(pathlib.Path(__file__).resolve().parent)]
import pymilvus
from pymilvus import MilvusClient
from sdk import collections, indexes, rows, search, texts  # noqa: F401 - each brings its cases
from sdk.fixtures import serve_at
from support.cases import run_cases
from support.saker_server import Server

parser = argparse.ArgumentParser()
parser.add_argument("--saker", required=True)
parser.add_argument("--only")
arguments = parser.parse_args()
logging.disable(logging.CRITICAL)  # the client logs each refusal that a case provokes
print(f"pymilvus {pymilvus.__version__}")
with Server(arguments.saker) as server:
    serve_at(f"http://127.0.0.1:{server.port}")
    run_cases(MilvusClient(uri=f"http://127.0.0.1:{server.port}"), only=arguments.only)
