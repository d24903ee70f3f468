"""Results as a table of text: medians with the fastest and slowest run, and ratios."""

from . import statistics


def short(value):
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def cell(values, failed=False):
    if not values:
        return "failed" if failed else "-"
    spread = f" ({short(min(values))}..{short(max(values))})" if len(values) > 1 else ""
    return short(statistics.median(values)) + spread


class Table:
    """Printed row by row, as figures come; the first program is the one that ratios are for."""

    def __init__(self, programs):
        self.programs = programs

    def head(self):
        line = f"{'workload':<46} {'unit':<5} {'w':>2} "
        line += "".join(f" {each.title[:22]:<22}" for each in self.programs)
        line += "".join(f" {'/ ' + each.title[:14]:>16}" for each in self.programs[1:])
        return line.rstrip()

    def row(self, results, case):
        first = results.first(case)
        title = first.title if len(first.title) <= 46 else first.title[:43] + "..."
        line = f"{title:<46} {first.unit:<5} {first.workers or '':>2} "
        medians = []
        for each in self.programs:
            failed = any(case == bad or case.startswith(bad + "/")
                         for bad in results.failures_of(each.label))
            line += f" {cell(results.values(case, each.label), failed):<22}"
            medians.append(results.median(case, each.label))
        for median in medians[1:]:
            known = medians[0] and median
            line += f" {(f'{medians[0] / median:.2f}' if known else '-'):>16}"
        return line.rstrip()

    def print_new(self, results, seen):
        """The rows of the cases that are not in `seen` yet."""
        for case in results.cases():
            if case not in seen:
                seen.add(case)
                print(self.row(results, case), flush=True)


def print_failures(results):
    counted = {}
    for failure in results.failures:
        counted[failure] = counted.get(failure, 0) + 1
    for (program, case, why), times in counted.items():
        print(f"failed: {program}, {case}{f', {times} times' if times > 1 else ''}: {why}")
