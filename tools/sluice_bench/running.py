"""Runs one program once, as a process with a limit on time and memory, and reads what it says.

A run either gives samples or raises Failed with the reason in words: it died, hung, took too much
memory, said nothing sensible, or lost an item. A failed run is never taken for a quick one.
"""

import dataclasses
import json
import os
import resource
import signal
import subprocess
import time

MEMORY_LOOK_S = 0.1
TIME_LIMIT_S = 180
# The share of the free memory that one process may take: a rival must not take down the machine.
MEMORY_SHARE = 0.6
TIMES = ("ns", "us", "ms", "s")
# What Google Benchmark itself writes into an entry; all else that is a number is a counter.
OWN_KEYS = {"name", "run_name", "run_type", "repetitions", "repetition_index", "threads",
            "iterations", "real_time", "cpu_time", "time_unit", "family_index",
            "per_family_instance_index", "label", "error_occurred", "error_message",
            "aggregate_name", "aggregate_unit"}


# The exit code of a workload program that cannot run this workload with this parameter.
HAS_NO_SUCH = 3


class Failed(Exception):
    """Why a run counts as none."""


class TooSlow(Failed):
    """It was not done in time."""


class Absent(Failed):
    """The program does not have the workload, or not with that parameter: no failure of its own."""


@dataclasses.dataclass
class Job:
    """A program and what it is to run, again and again; one case if it is a workload."""

    program: object
    workload: object = None
    workers: int = 0
    pattern: str = ""        # of a Google Benchmark program
    divisor: int = 1

    def command(self):
        if self.program.kind == "google":
            return self.program.command(
                "--benchmark_format=json", "--benchmark_repetitions=1",
                "--benchmark_report_aggregates_only=false",
                *([f"--benchmark_filter={self.pattern}"] if self.pattern else []))
        return self.program.command(self.workload.name, self.workers, self.workload.parameter,
                                    *([self.divisor] if self.divisor > 1 else []))

    def case(self):
        """What is the same for all programs; the cases of a Google program are its benchmarks."""
        return f"{self.workload.key}/workers:{self.workers}" if self.workload else ""

    def __str__(self):
        what = (f"{self.workload.title}, workers {self.workers}" if self.workload
                else self.pattern or "all of its benchmarks")
        return f"{self.program.title}: {what}"


@dataclasses.dataclass
class Sample:
    """One figure of one run."""

    program: str
    case: str
    value: float
    unit: str
    title: str = ""
    workload: str = ""
    figure: str = ""
    parameter: int = 0
    workers: int = 0
    seconds: float = 0       # what the whole process took
    cpu_seconds: float = 0   # of all its threads
    cpu_value: float = None  # processor time in the unit of the value, where it is known
    more: dict = dataclasses.field(default_factory=dict)


def meminfo(field, file="/proc/meminfo"):
    try:
        with open(file) as lines:
            for line in lines:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def memory_limit():
    return MEMORY_SHARE * meminfo("MemAvailable")


