"""The goals of bench/README.md, and which of them a run reached.

Judged by medians: faster than the rivals that can run the workload, two workers not slower than
one, a limit on the memory of a parked fiber and on idle processor time.
"""

from . import workloads
from .programs import RIVALS

MOST_BYTES_PARKED = 4700
MOST_TWO_TO_ONE = 1.2
MOST_IDLE_SHARE = 0.001
SLUICE = "sluice"


def verdict(words, reached, figures):
    return {"goal": words, "reached": reached, "figures": figures}


def figures_of(results):
    """(first sample, figure) of each case of sluice that is in the list of workloads."""
    known = {(each.name, figure.key): figure for each in workloads.ALL for figure in each.figures}
    for case in results.cases():
        samples = results.of(case, SLUICE)
        if samples:
            figure = known.get((samples[0].workload, samples[0].figure or "value"))
            if figure:
                yield samples[0], figure


def by_title(results):
    """{(title, figure): {workers: case}}: the cases that differ in the workers only."""
    found = {}
    for sample, figure in figures_of(results):
        found.setdefault((sample.title, figure), {})[sample.workers] = sample.case
    return found


def judge_races(results, titles):
    for (title, figure), cases in titles.items():
        for rival in figure.race:
            ratios = {}
            for workers, case in cases.items():
                theirs = results.median(case, rival)
                if theirs:
                    ratios[workers] = results.median(case, SLUICE) / theirs
            if ratios:
                yield verdict(f"{title}: faster than {RIVALS[rival].title}",
                              all(r < 1 for r in ratios.values()),
                              ", ".join(f"{r:.2f} with {w}" for w, r in ratios.items()))


def judge_steady(results, cases_of):
    for (title, figure), cases in cases_of.items():
        if figure.steady and 1 in cases and 2 in cases:
            both = results.median(cases[2], SLUICE) / results.median(cases[1], SLUICE)
            yield verdict(f"{title}: two workers at most {MOST_TWO_TO_ONE} times one",
                          both <= MOST_TWO_TO_ONE, f"{both:.2f}")


def judge_limits(results):
    for sample, figure in figures_of(results):
        value = results.median(sample.case, SLUICE)
        words = f"{sample.title}, workers {sample.workers}"
        if sample.workload == "W11" and figure.key == "value":
            yield verdict(f"{words}: at most {MOST_BYTES_PARKED:,} bytes each",
                          value <= MOST_BYTES_PARKED, f"{value:,.0f}")
        if sample.workload == "W15" and figure.key == "value":
            share = value / 1e3 / workloads.IDLE_SECONDS
            yield verdict(f"{words}: idle CPU below {MOST_IDLE_SHARE:.1%}",
                          share < MOST_IDLE_SHARE, f"{share:.4%}")


def judge(results):
    titles = by_title(results)
    failed = [verdict(f"{case}: sluice does not fail", False, why[0])
              for case, why in results.failures_of(SLUICE).items()]
    return [*judge_races(results, titles), *judge_steady(results, titles),
            *judge_limits(results), *failed]


def print_verdicts(verdicts):
    for each in verdicts:
        word = "reached" if each["reached"] else "MISSED"
        print(f"{word:<8} {each['goal']:<76} {each['figures']}")
    missed = sum(not each["reached"] for each in verdicts)
    print(f"{len(verdicts) - missed} goals reached, {missed} missed")
