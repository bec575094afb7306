"""The libraries beside Saker's index, one class each: build() once, then search() all queries at the setting that set() chose.

Searches run on one thread, builds on as many as the caller says. A knob is an integer, ascending in recall and cost."""
import time

import numpy as np


class Peer:
    name, knob, high, low = "", "ef", 4096, 10
    variants = (None,)  # other settings that are swept beside the knob

    def __init__(self, data, threads):
        self.data, self.threads, self.build_s = data, threads, 0.0

    def vary(self, variant):
        """Switches to one of `variants`."""

    def timed_build(self):
        start = time.perf_counter()
        self.build()
        self.build_s = time.perf_counter() - start


class HnswLib(Peer):
    name = "hnswlib"

    def build(self):
        import hnswlib
        self.index = hnswlib.Index(space="l2" if self.data.metric == "l2" else "ip", dim=self.data.base.shape[1])
        self.index.init_index(len(self.data.base), M=16, ef_construction=200)
        self.index.add_items(self.data.base, num_threads=self.threads)

    def set(self, value):
        self.index.set_ef(value)

    def search(self):
        return self.index.knn_query(self.data.query, self.data.k, num_threads=1)[0]


class Faiss(Peer):
    def build(self):
        import faiss
        self.faiss = faiss
        faiss.omp_set_num_threads(self.threads)
        self.index = self.make(faiss.METRIC_L2 if self.data.metric == "l2" else faiss.METRIC_INNER_PRODUCT)
        if not self.index.is_trained:
            self.index.train(self.data.base[:100000])
        self.index.add(self.data.base)
        faiss.omp_set_num_threads(1)

    def search(self):
        return self.index.search(self.data.query, self.data.k)[1]


class FaissHnsw(Faiss):
    name = "faiss-hnsw"

    def make(self, metric):
        index = self.faiss.IndexHNSWFlat(self.data.base.shape[1], 16, metric)
        index.hnsw.efConstruction = 200
        return index

    def set(self, value):
        self.index.hnsw.efSearch = value


class FaissFastScan(Faiss):
    name, knob, low, high = "faiss-ivf-fastscan", "nprobe", 1, 512
    variants = (4, 10, 25)  # candidates for each result, scored again exactly

    def make(self, metric):
        dim = self.data.base.shape[1]
        return self.faiss.index_factory(dim, f"IVF{int(4 * len(self.data.base) ** 0.5)},PQ{dim // 2}x4fs,RFlat", metric)

    def vary(self, variant):
        self.index.k_factor = variant

    def set(self, value):
        self.faiss.extract_index_ivf(self.index.base_index).nprobe = value


class FaissIvfFlat(Faiss):
    name, knob, low, high = "faiss-ivf-flat", "nprobe", 1, 1024

    def make(self, metric):
        return self.faiss.index_factory(self.data.base.shape[1], f"IVF{int(4 * len(self.data.base) ** 0.5)},Flat", metric)

    def set(self, value):
        self.index.nprobe = value


class FaissFlat(Faiss):
    """Exact, `batch` queries a call."""
    name, knob, low, high = "faiss-flat", "batch", 100, 100

    def make(self, metric):
        return self.faiss.IndexFlat(self.data.base.shape[1], metric)

    def set(self, value):
        self.batch = value

    def search(self):
        query = self.data.query
        return np.concatenate([self.index.search(query[i:i + self.batch], self.data.k)[1] for i in range(0, len(query), self.batch)])


class Usearch(Peer):
    name = "usearch"

    def build(self):
        from usearch.index import Index
        metric = {"l2": "l2sq", "cos": "cos", "ip": "ip"}[self.data.metric]
        self.index = Index(ndim=self.data.base.shape[1], metric=metric, dtype="f32", connectivity=16, expansion_add=200)
        self.index.add(np.arange(len(self.data.base)), self.data.base, threads=self.threads)

    def set(self, value):
        self.index.expansion_search = value

    def search(self):
        return np.asarray(self.index.search(self.data.query, self.data.k, threads=1).keys)


PEERS = {peer.name: peer for peer in (HnswLib, FaissHnsw, FaissFastScan, FaissIvfFlat, FaissFlat, Usearch)}
