#!/usr/bin/env python3
"""kill -9 at every named point and at random moments, under load, then restart and compare with what was acknowledged.

Three rounds of four end at a named point: the names come in a shuffled order, again and again, and each must be reached
(at most three tries). The fourth ends at a random moment: under load, during the start, or while SIGTERM drains. Some
restarts are killed too, at a point that the start passes while it finishes what the first kill left.

usage: kill_test.py --saker PATH [--rounds 84] [--seconds 600] [--seed N] [--only POINT]"""
import argparse
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from crash import kill_points
from crash.connection import NO_ANSWER, RefusedError
from crash.kill_rig import LONGEST_ROUND_S, Rig
from crash.workload import FAULTS

TRIES = 3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--saker", required=True)
    parser.add_argument("--rounds", type=int, default=84)
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after this long, whatever is left")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", help="this point in every round")
    arguments = parser.parse_args()
    names = kill_points.names()
    wanted = [n for n in names if n not in kill_points.UNREACHABLE and (not arguments.only or n == arguments.only)]
    print(f"seed {arguments.seed}; {len(names)} named points in the sources and in the docs, {len(wanted)} wanted", flush=True)
    for name, why in kill_points.UNREACHABLE.items():
        print(f"not reached here: {name}: {why}")
    total, rounds, points, begun = dict.fromkeys(FAULTS, 0), 0, [], time.monotonic()
    rig = Rig(arguments.saker, arguments.seed)
    try:
        while rounds < arguments.rounds and time.monotonic() - begun < arguments.seconds:
            if not points:
                points = rig.rng.sample(wanted, len(wanted))
            point = points.pop() if rounds % 4 != 3 else None
            before, round_begun = rig.workload.acknowledged, time.monotonic()
            where = rig.at_point(point, kill_points.arrival(point, rig.rng)) if point else rig.at_random()
            for _ in range(TRIES - 1):
                if where is None:
                    rig.server.kill()
                    rig.restart(None)
                    rig.judge()
                    where = rig.at_point(point, 1)
            if where is None:
                rig.faults.append(f"{point} was not reached in {TRIES} tries of {LONGEST_ROUND_S} s")
            rig.restart(point)
            verdict = rig.judge()
            rounds += 1
            for key in total:
                total[key] += verdict[key]
            print(json.dumps({"round": rounds, "at": point or "random", "in": where, "acknowledged": rig.workload.acknowledged - before,
                              "seconds": round(time.monotonic() - round_begun, 1), **verdict}), flush=True)
            if rig.faults or any(total.values()):
                break
        left = [] if rig.faults else rig.leftovers()
        rig.faults += [f"{len(left)} files are left when all is dropped: {left[0]}"] if left else []
    except (RuntimeError, RefusedError, *NO_ANSWER) as error:  # it does not start, or does not answer after a start
        rig.faults.append(f"after {point or 'a random kill'}: {str(error)[:300]}")
    finally:
        rig.server.kill()
        rig.models.cleanup()
    sys.exit(report(rig, wanted, rounds, total, time.monotonic() - begun))


def report(rig, wanted, rounds, total, seconds):
    reached = sum(rig.reached[n] > 0 for n in wanted)
    whole_cycle = rounds - rounds // 4 >= len(wanted)
    missing = [n for n in wanted if not rig.reached[n]]
    if whole_cycle and missing:
        rig.faults.append(f"never reached in a whole cycle: {' '.join(missing)}")
    print("kills:", json.dumps(rig.kills), "| reached in a restart that finished a crash's work:", len(rig.reached_at_start), "names")
    print("not reached:", " ".join(missing) or "none", "" if whole_cycle else "(not a whole cycle)")
    for fault in rig.faults[:10]:
        print("FAULT:", fault)
    recoveries = sorted(rig.recoveries) or [0]
    print("summary:", json.dumps({
        "rounds": rounds, "points_reached": f"{reached} of {len(wanted)}", "kills": sum(rig.kills.values()),
        "rows_acknowledged": rig.workload.acknowledged, "definitions_acknowledged": sum(d.calls for d in rig.definitions), **total,
        "other_faults": len(rig.faults), "searches": rig.workload.searches, "missed_by_the_graph": rig.workload.approximate,
        "recovery_p50_s": round(statistics.median(recoveries), 3), "recovery_max_s": round(recoveries[-1], 3), "seconds": round(seconds)}))
    if rounds and not any(total.values()) and not rig.faults and rig.workload.acknowledged:
        rig.server.cleanup()
        return 0
    print(rig.server.log_tail())
    print(f"the data directory is kept: {rig.server.data}")
    return 1


if __name__ == "__main__":
    main()
