"""The named kill points: what the sources and docs/kill-points.md say, and which load reaches each.

`kill_points.py` alone compares the two and fails where they differ."""
import collections
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.saker_server import ROOT

# The first prefix that fits says which scenario of definitions.py brings the process there soonest; None: the load on rows.
SCENARIO_OF = {
    "ddl.create": "collection", "ddl.drop": "collection", "ddl.shard": "collection", "destroy": "collection",
    "log.before_drop": "collection", "log.after_drop": "collection", "manifest.before_drop": "collection",
    "manifest.after_drop": "collection",
    "ddl.truncate": "truncate", "ddl.partition": "partition", "drop_partition": "partition",
    "ddl.index": "index", "index": "index", "scalar_index": "index", "compact": "compact", "rows.before_drop": "compact", "rows.after_drop": "compact",
    "blob.before_remove": "compact",
}
# Reached again and again under load, and at start: any of the first arrivals may be the one that ends the process.
FREQUENT = ("write.", "log.before_write", "log.after_write", "log.before_trim", "log.after_trim", "catalog.", "seal.",
            "manifest.before_commit", "manifest.after_commit", "blob.", "rows.")
# A start on what a crash left passes these while it finishes the work: `name` -> the points after which it does.
FINISHED_AT_START = {
    "ddl.drop.after_mark": ["ddl.shard.before_destroy", "destroy.begin", "log.before_drop", "log.after_drop", "destroy.after_log",
                            "manifest.before_drop", "manifest.after_drop", "destroy.after_manifests", "blob.before_remove",
                            "rows.before_drop", "rows.after_drop", "destroy.after_files", "ddl.drop.before_remove"],
    "ddl.truncate.after_record": ["ddl.shard.before_destroy", "log.after_drop", "destroy.after_manifests", "ddl.truncate.before_forget"],
    "ddl.partition.after_mark": ["drop_partition.before_log", "drop_partition.after_log", "drop_partition.after_manifest",
                                 "drop_partition.after_files", "rows.before_drop", "ddl.partition.before_remove"],
    "drop_partition.after_log": ["manifest.before_commit", "drop_partition.after_manifest", "drop_partition.after_files"],
    "compact.after_manifest": ["rows.before_drop", "rows.after_drop", "blob.before_remove", "index.begin", "index.after_file"],
    "seal.after_manifest": ["index.begin", "blob.before_rename", "index.after_manifest"],
    "seal.after_rows": ["rows.before_drop", "blob.before_remove"],
}
ALWAYS_AT_START = ["witness.before_write", "witness.after_write", "ddl.timestamp.before_ceiling", "catalog.before_write",
                   "catalog.after_write"]
# name -> why no test can get there. Empty: every name is reached.
UNREACHABLE = {}


def in_sources():
    found = collections.Counter()
    for folder in ("common", "embed", "index", "server", "storage"):
        for path in (ROOT / folder).rglob("*.cc"):
            found.update(re.findall(r'SAKER_KILL_POINT\("([a-z_.]+)"\)', path.read_text()))
    return found


def in_docs():
    return collections.Counter(re.findall(r"^\| *`?([a-z_]+\.[a-z_.]+)`? *\|", (ROOT / "docs/kill-points.md").read_text(), re.M))


def names():
    """All names, in order; ends the program when sources and docs differ."""
    sources, docs = in_sources(), in_docs()
    wrong = [f"{n}: in the sources, not in docs/kill-points.md" for n in sorted(sources.keys() - docs.keys())]
    wrong += [f"{n}: in docs/kill-points.md, not in the sources" for n in sorted(docs.keys() - sources.keys())]
    wrong += [f"{n}: {count} rows in docs/kill-points.md" for n, count in docs.items() if count > 1]
    wrong += [f"{n}: excused as unreachable, but nowhere in the sources" for n in sorted(UNREACHABLE.keys() - sources.keys())]
    if wrong:
        sys.exit("kill points:\n  " + "\n  ".join(wrong))
    return sorted(sources)


def scenario_of(point):
    return next((scenario for prefix, scenario in SCENARIO_OF.items() if point.startswith(prefix)), None)


def arrival(point, rng):
    """At which arrival the process should end."""
    if point == "ddl.timestamp.before_ceiling":
        return 1  # at each start; the next only when the clock has overtaken what earlier starts raised it to
    return rng.choice([1, 2, 3, 5, 9, 17, 40] if point.startswith(FREQUENT) else [1, 1, 2, 4])


if __name__ == "__main__":
    print(f"{len(names())} kill points, the same in the sources and in docs/kill-points.md")
