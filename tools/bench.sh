#!/usr/bin/env bash
# Benchmarks. Compare by ratio within one run; machines are noisy.
#
#   table [ARGS...]    Saker beside hnswlib, FAISS, usearch, bm25s, Tantivy and, with --milvus PYTHON, a real Milvus: the rows of
#                      docs/benchmarks/README.md, within 15 minutes on two cores; --only WORD for some of them
#   kernels            distance kernels of every instruction set this CPU has
#   instructions [--update]   instructions of kernels and searches under valgrind against tools/instruction_counts.txt
#   embed MODEL CORPUS texts a second and one-query latency
#   milvus PYTHON SET METRIC [SECONDS]   the same work against a real Milvus 2.3.5 and Saker, alternating; PYTHON is an
#                      interpreter with milvus==2.3.5 and pymilvus==2.4.15, the programs are those of $SAKER_SHARED/peers
#   start [ROWS]       kill -9 with ROWS x 128-d rows (default 1,000,000), then the time to the first right answer
# Without arguments: table. Indexes and servers alone: saker bench ann --help, saker bench serve --help.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-table}" in
  table)
    exec "$SAKER_PEERS_PYTHON" tools/peers/table.py --saker build/release/saker --build build/release ${SAKER_MODEL:+--model "$SAKER_MODEL"} "${@:2}" ;;
  kernels) build/release/index/kernels/kernels_bench "${@:2}" ;;
  instructions) exec tools/instruction_counts "${@:2}" ;;
  embed) exec build/release/embed/saker_embed_bench "$2" "$3" ;;
  milvus) shift; exec "$1" tools/bench_milvus.py --saker build/release/saker --python "$1" --set "$2" --metric "$3" --seconds "${4:-8}" ;;
  start) exec env PYTHONPATH=build/sdk/2.6.17 build/venv/bin/python tests/crash/start_test.py --saker build/release/saker --rows "${2:-1000000}" ;;
  *) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; exit 1 ;;
esac
