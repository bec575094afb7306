"""Reads all definitions with a prefix back from the server, as a value of the same shape as definitions.py keeps."""
import copy
import time

from crash.connection import Connection, RefusedError

ROWS = 1200  # of a partition that has any; from 1,000 on a sealed segment gets an index


def equal(seen, state):
    """A released collection shows how many rows it has, not which."""
    state = copy.deepcopy(state)
    for collection in state["collections"].values():
        collection["aliases"].sort()
        for rows in collection["partitions"].values():
            rows[1] *= collection["loaded"]
    return seen == state


def everything(c, port, prefix, allowed):
    seen = {"databases": {}, "collections": {}, "users": {}}
    ours = [d for d in c.call("databases/list") if d.startswith(prefix + "_")]
    for database in ["default", *ours]:
        if database in ours:
            seen["databases"][database] = pairs(c.call("databases/describe", {"dbName": database})["properties"])
        for name in c.call("collections/list", {"dbName": database}):
            if name.startswith(prefix + "_"):
                seen["collections"][f"{database}/{name}"] = collection(c, {"dbName": database, "collectionName": name})
    for user in c.call("users/list"):
        if user.startswith(prefix + "_"):
            possible = {state["users"].get(user, "") for state in allowed}
            seen["users"][user] = next((p for p in possible if opens(port, user, p)), "no password that was ever set")
    return seen


def pairs(properties):
    return {p["key"]: p["value"] for p in properties}


def opens(port, user, password):
    try:
        Connection(port, f"{user}:{password}").call("databases/list")
        return True
    except RefusedError:
        return False


def collection(c, target):
    info = c.call("collections/describe", target)
    end = time.monotonic() + 20
    while (load := c.call("collections/get_load_state", target)["loadState"]) == "LoadStateLoading" and time.monotonic() < end:
        time.sleep(0.02)
    seen = {"aliases": sorted(info["aliases"]), "loaded": load == "LoadStateLoaded", "fields": [f["name"] for f in info["fields"]],
            "properties": pairs(info["properties"]), "partitions": {}, "indexes": {}}
    for name in c.call("indexes/list", target):
        params = pairs(c.call("indexes/describe", {**target, "indexName": name})[0]["indexParams"])
        seen["indexes"][name] = params.get("mmap.enabled", "false")
    for p in c.call("partitions/list", target):
        count = c.call("partitions/get_stats", {**target, "partitionName": p})["rowCount"]
        seen["partitions"][p] = rows_of(c, target, p, count) if seen["loaded"] else [count, 0]
    return seen


def rows_of(c, target, partition, count):
    """[rows, generation], or a sentence where they are not all of one generation with keys that follow one another."""
    rows = c.call("entities/query", {**target, "partitionNames": [partition], "filter": "id >= 0", "outputFields": ["id", "gen"],
                                     "limit": 9999, "consistencyLevel": "Strong"})
    generations, ids = {r["gen"] for r in rows}, {r["id"] for r in rows}
    whole = len(ids) == len(rows) == count and len(generations) <= 1 and (not ids or max(ids) - min(ids) == ROWS - 1)
    return [count, min(generations, default=0)] if whole else f"{count} rows, {len(rows)} read, generations {generations}"