def kill(process):
    """The process and whatever it started: they have a session of their own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()


def watch(process, time_limit, most_memory):
    """What it printed on stdout and stderr; raises Failed if it passes a limit."""
    end = time.monotonic() + time_limit
    while True:
        try:
            return process.communicate(timeout=min(MEMORY_LOOK_S, time_limit))
        except subprocess.TimeoutExpired:
            if time.monotonic() > end:
                raise TooSlow(f"not done after {time_limit:g} s") from None
            if most_memory and meminfo("VmRSS", f"/proc/{process.pid}/status") > most_memory:
                raise Failed(f"took more than {most_memory / 1e9:.1f} GB") from None


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def execute(command, time_limit, most_memory):
    """(exit code, stdout, stderr, seconds, CPU seconds); nothing of it outlives this call."""
    cpu, begin = children_cpu(), time.monotonic()
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, errors="replace",
                                   start_new_session=True)
    except OSError as error:
        raise Failed(f"cannot be started: {error.strerror}") from None
    try:
        printed, complaint = watch(process, time_limit, most_memory)
    except BaseException:
        kill(process)
        raise
    return (process.returncode, printed, complaint, time.monotonic() - begin,
            children_cpu() - cpu)


def how_it_ended(code, complaint):
    how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return " ".join([how, *complaint.strip().splitlines()[-1:]])


def run(job, time_limit=TIME_LIMIT_S, most_memory=0):
    """The samples of one run of the job, and what failed within it: ([Sample], [(case, why)])."""
    code, printed, complaint, seconds, cpu = execute(job.command(), time_limit, most_memory)
    read = read_google if job.program.kind == "google" else read_workload
    samples, failures = read(job, code, printed, complaint)
    for sample in samples:
        sample.seconds, sample.cpu_seconds = seconds, cpu
        if sample.cpu_value is None and sample.unit in TIMES and seconds > 0:
            sample.cpu_value = sample.value * cpu / seconds
    return samples, failures


# --- What a workload program says ------------------------------------------------------------


def read_workload(job, code, printed, complaint):
    if code == HAS_NO_SUCH:
        raise Absent(how_it_ended(code, complaint))
    if code not in (0, 1) or not printed.startswith("{"):
        raise Failed(how_it_ended(code, complaint))
    try:
        line = json.loads(printed)
        checked, value, more = line["checked"], float(line["value"]), dict(line.get("more") or {})
    except (ValueError, KeyError, TypeError):
        raise Failed(f"it printed no result: {printed.strip()[:80]}") from None
    if checked is not True:
        raise Failed("lost or doubled a message")
    if code != 0:
        raise Failed(how_it_ended(code, complaint))
    samples = []
    for figure in job.workload.figures:
        found = value if figure.key == "value" else more.get(figure.key)
        if found is not None and found > 0:
            samples.append(sample_of(job, figure, found))
    if not samples:
        raise Failed("it printed no figure above zero")
    shown = {figure.key for figure in job.workload.figures}
    samples[0].more = {key: each for key, each in more.items() if key not in shown}
    return samples, []


def sample_of(job, figure, value):
    main = figure.key == "value"
    return Sample(job.program.label, job.case() + ("" if main else f"/{figure.key}"), value,
                  figure.unit, f"{job.workload.title} {figure.name}".strip(), job.workload.name,
                  "" if main else figure.key, job.workload.parameter, job.workers)


# --- What a Google Benchmark program says --------------------------------------------------------


def read_google(job, code, printed, complaint):
    begin = printed.find("{")
    try:
        entries = json.loads(printed[begin:])["benchmarks"] if begin >= 0 else None
    except (ValueError, KeyError, TypeError):
        entries = None
    if code != 0:
        raise Failed(how_it_ended(code, complaint))
    if not isinstance(entries, list):
        raise Failed("it printed no JSON of Google Benchmark")
    samples, failures = [], []
    for entry in entries:
        if entry.get("run_type", "iteration") == "aggregate":
            continue
        case = str(entry.get("run_name", entry.get("name", "?")))
        if entry.get("error_occurred"):
            failures.append((case, str(entry.get("error_message", "failed"))))
        elif entry.get("real_time", 0) > 0:
            samples.append(google_sample(job.program.label, case, entry))
    if not samples and not failures:
        raise Failed("none of its benchmarks ran (does the filter fit?)")
    return samples, failures


def google_sample(label, case, entry):
    more = {key: value for key, value in entry.items()
            if key not in OWN_KEYS and isinstance(value, (int, float))
            and not isinstance(value, bool)}
    workers = [part[8:] for part in case.split("/") if part.startswith("workers:")]
    return Sample(label, case, float(entry["real_time"]), entry.get("time_unit", "ns"), case,
                  case, workers=int(workers[0]) if workers and workers[0].isdigit() else 0,
                  cpu_value=entry.get("cpu_time"), more=more)
