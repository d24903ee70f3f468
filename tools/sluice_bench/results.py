"""Result files: Google Benchmark's JSON, with fields of our own that its tools pass over.

Reads the files of `run` and of any Google Benchmark program. A file is written beside its place
and then renamed, so that it is whole at every moment.
"""

import collections
import datetime
import json
import math
import os
import pathlib
import socket
import tempfile

from . import statistics
from .errors import WrongInput
from .running import OWN_KEYS, TIMES, Sample, google_sample

OUR_KEYS = {"program", "case", "title", "workload", "figure", "parameter", "workers", "value",
            "unit", "seconds", "cpu_seconds"}


class Results:
    """Samples and failures of a run, by case and program, in the order in which they came."""

    def __init__(self, context=None):
        self.context = context or {}
        self.samples = []
        self.failures = []   # (program, case, why)

    def programs(self):
        found = [sample.program for sample in self.samples]
        return list(dict.fromkeys(found + [program for program, _, _ in self.failures]))

    def cases(self):
        return list(dict.fromkeys(sample.case for sample in self.samples))

    def of(self, case, program):
        return [each for each in self.samples if each.case == case and each.program == program]

    def values(self, case, program):
        return [each.value for each in self.of(case, program)]

    def median(self, case, program):
        values = self.values(case, program)
        return statistics.median(values) if values else None

    def first(self, case):
        """Any sample of the case: its title, unit, workers."""
        return next(each for each in self.samples if each.case == case)

    def failures_of(self, program):
        """{case: [why]}"""
        found = {}
        for label, case, why in self.failures:
            if label == program:
                found.setdefault(case, []).append(why)
        return found


# --- Writing ---------------------------------------------------------------------------------


def entry_of(sample, index, repetitions):
    is_time = sample.unit in TIMES
    time_unit = sample.unit if is_time else "s"
    entry = {
        "name": f"{sample.program}/{sample.case}", "run_name": f"{sample.program}/{sample.case}",
        "run_type": "iteration", "repetitions": repetitions, "repetition_index": index,
        "threads": 1, "iterations": 1,
        "real_time": sample.value if is_time else sample.seconds,
        "cpu_time": (sample.cpu_value or 0) if is_time else sample.cpu_seconds,
        "time_unit": time_unit,
    }
    entry.update({key: getattr(sample, key) for key in sorted(OUR_KEYS)})
    entry.update({key: value for key, value in sample.more.items()
                  if key not in OUR_KEYS and key not in OWN_KEYS})
    return entry


def aggregates_of(entries):
    """Google Benchmark's own four, of a case with several repetitions."""
    values = [entry["real_time"] for entry in entries]
    cpus = [entry["cpu_time"] for entry in entries]
    for name, of in (("mean", mean), ("median", statistics.median), ("stddev", deviation),
                     ("cv", lambda given: deviation(given) / mean(given) if mean(given) else 0)):
        first = entries[0]
        yield {"name": f"{first['name']}_{name}", "run_name": first["run_name"],
               "run_type": "aggregate", "repetitions": len(entries), "threads": 1,
               "aggregate_name": name,
               "aggregate_unit": "percentage" if name == "cv" else "time",
               "iterations": len(entries), "real_time": of(values), "cpu_time": of(cpus),
               "time_unit": first["time_unit"]}


def mean(values):
    return sum(values) / len(values)


def deviation(values):
    if len(values) < 2:
        return 0.0
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))


def as_json(results):
    groups = collections.OrderedDict()
    for sample in results.samples:
        groups.setdefault((sample.program, sample.case), []).append(sample)
    rows = []
    for samples in groups.values():
        entries = [entry_of(each, index, len(samples)) for index, each in enumerate(samples)]
        rows += entries
        if len(entries) > 1:
            rows += aggregates_of(entries)
    for program, case, why in results.failures:
        name = f"{program}/{case}"
        rows.append({"name": name, "run_name": name, "run_type": "iteration",
                     "error_occurred": True, "error_message": why, "program": program,
                     "case": case})
    return {"context": results.context, "benchmarks": rows}


def basic_context(**more):
    try:
        load = list(os.getloadavg())
    except OSError:
        load = []
    return {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "host_name": socket.gethostname(), "num_cpus": os.cpu_count(), "load_avg": load,
            "library_build_type": "release", "caches": [], **more}


def write_whole(path, text):
    """Writes beside the path and renames: whoever reads it sees the old text or the new one."""
    path = pathlib.Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write(path, results):
    write_whole(path, json.dumps(as_json(results), indent=1) + "\n")


# --- Reading ---------------------------------------------------------------------------------


def check_number(path, entry, key):
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise WrongInput(f"{path}: {entry.get('name', 'an entry')}: {key} is not a number")
    return float(value)


def sample_of(path, entry, label):
    name = str(entry.get("run_name") or entry.get("name") or "")
    if not name:
        raise WrongInput(f"{path}: an entry without a name")
    check_number(path, entry, "real_time")
    sample = google_sample(label, name, entry)
    sample.more = {key: value for key, value in sample.more.items() if key not in OUR_KEYS}
    if "program" in entry:
        value = check_number(path, entry, "value")
        known = {key: entry[key] for key in OUR_KEYS if key in entry}
        sample = Sample(**{**vars(sample), **known, "value": value})
        if sample.unit not in TIMES:
            sample.cpu_value = None
    if sample.value <= 0:
        raise WrongInput(f"{path}: {name}: the figure must be above zero, it is {sample.value:g}")
    return sample


def read(path):
    """The results in a file of `run`, or of any Google Benchmark program (label: file's stem)."""
    try:
        data = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise WrongInput(f"{path} is not JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("benchmarks"), list):
        raise WrongInput(f"{path} is not a result of Google Benchmark: it has no list `benchmarks`")
    context = data.get("context")
    results = Results(context if isinstance(context, dict) else {})
    label = pathlib.Path(path).stem
    for entry in data["benchmarks"]:
        if not isinstance(entry, dict):
            raise WrongInput(f"{path}: an entry of `benchmarks` is not an object")
        if entry.get("run_type", "iteration") == "aggregate":
            continue
        if entry.get("error_occurred"):
            name = entry.get("case") or entry.get("run_name") or entry.get("name") or "?"
            results.failures.append((str(entry.get("program", label)), str(name),
                                     str(entry.get("error_message", "failed"))))
        else:
            results.samples.append(sample_of(path, entry, label))
    if not results.samples and not results.failures:
        raise WrongInput(f"{path} holds no runs (with --benchmark_report_aggregates_only there "
                         "are none)")
    return results
