"""Named sets of workloads, each with all that a run of it needs, so that one command repeats it."""

import dataclasses

from . import machine, workloads
from .workloads import ALL as WORKLOADS
from .workloads import GROWTH, LIMITS, PACK


@dataclasses.dataclass(frozen=True)
class Set:
    words: str
    rows: object            # () -> [(workload, numbers of workers)]
    repetitions: int
    budget: float           # seconds, building included
    rivals: tuple = ()
    divisor: int = 1
    beside: bool = False    # also the floors, and packing a file
    without: tuple = ()     # (program, workload) that are left out
    given: bool = False     # only beside rivals that are given: what none of them has is left out
    timeout: float = 0      # of one process, if not the usual one
    ends: bool = False      # rivals with the fewest and with the most workers only


def short():
    most = machine.allowed_cpus()
    workers = [1, most] if most > 1 else [1]
    return [(each, workers) for key in ("W3/n:1", "W4/n:8", "W13/n:1", "W2")
            for each in workloads.choose([key])]


def published():
    return [(LIMITS, [1]), *((each, [1, 2]) for each in WORKLOADS), (PACK, [2])]


# More workers than CPUs, where there are as few: what oversubscription costs.
MANY_WORKERS = [1, 2, 4, 8, 16]


def curves():
    by_workers = [each for key in ("W2", "W4/n:8", "W6/capacity:128", "W7", "W12/n:1000")
                  for each in workloads.choose([key])]
    alone = ("channel-memory", "task-memory", "backlog-memory")
    return [*((each, [1] if each.name in alone else [2] if each.name == "hog" else [1, 2])
              for each in GROWTH), *((each, MANY_WORKERS) for each in by_workers)]


def scaling():
    """As many workers as there are CPUs at most; W11 takes too long, and much memory."""
    workers = [each for each in MANY_WORKERS if each <= machine.usable_cpus()]
    growth = [each for key in ("by-fibers/fibers:200", "by-channels/channels:1000", "coarse")
              for each in workloads.choose([key])]
    return [(each, workers) for each in (*WORKLOADS, *growth) if each.name != "W11"]


def outside():
    # A pipeline with channels of two, since one rival has no smaller ones.
    names = ("W1", "W1a", "W2", "W3", "W4", "W6", "W7", "W12", "W13", "W15")
    return [(each, [1, 2]) for name in names
            for each in workloads.choose([name], [2, 128] if name == "W6" else ())]


ALL = {
    "short": Set("what a message costs here, in seconds", short, repetitions=3, budget=60,
                 divisor=4),
    "published": Set("the table of docs/performance.md, with rivals, in at most 10 minutes",
                     published, repetitions=7, budget=600, beside=True, timeout=20,
                     rivals=("go", "boost", "moodycamel"),
                     # It needs 10 GB there, and many tries; bench/compare/run looks for its limit.
                     without=(("boost", "W11"),)),
    "curves": Set("how cost grows and what disturbs, in at most 5 minutes", curves,
                  repetitions=3, budget=280, divisor=2),
    "scaling": Set("what more workers cost, up to 16 or as many as there are CPUs, in at most 9 "
                   "minutes", scaling, repetitions=5, budget=540, divisor=2, timeout=10, ends=True),
    "outside": Set("beside rivals that Debian does not have (--rival-program), in at most 4 "
                   "minutes", outside, repetitions=5, budget=230, given=True),
}
