#!/usr/bin/env python3
"""The table of docs/benchmarks/README.md: Saker beside its peers on this machine, each row measured in one run, alternating.

usage: table.py --saker PATH --build DIR [--sets DIR] [--model DIR] [--minutes 14] [--milvus PYTHON] [--only WORD[,WORD]]
Data: the public sets in $SAKER_SHARED/data (or ../shared/data), and in --sets text384 (made here when --model is given) and photo768.
Prints JSON lines on the way (stderr) and the table in Markdown at the end. What cannot be measured says why."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools/peers"), str(ROOT / "tests")]
# Milvus 2.3.5 on the machine of docs/benchmarks/milvus.md, for a run without one: CPU microseconds a query.
MILVUS_US = {"1 client": 1720, "8 clients": 1064, "filter 1 %": 2112, "nq 100": 121}


class Skip(Exception):
    """A row that cannot be measured here, and why."""


class Table:
    def __init__(self, arguments):
        self.arguments, self.rows = arguments, []
        self.end = time.monotonic() + arguments.minutes * 60
        self.shared = pathlib.Path(os.environ.get("SAKER_SHARED", ROOT.parent / "shared"))
        self.kept = {}

    def row(self, what, must, ratios, note=""):
        self.rows.append((what, must, ratios, note))
        print(json.dumps({"row": what, "must": must, "measured": ratios, "note": note}), file=sys.stderr, flush=True)

    def set_of(self, name):
        for folder in (self.shared / "data/ann" / name, self.arguments.sets / name):
            if (folder / "base.fvecs").exists() or (folder / "base.bvecs").exists():
                return folder
        raise Skip(f"the set {name} is not here")

    def measure(self, title, seconds, function):
        if self.arguments.only and not any(word in title for word in self.arguments.only.split(",")):
            return
        begin = time.monotonic()
        try:
            if begin + seconds > self.end:
                raise Skip(f"no time was left: it takes about {seconds} s")
            function(self)
        except Skip as reason:
            self.row(title, "", "not measured", str(reason))
        except (RuntimeError, OSError, ImportError, subprocess.SubprocessError, ValueError, KeyError, IndexError) as error:
            self.row(title, "", "not measured", str(error).strip().splitlines()[-1][:200] if str(error).strip() else type(error).__name__)
        print(f"[{title}: {time.monotonic() - begin:.0f} s]", file=sys.stderr, flush=True)

    def compare(self, folder, metric, indexes, peers, targets, extra=()):
        from compare_ann import compare
        from vectors import Set
        with to_stderr():
            return compare(self.arguments.saker, Set(folder, metric), indexes, peers, targets, extra=extra)

    def ann(self, folder, metric, index, extra, timeout=300):
        """The lines of one `saker bench ann`."""
        from vectors import path_of
        command = [self.arguments.saker, "bench", "ann", "--base", str(path_of(folder, "base")), "--query", str(path_of(folder, "query")),
                   "--truth", str(folder / f"gt_{metric}.ivecs"), "--metric", {"cos": "cosine"}.get(metric, metric), "--index", index, "--json",
                   *map(str, extra)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        if done.returncode:
            raise Skip(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"saker bench ann ended with {done.returncode}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class to_stderr:
    def __enter__(self):
        self.out, sys.stdout = sys.stdout, sys.stderr

    def __exit__(self, *_):
        sys.stdout = self.out


def times(ratio):
    return "-" if ratio is None else f"{ratio:.2f}x"


def graph_row(name, metric, musts):
    def measure(table):
        targets = [0.9, 0.95, 0.99]
        indexes = ["HNSW", "SCANN"]
        ratios, builds, ours, _ = table.compare(table.set_of(name), metric, indexes, ["hnswlib", "faiss-ivf-fastscan"], targets)
        best = {t: max((r for r in (ratios[i, "faiss-ivf-fastscan", t] for i in indexes) if r), default=None) for t in targets}
        table.row(f"hnswlib on {name} at 0.95 / 0.99", musts[0], " / ".join(times(ratios["HNSW", "hnswlib", t]) for t in (0.95, 0.99)),
                  f"{ours.get(('HNSW', 0.95), ['-'])[0]} queries/s at 0.95")
        table.row(f"FAISS fast-scan IVF + refine on {name} at 0.90 / 0.95", musts[1], " / ".join(times(best[t]) for t in (0.9, 0.95)),
                  "the better of HNSW and SCANN")
        build = builds["HNSW"]
        table.row(f"build of {name} on 2 threads against hnswlib", "0.5x of its time", f"{build['build_s'] / builds['hnswlib']:.2f}x",
                  f"{build['build_s']} s, hnswlib {builds['hnswlib']:.1f} s")
        if build["dim"] == 128:
            table.row("index memory, 128-d", "<= 300 B a row", f"{build['memory_bytes'] / build['rows']:.0f} B a row")
    return measure


def text_row(table):
    try:
        folder = table.set_of("text384")
    except Skip:
        if not table.arguments.model:
            raise
        folder = table.arguments.sets / "text384"
        subprocess.run([sys.executable, str(ROOT / "tools/peers/text_set.py"), "--saker", table.arguments.saker, "--model", table.arguments.model,
                        str(folder)], check=True, stdout=sys.stderr)
    targets = [0.95, 0.98, 0.99]
    ratios, *_ = table.compare(folder, "cos", ["AUTOINDEX"], ["hnswlib", "faiss-hnsw"], targets)
    worst = [min((r for r in (ratios["AUTOINDEX", peer, t] for peer in ("hnswlib", "faiss-hnsw")) if r), default=None) for t in targets]
    table.row("AUTOINDEX against the better of hnswlib and FAISS HNSW on text384 at 0.95 / 0.98 / 0.99", "2.5x / 3x / 3.5x", " / ".join(map(times, worst)))


def photo_row(table):
    folder = table.set_of("photo768")
    ratios, _, ours, theirs = table.compare(folder, "cos", ["HNSW", "AUTOINDEX"], ["faiss-ivf-flat"], [0.95])
    reached = ours.get(("HNSW", 0.95))
    table.row("photo768, queries out of distribution: the graph at 0.95", "reaches it", f"{reached[0]:.0f} queries/s" if reached else "does not")
    table.row("photo768: AUTOINDEX against FAISS IVF-Flat at 0.95", "2x", times(ratios["AUTOINDEX", "faiss-ivf-flat", 0.95]))


def filter_row(table):
    folder, time_of = table.set_of("glove100-100k"), {}
    for share in (1, 0.5, 0.1, 0.01, 0.001):
        lines = table.ann(folder, "cos", "HNSW", ["--recall", "0.95", *([] if share == 1 else ["--filter-selectivity", share])])
        rate = [line for line in lines if "recall_target" in line][0]["qps"]
        time_of[share] = 1 / rate if rate else None
    table.row("filtered 50 %, 10 %, 1 %, 0.1 % at 0.95: time against unfiltered, glove100-100k", "<= 1.5x, 2x, 1x, 0.5x",
              ", ".join(f"{time_of[s] / time_of[1]:.2f}x" if time_of[s] and time_of[1] else "not reached" for s in (0.5, 0.1, 0.01, 0.001)))


def disk_row(table):
    folder = table.set_of("sift-photo-400k")
    where = ["--directory", str(table.arguments.sets)] if table.arguments.sets.is_dir() else []
    lines = table.ann(folder, "l2", "DISKANN", ["--recall", "0.95", "--nq", "100", *where], 400)
    build, at = lines[0], lines[1]
    if at["qps"] is None:
        raise Skip(f"recall 0.95 is not reached: {at['recall']}")
    table.row("disk: reads a query at 0.95 on sift-photo-400k", "<= 28", f"{at['reads']:.1f}",
              f"memory 1/{build['rows'] * build['dim'] * 4 / max(1, build['memory_bytes']):.1f} of the float vectors")
    table.row("disk: queries a second of what the disk's reads allow, 100 queries a call, one thread", ">= 70 %",
              f"{100 * at['disk_share']:.0f} %",
              f"{at['qps']:.0f} of {at['qps'] / at['disk_share']:.0f} queries/s, {at['disk_reads_per_second']} reads/s, {at['cpu_us']:.0f} µs of CPU a query")


def bm25_row(table):
    from compare_bm25 import compare
    folder, bench = table.shared / "data/ir/scifact", table.arguments.build / "index/bm25_bench"
    if not folder.is_dir():
        raise Skip("SciFact is not here")
    if not bench.exists():
        raise Skip("bm25_bench is not built: libstemmer-dev is missing")
    worst = []
    for repeat in (1, 20):
        with to_stderr():
            worst.append(min(compare(str(bench), folder, repeat, 2).values()))
    table.row("BM25 top-10 on SciFact x1 / x20, against the better of bm25s and Tantivy", "1.5x / 1.5x", " / ".join(map(times, worst)))


def flat_row(table):
    from ann_peers import PEERS
    from compare_ann import qps
    from vectors import Set
    folder = table.set_of("glove100-100k")
    if "--nq" not in subprocess.run([table.arguments.saker, "bench", "ann", "--help"], capture_output=True, text=True).stdout:
        raise Skip("saker bench ann has no --nq")
    data = Set(folder, "cos")
    peer = PEERS["faiss-flat"](data, 1)
    peer.timed_build()
    theirs, ours = [], []
    for _ in range(2):
        theirs.append(qps(peer, 100, None, len(data.query), 2.0))
        ours.append([line for line in table.ann(folder, "cos", "FLAT", ["--nq", 100, "--recall", "0.99"]) if "recall_target" in line][0]["qps"])
    table.row("batch FLAT (nq = 100) against FAISS IndexFlat, glove100-100k", "1.5x", times(max(ours) / max(theirs)), f"{max(ours):.0f} queries/s")


def server_row(table):
    from support.saker_server import Server
    folder = table.set_of("glove100-100k")
    milvus, source = dict(MILVUS_US), "Milvus' figures are those of docs/benchmarks/milvus.md, of another run"
    if table.arguments.milvus:
        milvus, source = run_milvus(table, folder), "a real Milvus 2.3.5 in this run"
    with Server(table.arguments.saker) as server:
        common = ["--address", f"127.0.0.1:{server.port}", "--metric", "cosine", "--base", str(folder / "base.fvecs")]
        call_bench(table, common + ["--prepare-only", "--index", "HNSW", "--param", "M=16", "--param", "efConstruction=200"])
        common += ["--query", str(folder / "query.fvecs"), "--truth", str(folder / "gt_cos.ivecs"), "--server-pid", str(server.process.pid),
                   "--search-param", "ef=64", "--seconds", "4"]
        ours = {"1 client": call_bench(table, common), "8 clients": call_bench(table, common + ["--threads", "8"]),
                "filter 1 %": call_bench(table, common + ["--filter", "grp == 7"]), "nq 100": call_bench(table, common + ["--nq", "100"])}
    for steps, must in ((("1 client", "8 clients", "filter 1 %"), "1/8"), (("nq 100",), "1/3")):
        table.row(f"through the server: CPU a query beside Milvus 2.3.5, {' / '.join(steps)}", must,
                  " / ".join(f"1/{milvus[s] / ours[s]:.1f}" for s in steps), f"{' / '.join(f'{ours[s]:.0f}' for s in steps)} us; {source}")


def call_bench(table, arguments):
    """CPU microseconds a query of one `saker bench serve`."""
    done = subprocess.run([table.arguments.saker, "bench", "serve", *arguments, "--json"], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr)
    sys.stderr.write(done.stdout)
    lines = [json.loads(line) for line in done.stdout.splitlines() if '"server_cpu_us_per_query"' in line]
    return lines[0]["server_cpu_us_per_query"] if lines else None


def run_milvus(table, folder):
    from support.saker_server import free_port
    peers, names = table.shared / "peers", {"search": "1 client", "search-nq100": "nq 100", "filter-1%": "filter 1 %"}
    figures = {}
    with tempfile.TemporaryDirectory() as data:
        server = subprocess.Popen([table.arguments.milvus, str(peers / "milvus_server.py"), data, str(free_port())], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        port, pid = server.stdout.readline().split()
        done = subprocess.run([table.arguments.milvus, str(peers / "e2e_milvus.py"), port, pid, str(folder), "cos", "4"], capture_output=True, text=True)
        server.stdin.close()
        server.wait(60)
    for step in (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")):
        sys.stderr.write(json.dumps({"server": "milvus", **step}) + "\n")
        name = "8 clients" if step.get("threads") == 8 else names.get(step["step"]) if step.get("ef") == 64 else None
        if name:
            figures[name] = step["server_cpu_us_per_query"]
    if len(figures) < 4:
        raise RuntimeError(done.stderr or "Milvus was not measured whole")
    return figures


ROWS = [
    ("server", 60, server_row),
    ("glove100-100k", 90, graph_row("glove100-100k", "cos", ["2.2x / 3x", "1.3x / 1.3x"])),
    ("sift-photo-400k", 240, graph_row("sift-photo-400k", "l2", ["3x / 4x", "2.5x / 2.5x"])),
    ("text384", 150, text_row),
    ("photo768", 120, photo_row),
    ("filtered", 60, filter_row),
    ("bm25", 90, bm25_row),
    ("flat", 30, flat_row),
    ("disk", 120, disk_row),
]


def instruction_sets():
    flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split()
    names = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "avx512_bf16": "BF16", "avx512_vpopcntdq": "VPOPCNT", "amx_tile": "AMX"}
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, {' '.join(names[f] for f in names if f in flags)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--saker", required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--sets", type=pathlib.Path, default=ROOT / "build/data")
    parser.add_argument("--model")
    parser.add_argument("--minutes", type=float, default=14)
    parser.add_argument("--milvus", help="a Python with milvus==2.3.5 and pymilvus==2.4.15")
    parser.add_argument("--only", help="rows whose name holds one of these words: " + ", ".join(name for name, *_ in ROWS))
    arguments = parser.parse_args()
    arguments.saker = str(pathlib.Path(arguments.saker).resolve())
    table = Table(arguments)
    begin = time.monotonic()
    for title, seconds, function in ROWS:
        table.measure(title, seconds, function)
    print(f"{instruction_sets()}; {time.monotonic() - begin:.0f} s, {time.strftime('%Y-%m-%d')}\n")
    print("| versus | must | measured | |\n| --- | --- | --- | --- |")
    for row in table.rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
