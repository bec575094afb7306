"""The .fvecs, .bvecs and .ivecs files of the ANN benchmarks, and recall with ties."""
import pathlib

import numpy as np


def read_fvecs(path):
    words = np.fromfile(path, dtype="<i4")
    return words.reshape(-1, words[0] + 1)[:, 1:].view("<f4").copy()


def read_ivecs(path):
    words = np.fromfile(path, dtype="<i4")
    return words.reshape(-1, words[0] + 1)[:, 1:].copy()


def read_bvecs(path):
    raw = np.fromfile(path, dtype=np.uint8)
    dim = int(raw[:4].view("<i4")[0])
    return raw.reshape(-1, dim + 4)[:, 4:].astype(np.float32)


def path_of(folder, name):
    for ending in ("fvecs", "bvecs"):
        path = pathlib.Path(folder) / f"{name}.{ending}"
        if path.exists():
            return path
    raise SystemExit(f"{folder} has no {name}.fvecs and no {name}.bvecs")


class Set:
    """A folder with base, query and the truth of one metric (l2, ip, cos). Cosine becomes the product of unit vectors."""

    def __init__(self, folder, metric, k=10):
        self.folder, self.metric, self.k = pathlib.Path(folder), metric, k
        self.base_path, self.query_path = path_of(folder, "base"), path_of(folder, "query")
        self.truth_path = self.folder / f"gt_{metric}.ivecs"
        self.base, self.query = self._read(self.base_path), self._read(self.query_path)
        truth = read_ivecs(self.truth_path)[:, :k]
        self.worst = np.array([self._badness(q, truth[i, k - 1:k])[0] for i, q in enumerate(self.query)])

    def _read(self, path):
        rows = read_fvecs(path) if path.suffix == ".fvecs" else read_bvecs(path)
        if self.metric == "cos":
            rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return np.ascontiguousarray(rows, np.float32)

    def _badness(self, query, ids):
        rows = self.base[ids]
        return ((rows - query) ** 2).sum(1) if self.metric == "l2" else -(rows @ query)

    def recall(self, results):
        """A row at least as near as the k-th true one counts as found."""
        found = 0
        for i, ids in enumerate(results):
            ids = np.asarray(ids, dtype=np.int64)
            ids = np.unique(ids[(ids >= 0) & (ids < len(self.base))])
            badness = self._badness(self.query[i], ids)
            found += min(self.k, int((badness <= self.worst[i] + 1e-6 * (1 + abs(self.worst[i]))).sum()))
        return found / (self.k * len(self.query))
