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


def only(unit, **named):
    """Figures that are in no race, by their keys: a name, or name and unit."""
    found = []
    for key, name in named.items():
        words, its_unit = name if isinstance(name, tuple) else (name, unit)
        found.append(Figure(key, f"({words})" if words else "", its_unit))
    return tuple(found)


def curve(name, what, argument, parameters, quick):
    return tuple(Workload(name, n, what, only("ns", value=""), argument=argument,
                          quick=min(n, quick)) for n in parameters)


# How cost grows, and what disturbs: measured when named, and by the set `curves`.
GROWTH = (
    *curve("by-size", "1 to 1, messages of {n} bytes", "bytes", (8, 64, 256, 1024, 4096), 8),
    *curve("by-capacity", "1 to 1, room for {n}", "room", (1, 8, 64, 512, 4096, 65_536), 65_536),
    *curve("by-batch", "1 to 1, {n} at a time", "batch", (1, 8, 64), 64),
    *curve("by-fibers", "{n} fibers on one channel", "fibers",
           (2, 20, 200, 2000, 20_000, 200_000, MILLION), 2000),
    *curve("by-channels", "{n} channels, a pair on each", "channels",
           (1, 10, 100, 1000, 10_000, HUNDRED_THOUSAND), 1000),
    Workload("timed", 128, "1 to 1, time limits, room for {n}",
             only("ns", value="none", get_for_ns="get_for", put_for_ns="put_for"),
             argument="room"),
    Workload("ends", HUNDRED_THOUSAND, "{n} waits end",
             only("ns", value="by a close", stop_ns="by stops", time_limit_ns="by time limits"),
             argument="fibers", quick=1000),
    Workload("shares", 128, "8 getters, room for {n}",
             only("ns", value="a message", spread=("largest share by the smallest", "ratio")),
             argument="room"),
    Workload("channel-memory", HUNDRED_THOUSAND, "{n} empty channels",
             only("bytes", value="rendezvous", capacity_1_bytes="capacity 1",
                  capacity_128_bytes="capacity 128", unbounded_bytes="unbounded"), quick=1000),
    Workload("task-memory", MILLION, "{n} tasks that have not begun",
             only("bytes", value="each"), quick=1000),
    Workload("backlog-memory", 10 * MILLION, "unbounded, a backlog of {n}",
             only("bytes", value="each", left=("process after it, by before", "ratio"),
                  left_trimmed=("the same after malloc_trim", "ratio")), quick=MILLION),
    Workload("stack-memory", HUNDRED_THOUSAND, "{n} fibers at once",
             only("bytes", value="each", left=("process after them, by before", "ratio"),
                  left_later=("the same a second later", "ratio")), quick=1000),
    Workload("hog", 10, "a message beside {n} ms without a wait",
             only("us", message_p50_us="median", message_p90_us="p90", message_p99_us="p99",
                  message_p99_9_us="p99.9"),
             argument="ms", quick=1),
    Workload("coarse", 100, "pipeline, {n} us an item", only("ratio", value="by bare threads"),
             argument="us"),
    *(Workload("by-work", n, "two stages, {n} ns an item, by bare threads",
               only("ratio", value="rendezvous", capacity_1="capacity 1",
                    capacity_64="capacity 64"), argument="ns")
      for n in (300, 1000, 3000, 10_000, 30_000, HUNDRED_THOUSAND)),
    Workload("neighbour", 503, "beside a spinning process, by the fair share",
             only("ratio", value="8 to 8", ring="token ring of 503", work="items of 100 us"),
             argument=""),
)

# Not of sluice alone: the floors, and a file through a compressor.
LIMITS = plain("limits", "bare",
               only("ns", value="ring, put and get", fetch_add_ns="fetch_add",
                    compare_exchange_ns="compare-and-swap", switch_ns="switch of context",
                    local_work_ns="local work", first_touch_ns="first touch of a page",
                    thread_ns="thread, started and joined"))
PACK = Workload("pack", 256, "{n} MiB through zlib level 6", (Figure("value", "", "s"),),
                argument="mib", quick=8)
EVERY = (*ALL, *GROWTH, LIMITS, PACK)


def matches(workload, pattern):
    """By name, by key (both with * and ?); those of ALL also by a part of their words."""
    return (fnmatch.fnmatchcase(workload.name.lower(), pattern)
            or fnmatch.fnmatchcase(workload.key.lower(), pattern)
            or (len(pattern) > 2 and workload in ALL
                and pattern in workload.title.lower().split(" ", 1)[1]))


def choose(patterns=(), capacities=(), quick=False):
    """The workloads that the patterns name, in the order of the list."""
    for pattern in patterns:
        if not any(matches(each, pattern.lower()) for each in EVERY):
            names = " ".join(dict.fromkeys(each.name for each in EVERY))
            raise WrongInput(f"no such workload: {pattern} (there are: {names})")
    chosen = [each for each in (EVERY if patterns else ALL)
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
