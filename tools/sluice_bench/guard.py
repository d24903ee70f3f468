"""compare --against COMMIT: within minutes, did a change slow a workload by more than its noise?

Both builds run the quick workloads in turns. What seems slower is measured again, and only these
fresh runs count: with some thirty cases at 95 % one false alarm is likely in the first round. Where
time is too noisy to tell, the instructions of a run with one worker are counted by valgrind.

All of it fits into the budget: runs are shortened, then fewer, then cases are left out and named.
"""

import concurrent.futures
import dataclasses
import math
import re
import shutil
import time

from . import compare, machine, programs, results, running, statistics, turns, workloads
from .errors import BAD, CANNOT_JUDGE, BenchError
from .programs import CannotBuild
from .turns import Clock

BUDGET_S = 300
REPETITIONS = 9
CONFIRMING = 15
# Runs are shortened by doubling until the repetitions fit; beyond this, start-up would count.
FIRST_DIVISOR, MOST_DIVISOR = 2, 16
# The shares of the time left that the first round may take, and then the second; the rest counts.
FIRST_SHARE, CONFIRMING_SHARE = 0.5, 0.6

COUNTING_DIVISOR = 200
COUNTING_RUNS = 2
COUNTING_LIMIT_S = 60
# So many more instructions count as slower: below, spinning and the order of steps vary.
MORE_INSTRUCTIONS = 0.03
COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")


def build_both(options, say):
    """(base, new): two programs with the same workloads on two libraries, built at once."""
    def build(commit):
        say(f"building {commit or 'the working tree'}")
        return (programs.build_commit(options.build, commit, options.jobs) if commit
                else programs.build_sluice(options.build, "working tree", jobs=options.jobs))
    for commit in filter(None, (options.against, options.commit)):
        programs.known_commit(commit)
    # Two commits one after the other, though: they may be one, which is built in one place.
    try:
        with concurrent.futures.ThreadPoolExecutor(1 if options.commit else 2) as builders:
            base, new = builders.map(build, (options.against, options.commit))
    except CannotBuild as failure:
        raise BenchError(str(failure)) from None
    if base.label == new.label:
        raise programs.WrongInput(f"both sides are {base.label}")
    if not (base.divisor and new.divisor):
        say("the workloads of this tree do not fit an older library: each side runs its own")
        base, new = (dataclasses.replace(each, divisor=False) for each in (base, new))
    return base, new


def shorten(chosen, both, workers, options, clock, say):
    """(the groups with a divisor with which the repetitions fit into the time, how many these are,
    the cases that are left out); a first run of each warms caches and is not counted."""
    divisor = FIRST_DIVISOR
    while True:
        groups = turns.groups_of(both, chosen, workers, divisor)
        begin = time.monotonic()
        trial = results.Results()
        if not turns.run_all([[group[-1]] for group in groups], 1, trial, options, lambda: None):
            raise KeyboardInterrupt
        taken = 2 * (time.monotonic() - begin) * options.repetitions
        too_long = taken / max(FIRST_SHARE * clock.left(), 1e-3)
        if too_long <= 1 or divisor >= MOST_DIVISOR or not both[0].divisor:
            break
        divisor = min(divisor * 2 ** math.ceil(math.log2(too_long)), MOST_DIVISOR)
    fitting = FIRST_SHARE * max(clock.left(), 0) / taken * options.repetitions
    repetitions = max(compare.LEAST_VALUES, min(options.repetitions, int(fitting)))
    groups, left_out = those_that_fit(groups, min(fitting / repetitions, 1))
    taken *= len(groups) / (len(groups) + len(left_out))
    left_out = {group[0].case() for group in left_out}
    if left_out:
        say(f"no time for {len(left_out)} cases (--budget): {', '.join(sorted(left_out))}")
    say(f"{len(groups)} cases, {repetitions} repetitions of 1/{divisor} of the operations, about "
        f"{turns.words_for(taken * repetitions / options.repetitions)}")
    return groups, repetitions, left_out


