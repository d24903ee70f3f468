"""Lets programs take turns as whole processes, so that what disturbs the machine disturbs them all.

Whoever begins changes from round to round. After each group the results so far are saved; Ctrl-C
ends the run and leaves what was measured.
"""

import math
import subprocess
import sys
import time

from . import running
from .running import Absent, Failed, Job

# A program that failed or hung this often in a case is not run there again.
MOST_FAILURES = 2
NOTE_EVERY_S = 30
# With a limit on the time of the whole, a group runs so often even if others must do with less.
LEAST_TURNS = 3
GRACE_S = 40
NO_TIME = "no time left for it (--budget)"


def words_for(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Clock:
    """The time that a run may take, dealt out to the groups that are left. A group that needs less
    leaves the rest to those after it."""

    def __init__(self, seconds=math.inf):
        self.end = self.group_end = time.monotonic() + seconds

    def left(self):
        return self.end - time.monotonic()

    def begin_group(self, groups_left):
        self.group_end = time.monotonic() + max(self.left(), 0) / groups_left

    def allows(self, turn, took):
        """Another turn, if each took that long? The first few come before the share of the group,
        not before the end of all."""
        end = self.end if turn < LEAST_TURNS else self.group_end
        return time.monotonic() + took <= end

    def limit(self, seconds):
        """Of one process: what has begun in time may end a little late."""
        return min(seconds, max(self.left(), 0) + GRACE_S)


class Progress:
    """How far, and about how long still: by the mean time of the runs of each job so far."""

    def __init__(self, groups, repetitions, stream=sys.stderr):
        self.left = {id(job): repetitions for group in groups for job in group}
        self.took = {}
        self.total = sum(self.left.values())
        self.done = 0
        self.stream = stream
        self.live = stream.isatty()
        self.noted = time.monotonic()

    def time_left(self):
        known = [sum(times) / len(times) for times in self.took.values()]
        mean = sum(known) / len(known) if known else 0
        return sum(left * (sum(self.took[job]) / len(self.took[job]) if job in self.took else mean)
                   for job, left in self.left.items())

    def ran(self, job, seconds):
        self.took.setdefault(id(job), []).append(seconds)
        self.skipped(job, 1)

    def skipped(self, job, runs):
        self.left[id(job)] -= runs
        self.done += runs

    def runs_left(self, job):
        return self.left[id(job)]

    def show(self, what):
        if self.live:
            left = f", about {words_for(self.time_left())} left" if self.took else ""
            text = f"[{self.done}/{self.total}{left}] {what}"
            self.stream.write(f"\r\033[K{text[:110]}")
            self.stream.flush()

    def clear(self):
        if self.live:
            self.stream.write("\r\033[K")
            self.stream.flush()

    def note_group(self):
        """Where nobody watches a terminal, a line now and then."""
        due = time.monotonic() - self.noted > NOTE_EVERY_S
        if due and not self.live and self.done < self.total:
            self.noted = time.monotonic()
            print(f"{self.done} of {self.total} runs, about {words_for(self.time_left())} left",
                  file=self.stream, flush=True)


def has(program, workload, known={}):
    """Does the program have that workload? Asked once for each program."""
    key = (*program.command(), program.path.stat().st_mtime_ns)
    if key not in known:
        try:
            listed = subprocess.run(program.command("--list"), stdout=subprocess.PIPE, text=True,
                                    timeout=running.TIME_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired):
            return False
        known[key] = listed.stdout.split()
    return workload.name in known[key]


def groups_of(programs, workloads, workers, divisor=1):
    """One group for each workload and number of workers: the jobs that take turns."""
    groups = []
    for workload in workloads:
        able = [each for each in programs if has(each, workload)]
        for count in workers:
            groups.append([Job(each, workload, count, divisor=divisor if each.divisor else 1)
                           for each in able])
    return [group for group in groups if group]


def one_run(job, results, options, failures, clock):
    """Adds the samples of one run, or why there are none."""
    try:
        samples, failed = running.run(job, clock.limit(options.timeout), options.most_memory)
        results.samples += samples
        results.failures += [(job.program.label, case, why) for case, why in failed]
    except Absent:
        failures[id(job)] = MOST_FAILURES
    except Failed as failure:
        failures[id(job)] = failures.get(id(job), 0) + 1
        case = job.case() or job.pattern or "all"
        results.failures.append((job.program.label, case, str(failure)))


def run_group(group, repetitions, results, options, progress, clock):
    """True if it had the time for a turn at least."""
    failures = {}
    begun = time.monotonic()
    for turn in range(repetitions):
        if not clock.allows(turn, (time.monotonic() - begun) / turn if turn else 0):
            for job in group:
                progress.skipped(job, progress.runs_left(job))
            return turn > 0
        shift = turn % len(group)
        for job in group[shift:] + group[:shift]:
            if failures.get(id(job), 0) >= MOST_FAILURES:
                progress.skipped(job, progress.runs_left(job))
                continue
            progress.show(str(job))
            begin = time.monotonic()
            one_run(job, results, options, failures, clock)
            progress.ran(job, time.monotonic() - begin)
    return True


def run_all(groups, repetitions, results, options, save, after_group=None, clock=None):
    """True when all was run; False if interrupted. What was measured is in `results`; the caller
    saves the end of it. With a clock, groups run less often, or not at all, to end in time."""
    progress = Progress(groups, repetitions)
    clock = clock or Clock()
    try:
        for place, group in enumerate(groups):
            clock.begin_group(len(groups) - place)
            if not run_group(group, repetitions, results, options, progress, clock):
                results.failures.append((group[0].program.label, group[0].case(), NO_TIME))
            progress.clear()
            save()
            if after_group:
                after_group(group)
            progress.note_group()
    except KeyboardInterrupt:
        progress.clear()
        return False
    return True
