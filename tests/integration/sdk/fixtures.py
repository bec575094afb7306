"""What the cases share: collections, vectors, the truth."""
import numpy as np
import pymilvus

VERSION = tuple(int(part) for part in pymilvus.__version__.split(".")[:2])
DIM = 16
rng = np.random.default_rng(7)


def vectors(n, dim=DIM):
    return rng.standard_normal((n, dim)).astype(np.float32)


def fresh(client, name):
    if client.has_collection(name):
        client.drop_collection(name)
    return name


def quick(client, name, n=100, **kwargs):
    """A loaded collection with ids 0..n-1, a color and a number in the dynamic field, and its vectors."""
    fresh(client, name)
    client.create_collection(name, dimension=DIM, **kwargs)
    data = vectors(n)
    if n:
        client.insert(name, [{"id": i, "vector": data[i].tolist(), "color": ["red", "green", "blue"][i % 3], "n": i} for i in range(n)])
    return data


def nearest(data, query, k, metric="COSINE"):
    if metric == "L2":
        scores = -((data - query) ** 2).sum(1)
    elif metric == "IP":
        scores = data @ query
    else:
        scores = data @ query / np.linalg.norm(data, axis=1) / np.linalg.norm(query)
    return np.argsort(-scores, kind="stable")[:k].tolist()


def ids_of(hits):
    return [h["id"] for h in hits]


_address = []


def serve_at(uri):
    _address[:] = [uri]


def address():
    """Where the server is, for cases that make a client of their own."""
    return _address[0]
