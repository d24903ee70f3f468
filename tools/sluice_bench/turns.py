"""Lets programs take turns as whole processes, so that what disturbs the machine disturbs them all.

Whoever begins changes from round to round. A group is a workload with a number of workers. Without
a limit on the time of the whole, one group comes after the other; with one, each group has a turn
before any has its second, so that what there is no time for is missing evenly. The results are
saved on the way; Ctrl-C ends the run and leaves what was measured.
"""

import collections
import math
import subprocess
import sys
import time

from . import running
from .compare import LEAST_VALUES
from .running import Absent, Failed, Job, TooSlow

# A program that failed or hung this often in a case is not run there again.
MOST_FAILURES = 2
NOTE_EVERY_S = 30
# A rival whose run took longer than this has its other turns when all else has had its own.
DEAR_S = 5
# So many turns each case has before the rivals stand back for sluice's other turns.
LEAST_TURNS = 3
GRACE_S = 40
SAVE_EVERY_S = 10
NO_TIME = "no time left for it (--budget)"


def words_for(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Clock:
    """The time that a run may take."""

    def __init__(self, seconds=math.inf):
        self.end = time.monotonic() + seconds

    def left(self):
        return self.end - time.monotonic()

    def allows(self, seconds):
        return self.left() > 0 and self.left() >= seconds

    def limit(self, seconds):
        """Of one process: what has begun in time may end a little late."""
        return min(seconds, max(self.left(), 0) + GRACE_S)


class Progress:
    """How far, and about how long still: by the mean time of the runs of each job so far."""

    def __init__(self, groups, repetitions, clock, stream=sys.stderr):
        self.clock = clock
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

    def expected(self, jobs):
        """How long a turn of them takes, by their runs so far."""
        return sum(sum(took) / len(took) for took in (self.took.get(id(job)) for job in jobs)
                   if took)

    def longest(self, job):
        return max(self.took.get(id(job), [0]))

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
            left = f", about {self.words_left()} left" if self.took else ""
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
            print(f"{self.done} of {self.total} runs, about {self.words_left()} left",
                  file=self.stream, flush=True)

    def words_left(self):
        return words_for(min(self.time_left(), max(self.clock.left(), 0)))


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


class Run:
    """The jobs that take turns, and what became of them."""

    def __init__(self, groups, repetitions, results, options, clock):
        self.groups, self.repetitions = groups, repetitions
        self.results, self.options, self.clock = results, options, clock
        self.progress = Progress(groups, repetitions, clock)
        self.runs, self.failures = collections.Counter(), collections.Counter()

    def one(self, job):
        """Adds the samples of one run, or why there are none."""
        results, case = self.results, job.case() or job.pattern or "all"
        self.runs[id(job)] += 1
        try:
            samples, failed = running.run(job, self.clock.limit(self.options.timeout),
                                          self.options.most_memory)
            results.samples += samples
            results.failures += [(job.program.label, name, why) for name, why in failed]
        except Absent:
            self.failures[id(job)] = MOST_FAILURES
        except Failed as failure:
            self.failures[id(job)] += 1
            if isinstance(failure, TooSlow) and self.clock.end < math.inf:
                self.failures[id(job)] = MOST_FAILURES
            results.failures.append((job.program.label, case, str(failure)))

    def turn(self, jobs, turn):
        """One run of each; whoever begins changes from turn to turn."""
        shift = turn % len(jobs)
        for job in jobs[shift:] + jobs[:shift]:
            if self.failures[id(job)] >= MOST_FAILURES:
                self.progress.skipped(job, self.progress.runs_left(job))
                continue
            self.progress.show(str(job))
            begin = time.monotonic()
            self.one(job)
            self.progress.ran(job, time.monotonic() - begin)

    # --- Group by group ------------------------------------------------------------------------

    def by_groups(self, save, after_group):
        for group in self.groups:
            for turn in range(self.repetitions):
                self.turn(group, turn)
            self.progress.clear()
            save()
            if after_group:
                after_group(group)
            self.progress.note_group()

    # --- Round by round, in time ---------------------------------------------------------------

    def every(self, job):
        return True

    def cheap(self, job):
        return not (job.program.rival and self.progress.longest(job) > DEAR_S)

    def ours(self, job):
        return not job.program.rival

    def stages(self):
        """(how many turns, who has them), one after the other. So no case of ours is without a
        figure for the sake of a rival; dear rivals are the first to do without more turns, and then
        all rivals without more than the least."""
        return ((1, self.ours), (1, self.every), (LEAST_TURNS, self.cheap), (LEAST_VALUES, self.ours),
                (self.repetitions, self.cheap), (self.repetitions, self.every))

    def by_rounds(self, save):
        saved = time.monotonic()
        for turns, whom in self.stages():
            for turn in range(min(turns, self.repetitions)):
                for group in self.groups:
                    due = [job for job in group if self.runs[id(job)] <= turn and whom(job)
                           and self.failures[id(job)] < MOST_FAILURES]
                    if due and self.clock.allows(self.progress.expected(due)):
                        self.turn(due, turn)
                    if time.monotonic() - saved > SAVE_EVERY_S:
                        save()
                        saved = time.monotonic()
                        self.progress.note_group()
        for group in self.groups:
            if not any(self.runs[id(job)] for job in group):
                self.results.failures.append((group[0].program.label, group[0].case(), NO_TIME))
        self.progress.clear()
        save()


def run_all(groups, repetitions, results, options, save, after_group=None, clock=None):
    """True when all was run; False if interrupted. What was measured is in `results`; the caller
    saves the end of it. With a clock, in rounds, and what there is no time for is left out."""
    run = Run(groups, repetitions, results, options, clock or Clock())
    try:
        if run.clock.end < math.inf:
            run.by_rounds(save)
            for group in groups if after_group else ():
                after_group(group)
        else:
            run.by_groups(save, after_group)
    except KeyboardInterrupt:
        run.progress.clear()
        return False
    return True
