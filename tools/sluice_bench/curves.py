"""Which curves a set of results allows: over workers, over the parameter, over percentiles."""

import re

from . import statistics

PERCENTILE = re.compile(r"^(?:(.*)_)?p(\d+)(?:_(\d+))?(?:_(ns|us|ms|s))?$")
# Of further figures that have names of their own among the figures of a workload, too.
LEAST_POINTS = 3


def over_workers(results):
    """{title: {program: [(workers, median)]}} where a program ran with several numbers of them."""
    found = {}
    for case in results.cases():
        for program in results.programs():
            samples = results.of(case, program)
            if samples and samples[0].workers:
                value = statistics.median([each.value for each in samples])
                title = without_workers(samples[0])
                found.setdefault((title, samples[0].unit), {}).setdefault(program, []).append(
                    (samples[0].workers, value))
    return kept(found, 2)


def without_workers(sample):
    """The title without the number of workers that a Google Benchmark name may hold."""
    return re.sub(r"/workers:\d+", "", sample.title or sample.case)


def over_parameter(results):
    """{(workload, figure, argument): {(program, workers): [(parameter, median)]}}"""
    found = {}
    for case in results.cases():
        for program in results.programs():
            samples = results.of(case, program)
            if not samples or not samples[0].parameter and "/capacity:0/" not in case:
                continue
            first = samples[0]
            argument = re.search(r"/([a-z]+):\d+/", case)
            key = (first.workload, first.figure, argument[1] if argument else "n", first.unit)
            value = statistics.median([each.value for each in samples])
            found.setdefault(key, {}).setdefault((program, first.workers), []).append(
                (first.parameter, value))
    return kept(found, LEAST_POINTS)


def kept(found, least):
    """Only lines of so many points, and only charts with a line."""
    for key, series in list(found.items()):
        series = {name: points for name, points in series.items()
                  if len({x for x, _ in points}) >= least}
        if series:
            found[key] = series
        else:
            del found[key]
    return found


def parse_percentile(name):
    """(what, percent, unit) of a counter such as wake_p99_us or p99_9_us; None if it is none."""
    match = PERCENTILE.match(name)
    if not match:
        return None
    percent = float(f"{match[2]}.{match[3] or 0}")
    if percent >= 100:
        return None
    return match[1] or "latency", percent, match[4] or ""


def distributions(results):
    """{(title, unit): {(program, what, workers): [(percent, median)]}}"""
    gathered = {}
    for sample in results.samples:
        named = dict(sample.more)
        if sample.figure:
            named[sample.figure] = sample.value
        for name, value in named.items():
            parsed = parse_percentile(name)
            if parsed and value > 0:
                what, percent, unit = parsed
                key = (sample.workload or sample.case, unit)
                line = (sample.program, what, sample.workers)
                gathered.setdefault(key, {}).setdefault(line, {}).setdefault(
                    percent, []).append(value)
    found = {key: {line: sorted((percent, statistics.median(values))
                                for percent, values in points.items())
                   for line, points in lines.items()} for key, lines in gathered.items()}
    return kept(found, 2)
