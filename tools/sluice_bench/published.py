"""The rows of docs/performance.md: each figure with its goals and the floor below it.

The goals are those of the machine in the page, with one worker and with two; elsewhere the ratios
to rivals and floors say more. A floor is computed from what the same run measured.
"""

import dataclasses

from . import statistics
from .programs import FLOORS, ZLIB


@dataclasses.dataclass(frozen=True)
class Floor:
    words: str
    of: object            # (floors by key, workers) -> the figure, or None


@dataclasses.dataclass(frozen=True)
class Row:
    key: str              # of the workload
    goals: tuple = ()     # with one worker and with two
    floor: object = None
    figure: str = ""      # "" is the main one
    most: float = 0       # instead of goals: so many times the floor


def times(key, factor, words):
    return Floor(words, lambda floors, workers: factor * floors[key] if key in floors else None)


def shared(key, words, one, two):
    """So many times a floor in all, spread over the workers as far as that goes."""
    return Floor(words, lambda floors, workers: floors[key] * (one if workers == 1 else two)
                 if key in floors else None)


RING = times("value", 1, "bare ring")
SWITCH = times("switch_ns", 1, "a switch")
SWITCHES = times("switch_ns", 2, "two switches")
TOUCH = times("first_touch_ns", 1, "first touch of a page")
PAGE = Floor("a page", lambda floors, workers: 4096)
WORK = shared("local_work_ns", "the local work", 2, 1)
WORK_MET = shared("local_work_ns", "the local work, met", 2, 1.5)
FUTEX = {which: times(f"futex_{which}_us", 1, "bare futex") for which in ("p50", "p99")}
BARE = Floor("zlib's loop", lambda floors, workers: floors["zlib"] / workers
             if "zlib" in floors else None)

ROWS = (
    Row("W1/n:1000", (30, 35), SWITCHES),
    Row("W1a/n:1000000", (40, 50), SWITCHES),
    Row("W2", (60, 60), SWITCHES),
    Row("W3/n:1", (8, 9), RING),
    *(Row(f"W4/n:{n}", (8, 9), RING) for n in (2, 8, 100, 1000)),
    *(Row(f"W5/putters:{n}", (10, 12), RING) for n in (100, 1)),
    Row("W6/capacity:0", (30, 30), SWITCH),
    Row("W6/capacity:1", (25, 25), SWITCH),
    Row("W6/capacity:128", (8, 5), RING),
    Row("W7/n:503", (30, 30), SWITCH),
    Row("W8/leaves:1000000", (250, 150)),
    Row("W9/primes:1000", (20, 15)),
    Row("W10/channels:2", (60, 60), SWITCH),
    Row("W10/channels:8", (100, 100), SWITCH),
    Row("W10b/channels:2", (20, 25), RING),
    Row("W10b/channels:8", (30, 35), RING),
    Row("W11/n:1000000", (4600, 4600), PAGE),
    Row("W11/n:1000000", (2600, 1800), TOUCH, "create_ns"),
    Row("W11/n:1000000", (250, 250), SWITCH, "wake_ns"),
    Row("W12/n:2", (7, 7), SWITCH),
    Row("W12/n:1000", (9, 8), SWITCH),
    Row("W13/n:1", (7, 9), RING),
    Row("W13/n:8", (8, 9), RING),
    Row("W14/n:2", (None, 360), WORK_MET),
    Row("W14/n:1000", (None, 230), WORK),
    Row("W14b/n:2", (None, 212), WORK),
    Row("W14b/n:1000", (None, 215), WORK),
    Row("W15/n:10000", (0.05, 0.05)),
    Row("W15/n:10000", (), FUTEX["p50"], "wake_p50_us", most=1.1),
    Row("W15/n:10000", (), FUTEX["p99"], "wake_p99_us", most=1.1),
    Row("pack/mib:256", (), BARE, most=1.01),
)


def case_of(row, workers):
    return f"{row.key}/workers:{workers}" + (f"/{row.figure}" if row.figure else "")


def floors_of(results, row, workers):
    """What the run measured of floors, by key: the machine's, zlib's, and the case's own."""
    found = {}
    for sample in results.samples:
        if sample.program == FLOORS:
            found.setdefault(sample.figure or "value", []).append(sample.value)
        elif sample.program == ZLIB:
            found.setdefault("zlib", []).append(sample.value)
        elif (sample.program == "sluice" and sample.figure.startswith("futex_")
              and sample.case == f"{row.key}/workers:{workers}/{sample.figure}"):
            found.setdefault(sample.figure, []).append(sample.value)
    return {key: statistics.median(values) for key, values in found.items()}


def floor_of(results, row, workers):
    return row.floor.of(floors_of(results, row, workers), workers) if row.floor else None


def goal_of(results, row, workers):
    if row.most:
        floor = floor_of(results, row, workers)
        return floor and row.most * floor
    return row.goals[min(workers, 2) - 1] if row.goals else None


def best_rival(results, case):
    """(median, program) of the fastest that is neither sluice nor a floor, or None."""
    found = [(results.median(case, each), each) for each in results.programs()
             if each not in ("sluice", FLOORS, ZLIB) and results.values(case, each)]
    return min(found, default=None)
