"""The one list of workloads: what bench/README.md describes, as the programs call it.

A workload is a name and a parameter; it yields one or more figures. Its key, such as
`W4/n:8`, stands in result files: changing it makes old files incomparable.
"""

import dataclasses
import fnmatch

from .errors import WrongInput

MILLION, HUNDRED_THOUSAND = 1_000_000, 100_000
IDLE_SECONDS = 2

# The rivals that sluice is to beat in a workload.
BOTH, GO, MOODYCAMEL = ("go", "boost"), ("go",), ("moodycamel",)


@dataclasses.dataclass(frozen=True)
class Figure:
    """A number that a workload prints, and what to make of it. Less is always better."""

    key: str              # "value", or the name among its further figures
    name: str             # "" for the only one
    unit: str
    race: tuple = ()      # the rivals that sluice must beat
    steady: bool = False  # two workers must not lose to one


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    parameter: int
    what: str        # {n} stands for the parameter
    figures: tuple
    argument: str = "n"      # what the parameter is; "" if there is none
    quick: int = 0           # the parameter when only to see that all works; 0: the same
    guard: bool = False      # quick and steady enough to guard changes
    counted: bool = False    # its instructions can be counted: much the same work in each run

    @property
    def key(self):
        return f"{self.name}/{self.argument}:{self.parameter}" if self.argument else self.name

    @property
    def title(self):
        return f"{self.name} {self.what.format(n=f'{self.parameter:,}')}"

    def with_parameter(self, parameter):
        return dataclasses.replace(self, parameter=parameter)


def nanoseconds(race=BOTH):
    return (Figure("value", "", "ns", race, steady=True),)


def milliseconds():
    return (Figure("value", "", "ms", BOTH, steady=True),)


def parked():
    return (Figure("value", "memory each", "bytes"),
            Figure("create_ns", "create each", "ns", ("boost",), steady=True),
            Figure("wake_ns", "wake each", "ns", ("boost",), steady=True))


def idling():
    return (Figure("value", f"CPU in {IDLE_SECONDS} s", "ms"),
            Figure("wake_p50_us", "wake, median", "us", BOTH, steady=True),
            Figure("wake_p99_us", "wake, p99", "us"),
            Figure("futex_p50_us", "bare futex, median", "us"),
            Figure("futex_p99_us", "bare futex, p99", "us"))


def plain(name, what, figures, **more):
    """A workload without a parameter."""
    return Workload(name, 0, what, figures, argument="", **more)


def capacity_name(capacity):
    return "rendezvous" if capacity == 0 else f"capacity {capacity}"


def with_capacity(name, words, capacity, **more):
    return Workload(name, capacity, words.format(capacity_name(capacity)), nanoseconds(),
                    argument="capacity", **more)


ALL = (
    Workload("W1", 1000, "spawn+join, batches of {n}", nanoseconds(), guard=True, counted=True),
    Workload("W1a", MILLION, "spawn+join, {n} at once", nanoseconds(), quick=HUNDRED_THOUSAND),
    plain("W2", "ping-pong, a round trip", nanoseconds(), guard=True, counted=True),
    Workload("W3", 1, "1 to 1, capacity 128", nanoseconds(), guard=True, counted=True),
    *(Workload("W4", n, "{n} to {n}, capacity 128", nanoseconds(), guard=n in (8, 100),
               counted=n == 8) for n in (2, 8, 100, 1000)),
    Workload("W5", 100, "100 to 1, capacity 128", nanoseconds(GO), argument="putters",
             guard=True, counted=True),
    Workload("W5", 1, "1 to 100, capacity 128", nanoseconds(GO), argument="putters", guard=True,
             counted=True),
    *(with_capacity("W6", "pipeline, {}, a hop", n, guard=True, counted=n != 1)
      for n in (0, 1, 128)),
    Workload("W7", 503, "token ring of {n}, a hop", nanoseconds(), guard=True, counted=True),
    Workload("W8", MILLION, "tree, {n} leaves", milliseconds(), argument="leaves",
             quick=HUNDRED_THOUSAND),
    Workload("W9", 1000, "prime sieve, {n} primes", milliseconds(), argument="primes"),
    *(Workload("W10", n, "select over {n}, rendezvous", nanoseconds(GO), argument="channels",
               guard=True, counted=n == 8) for n in (2, 8)),
    *(Workload("W10b", n, "select over {n}, capacity 128", nanoseconds(GO), argument="channels",
               guard=n == 8, counted=n == 8) for n in (2, 8)),
    Workload("W11", MILLION, "{n} parked", parked(), quick=HUNDRED_THOUSAND),
    *(Workload("W12", n, "yield, {n} fibers, a switch", nanoseconds(), guard=n == 1000,
               counted=n == 1000) for n in (2, 1000)),
    *(Workload("W13", n, "{n} to {n}, unbounded", nanoseconds(MOODYCAMEL), guard=True,
               counted=True) for n in (1, 8)),
    *(Workload("W14", n, "{n} with work, rendezvous", nanoseconds(GO)) for n in (2, 1000)),
    *(Workload("W14b", n, "{n} with work, capacity 64", nanoseconds(GO)) for n in (2, 1000)),
    Workload("W15", 10_000, "{n} parked, idle", idling()),
)


def matches(workload, pattern):
    """By name, by key (both with * and ?), or by a part of what it is in words."""
    return (fnmatch.fnmatchcase(workload.name.lower(), pattern)
            or fnmatch.fnmatchcase(workload.key.lower(), pattern)
            or (len(pattern) > 2 and pattern in workload.title.lower().split(" ", 1)[1]))


def choose(patterns=(), capacities=(), quick=False):
    """The workloads that the patterns name, in the order of the list."""
    for pattern in patterns:
        if not any(matches(each, pattern.lower()) for each in ALL):
            names = " ".join(dict.fromkeys(each.name for each in ALL))
            raise WrongInput(f"no such workload: {pattern} (there are: {names})")
    chosen = [each for each in ALL
              if not patterns or any(matches(each, pattern.lower()) for pattern in patterns)]
    if capacities:
        chosen = at_capacities(chosen, capacities)
    if quick:
        chosen = [each.with_parameter(each.quick) if each.quick else each for each in chosen]
    return list(dict.fromkeys(chosen))


def at_capacities(chosen, capacities):
    """Those whose parameter is a capacity, at each of these."""
    words = {"W6": "pipeline, {}, a hop"}
    names = dict.fromkeys(each.name for each in chosen if each.argument == "capacity")
    if not names:
        able = " ".join(dict.fromkeys(each.name for each in ALL if each.argument == "capacity"))
        raise WrongInput(f"none of the chosen workloads has a capacity to set (these do: {able})")
    return [with_capacity(name, words[name], capacity)
            for name in names for capacity in capacities]