def those_that_fit(groups, share):
    """(that share of the groups, from all over the list, and the others)"""
    kept = max(int(len(groups) * share), 1)
    places = {place * len(groups) // kept for place in range(kept)}
    return ([group for place, group in enumerate(groups) if place in places],
            [group for place, group in enumerate(groups) if place not in places])


def report_of(both, found, threshold):
    base, new = both
    return compare.Report((found, base.label), (found, new.label), threshold)


def confirm(both, groups, first, options, clock, say):
    """The suspects again; the fresh runs replace the first ones. (Was it not interrupted? The cases
    for which there was no time, which are no verdict then)"""
    suspects = {row.case for row in report_of(both, first, options.threshold)
                .having(compare.SLOWER)}
    again = [group for group in groups if group[0].case() in suspects]
    if not again:
        return True, set()
    say(f"{len(again)} cases seem slower: measured again, the fresh runs count")
    fresh = results.Results()
    whole = turns.run_all(again, CONFIRMING, fresh, options, lambda: None,
                          clock=Clock(CONFIRMING_SHARE * max(clock.left(), 0)))
    complete = {group[0].case() for group in again
                if all(len(fresh.values(job.case(), job.program.label)) >= compare.LEAST_VALUES
                       for job in group)}
    first.samples = [each for each in first.samples if each.case not in complete]
    first.samples += [each for each in fresh.samples if each.case in complete]
    first.failures += [each for each in fresh.failures if each[2] != turns.NO_TIME]
    failed = {case for _, case, _ in first.failures}
    return whole, suspects - complete - failed


# --- Instructions ----------------------------------------------------------------------------


def count_instructions(program, workload, seconds=COUNTING_LIMIT_S):
    """Executed by one run with one worker, or None if valgrind could not run it."""
    words = [str(program.path), workload.name, "1", str(workload.parameter)]
    words += [str(COUNTING_DIVISOR)] if program.divisor else []
    try:
        code, _, said, _, _ = running.execute(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *words],
            seconds, 0)
    except running.Failed:
        return None
    found = COLLECTED.search(said)
    return int(found[1]) if code == 0 and found else None


def count_both(both, workload, seconds):
    """At once: a count does not see what else runs."""
    with concurrent.futures.ThreadPoolExecutor(len(both)) as counters:
        return list(counters.map(lambda each: count_instructions(each, workload, seconds), both))


def instruction_ratio(both, workload, clock):
    """(ratio of the medians, certainly more?) or None. What seems more is counted again."""
    counts = []
    while len(counts) < COUNTING_RUNS:
        counted = count_both(both, workload, min(max(clock.left(), 1), COUNTING_LIMIT_S))
        if None in counted:
            return None
        counts.append(counted)
        base, new = zip(*counts)
        if min(new) <= max(base) * (1 + MORE_INSTRUCTIONS):
            return statistics.median(new) / statistics.median(base), False
    return statistics.median(new) / statistics.median(base), True


def count_unsure(both, chosen, cases, clock):
    """Prints the instructions of what time could not tell; the workloads that have more of them."""
    unsure = {case.rsplit("/workers:", 1)[0] for case in cases}
    wanted = [each for each in chosen if each.counted and each.key in unsure]
    if not wanted:
        return []
    if not shutil.which("valgrind"):
        print(f"too noisy to tell: {len(unsure)} workloads; with valgrind (Debian: valgrind) "
              "their instructions would be counted")
        return []
    more = []
    print("too noisy, or no time, to tell by time, so by instructions (one worker):")
    for workload in wanted:
        if clock.left() < 0:
            print(f"  {workload.title:<44} no time left (--budget)")
            continue
        found = instruction_ratio(both, workload, clock)
        if found is None:
            print(f"  {workload.title:<44} valgrind could not run it in time")
            continue
        ratio, certain = found
        print(f"  {workload.title:<44} {ratio:.3f}  {'more' if certain else 'no more'}",
              flush=True)
        if certain:
            more.append(workload.key)
    return more


# --- The whole -------------------------------------------------------------------------------


def run(options, say):
    """(the report, workloads with more instructions, cases without verdict, was it whole?)"""
    clock = Clock(options.budget)
    chosen = workloads.choose(options.patterns)
    if not options.patterns:
        chosen = [each for each in chosen if each.guard]
    workers = options.workers or ([1, 2] if machine.allowed_cpus() > 1 else [1])
    both = build_both(options, say)
    built = time.monotonic()
    if clock.left() <= 0:
        raise BenchError("building took all of the time (--budget); what is built is kept, so that the "
                         "same command measures now", CANNOT_JUDGE)
    say(f"built; {turns.words_for(max(clock.left(), 0))} of {options.budget:g} s left to measure")
    groups, repetitions, left_out = shorten(chosen, both, workers, options, clock, say)
    found = results.Results(results.basic_context(
        repetitions=repetitions, interrupted=False, machine=machine.context([])))

    def save():
        results.write(options.out, found)

    whole, suspects = turns.run_all(groups, repetitions, found, options, save), set()
    if whole:
        whole, suspects = confirm(both, groups, found, options, clock, say)
    found.context["interrupted"] = not whole
    save()
    report = report_of(both, found, options.threshold)
    compare.print_report(report)
    for case in sorted(suspects):
        print(f"no time to confirm (--budget): {case}")
    untold = {row.case for row in report.having(compare.UNSURE)} | suspects | left_out
    more = count_unsure(both, chosen, untold, clock) if whole else []
    say(f"measured for {turns.words_for(time.monotonic() - built)}; every run is in {options.out}")
    return report, more, suspects | left_out, whole


def exit_code(report, more, open_cases):
    """What seems slower in the first round only is no verdict; what was not run has none."""
    certain = [row for row in report.having(compare.SLOWER) if row.case not in open_cases]
    if more or certain or report.failures:
        return BAD
    return CANNOT_JUDGE if open_cases else report.exit_code()
