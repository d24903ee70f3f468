"""Is one side slower than the other? Ratios of medians with their intervals, and a verdict each.

The verdict goes by the interval alone: slower only if all of it lies above 1 + threshold, faster
only if all of it lies below 1 / (1 + threshold). Mann-Whitney's p stands beside it as a witness
that does not know the size of the difference.
"""

import dataclasses
import json

from . import statistics
from .errors import BAD, CANNOT_JUDGE, FINE, WrongInput
from .table import short

THRESHOLD = 0.02
# Fewer values than these have no interval worth the name.
LEAST_VALUES = 5

SLOWER, FASTER, SAME, UNSURE, TOO_FEW = "slower", "faster", "same", "unsure", "too few runs"


@dataclasses.dataclass
class Comparison:
    case: str
    title: str
    workers: int
    unit: str
    base: list
    new: list
    ratio: float
    low: float
    high: float
    p: float
    verdict: str
    resampled: list = dataclasses.field(repr=False, default_factory=list)


def verdict_of(low, high, threshold):
    upper, lower = 1 + threshold, 1 / (1 + threshold)
    if low > upper:
        return SLOWER
    if high < lower:
        return FASTER
    return SAME if low >= lower and high <= upper else UNSURE


def compare_values(case, sample, base, new, threshold, place):
    """`place` among the cases: each has random numbers of its own."""
    ratio = statistics.median(new) / statistics.median(base)
    resampled = statistics.resampled_ratios(new, base, seed=statistics.SEED + place)
    low, high = statistics.interval_of(resampled)
    _, p = statistics.mann_whitney(new, base)
    enough = min(len(base), len(new)) >= LEAST_VALUES
    return Comparison(case, sample.title or case, sample.workers, sample.unit, base, new, ratio,
                      low, high, p, verdict_of(low, high, threshold) if enough else TOO_FEW,
                      resampled)


class Report:
    """The comparison of two sides: (results, program) each."""

    def __init__(self, base, new, threshold=THRESHOLD):
        (base_results, base_label), (new_results, new_label) = base, new
        self.threshold = threshold
        self.rows, self.missing = [], []
        self.failures = new_results.failures_of(new_label)
        self.base_failures = base_results.failures_of(base_label)
        for case in base_results.cases():
            before = base_results.values(case, base_label)
            after = new_results.values(case, new_label)
            if not before:
                continue
            if not after:
                self.missing.append(case)
                continue
            sample = new_results.of(case, new_label)[0]
            if sample.unit != base_results.of(case, base_label)[0].unit:
                raise WrongInput(f"{case}: one side is in {sample.unit}, the other is not")
            self.rows.append(compare_values(case, sample, before, after, threshold,
                                            len(self.rows)))
        # A case that failed is missing because of that, and said once.
        self.missing = [case for case in self.missing
                        if not any(case == bad or case.startswith(bad + "/")
                                   for bad in self.failures)]

    def having(self, verdict):
        return [row for row in self.rows if row.verdict == verdict]

    def judged(self):
        return [row for row in self.rows if row.verdict != TOO_FEW]

    def geometric(self):
        """(ratio, low, high) over all cases."""
        low, high = statistics.geometric_interval([row.resampled for row in self.rows])
        return statistics.geometric_mean([row.ratio for row in self.rows]), low, high

    def exit_code(self, allow_missing=False):
        if self.having(SLOWER) or self.failures:
            return BAD
        if not self.judged() or self.having(TOO_FEW) or (self.missing and not allow_missing):
            return CANNOT_JUDGE
        return FINE


# --- As text -----------------------------------------------------------------------------------


def print_rows(rows):
    print(f"{'case':<46} {'unit':<5} {'base':>9} {'new':>9} {'ratio':>6} {'95 % interval':>15} "
          f"{'p':>6}  verdict")
    for row in rows:
        name = f"{row.title}, {row.workers} w" if row.workers else row.title
        name = name if len(name) <= 46 else name[:43] + "..."
        print(f"{name:<46} {row.unit:<5} {short(statistics.median(row.base)):>9} "
              f"{short(statistics.median(row.new)):>9} {row.ratio:>6.3f} "
              f"{f'{row.low:.3f}..{row.high:.3f}':>15} {row.p:>6.3f}  {row.verdict}")


def print_report(report):
    if report.rows:
        print_rows(report.rows)
        ratio, low, high = report.geometric()
        print(f"geometric mean {ratio:.3f} ({low:.3f}..{high:.3f}) over {len(report.rows)} cases")
    for case, why in report.failures.items():
        print(f"failed: {case}: {why[0]}")
    for case, why in report.base_failures.items():
        print(f"failed on the base side: {case}: {why[0]}")
    for case in report.missing:
        print(f"missing on the new side: {case}")
    if report.having(TOO_FEW):
        print(f"{len(report.having(TOO_FEW))} cases with fewer than {LEAST_VALUES} runs on a side "
              "are not judged: measure with more --repetitions")
    if not report.rows and not report.failures:
        print("the two sides have no case in common")
    counts = {word: len(report.having(word)) for word in (SLOWER, FASTER, SAME, UNSURE)}
    print(", ".join(f"{count} {word}" for word, count in counts.items())
          + f" (threshold {report.threshold:.1%}; ratio: new / base, below 1 is faster)")


def as_json(report):
    rows = [{**dataclasses.asdict(row), "base_median": statistics.median(row.base),
             "new_median": statistics.median(row.new)} for row in report.rows]
    for row in rows:
        del row["resampled"]
    found = {"threshold": report.threshold, "cases": rows, "missing": report.missing,
             "failures": report.failures, "exit_code": report.exit_code()}
    if report.rows:
        found["geometric_mean"], low, high = report.geometric()
        found["geometric_interval"] = [low, high]
    return json.dumps(found, indent=1) + "\n"


# --- Which sides -------------------------------------------------------------------------------


def pick(results, label, option, path):
    """The program that is meant: by its label, or the only one, or sluice."""
    there = results.programs()
    if label:
        if label not in there:
            raise WrongInput(f"{path} has no program {label} (it has: {', '.join(there)})")
        return label
    if len(there) == 1:
        return there[0]
    if "sluice" in there:
        return "sluice"
    raise WrongInput(f"{path} has several programs: choose with {option} ({', '.join(there)})")


def sides(base_file, new_file, base_label, new_label):
    """((results, label), (results, label)); new_file None: two programs of one file. Files are
    pairs of path and results."""
    base_path, base = base_file
    if new_file is None:
        if not base_label:
            raise WrongInput("with one file, say which program is the base: --base LABEL or "
                             "--rival NAME")
        chosen = pick(base, base_label, "--base", base_path)
        others = [each for each in base.programs() if each != chosen]
        new = new_label or ("sluice" if "sluice" in others else "")
        if not new and len(others) == 1:
            new = others[0]
        chosen_new = pick(base, new, "--new", base_path)
        if chosen == chosen_new:
            raise WrongInput(f"both sides are {chosen}: choose another with --new")
        return (base, chosen), (base, chosen_new)
    new_path, new = new_file
    return ((base, pick(base, base_label, "--base", base_path)),
            (new, pick(new, new_label, "--new", new_path)))
