"""The blocks of docs/performance.md that a result file fills, in Markdown."""

import math
import re
import shlex

from . import machine, published, statistics, workloads
from .compare import LEAST_VALUES
from .curves import LEAST_POINTS
from .programs import FLOORS
from .published import best_rival, case_of, floor_of, goal_of
from .report import title_of
from .table import short
from .turns import NO_TIME

SLUICE = "sluice"
# From here on two workers count as slower than one, and we as slower than a rival.
STEADY, LOSES = 1.1, 1.0
TOO_SLOW = "not done after "
UNITS = {"bytes": "bytes", "ratio": "times"}


def words_of(title):
    """Without the name that bench/README.md gives a workload."""
    return re.sub(r"^(W\d+b?a?|[a-z]+(-[a-z]+)?) ", "", title, count=1)


def spread(values):
    if not values:
        return "-"
    from_to = f" ({short(min(values))} – {short(max(values))})" if len(values) > 1 else ""
    return f"{short(statistics.median(values))}{from_to}"


def line(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return "\n".join([line(head), "|" + "---|" * len(head), *(line(row) for row in rows)])


# --- Where it comes from -----------------------------------------------------------------------


def origin(results):
    context = results.context
    found = context.get("machine") if isinstance(context.get("machine"), dict) else {}
    ours, rivals = counts_of(results, [SLUICE]), counts_of(results, others(results))
    load = (context.get("load_avg") or [0])[0]
    parts = [str(context.get("date", ""))[:10], found.get("cpu", "unknown processor"),
             f"{found.get('cpus_allowed', '?')} CPUs",
             "a virtual machine" if str(found.get("virtual", "")).startswith("yes") else "",
             f"Linux {release(found['kernel'])}" if "kernel" in found else "",
             *built_by(found),
             f"load {load:.2f} at the start"
             + (": **a busy machine, doubt the figures**" if load > machine.MOST_LOAD else "")]
    versions = [str(each) for key in ("rivals", "outside")
                for each in (found.get(key) or {}).values()]
    text = (f"{', '.join(each for each in parts if each)}. "
            f"{from_to(ours)} runs of each{rivals_runs(ours, rivals)}, whole processes in turns; "
            "medians (fastest – slowest).")
    if min(ours) < LEAST_VALUES:
        text += f" Fewer than {LEAST_VALUES} runs of something: no measurement yet."
    if versions:
        text += f" Rivals: {'; '.join(versions)}."
    return text + f"\n\nBy `{repeatable(str(context.get('command', 'tools/sluice-bench run')))}`."


def others(results):
    return [each for each in results.programs() if each != SLUICE]


def counts_of(results, programs):
    """How often each of them ran each case that it has."""
    return {len(values) for case in results.cases() for each in programs
            if (values := results.values(case, each))}


def from_to(counts):
    return " to ".join(map(str, sorted({min(counts), max(counts)})))


def rivals_runs(ours, rivals):
    return f" (of others {from_to(rivals)})" if rivals and rivals != ours else ""


def built_by(found):
    """Compiler, flags and commit: of this tree, or what stands beside a program that was built
    elsewhere; nothing where neither is known."""
    commit = str(found.get("commit", ""))
    if commit.startswith(f"{SLUICE} "):
        return [commit]
    compiler = found.get("compiler", "")
    known = compiler not in ("", "not installed")
    return [compiler if known else "", f"flags {found['flags']}" if known and "flags" in found
            else "", f"commit {commit}" if commit and not commit.startswith("unknown") else ""]


def release(kernel):
    """Its first two numbers; what follows is the machine's."""
    return ".".join(str(kernel).split(".")[:2])


# Options that say where something lies: of this machine, and no matter for the figures.
PLACES = ("--out", "--json", "--build", "--built", "--jobs")


def repeatable(command):
    """The command without places."""
    kept, words = [], iter(shlex.split(command))
    for word in words:
        if word in PLACES:
            next(words, None)
        elif word == "--rival-program":
            kept += [word, next(words, "").partition("=")[0] + "=..."]
        elif not word.startswith(tuple(f"{place}=" for place in PLACES)):
            kept.append(word)
    return shlex.join(kept)


# --- The workloads -----------------------------------------------------------------------------


def ours(results, row, workers):
    case = case_of(row, workers)
    values = results.values(case, SLUICE)
    if not values:
        return why_missing(results, case, SLUICE)
    goal = goal_of(results, row, workers)
    words = spread(values)
    return f"**{words}**" if goal and results.median(case, SLUICE) <= goal else words


def failed(results, case):
    return why_missing(results, case, SLUICE) != "-"


def why_missing(results, case, program):
    """Why there is no figure: it failed, it took too long, or there was no time for it."""
    found = {why for bad, whys in results.failures_of(program).items()
             if case == bad or case.startswith(f"{bad}/") for why in whys}
    limits = [why for why in found if why.startswith(TOO_SLOW)]
    if found <= {NO_TIME}:
        return "no time" if found else "-"
    return f"> {limits[0][len(TOO_SLOW):]} a run" if len(limits) == len(found) else "failed"


def rival(results, row, workers):
    case = case_of(row, workers)
    found = best_rival(results, case)
    return f"{title_of(found[1])} {spread(results.values(case, found[1]))}" if found else "-"


def number(value):
    return short(value) if value else "-"


def floor_words(results, row, counts):
    found = [floor_of(results, row, workers) for workers in counts]
    known = list(dict.fromkeys(short(each) for each in found if each))
    return f"{' / '.join(known)} ({row.floor.words})" if known else "-"


def published_names():
    return {row.key.split("/")[0] for row in published.ROWS}


def main_table(results):
    counts = sorted({sample.workers for sample in results.samples
                     if sample.workload in published_names()})
    head = ["workload", "unit"]
    for each in counts:
        head += [f"{each} w: goal", "sluice", "best rival"]
    rows = []
    missing = 0
    for row in published.ROWS:
        cases = [case for case in (case_of(row, each) for each in counts)
                 if results.values(case, SLUICE) or failed(results, case)]
        known = [case for case in cases if results.values(case, SLUICE)]
        missing += bool(cases) and not known
        if not known:
            continue
        first = results.of(known[0], SLUICE)[0]
        cells = [words_of(first.title), first.unit]
        for each in counts:
            cells += [number(goal_of(results, row, each)), ours(results, row, each),
                      rival(results, row, each)]
        rows.append(cells + [floor_words(results, row, counts)])
    made = table([*head, "floor"], rows)
    if missing:
        made += f"\n\nRows left out, for want of time or because each run failed: {missing}."
    return made


def losses(results):
    """As lists: faster rivals, slower second workers; and how many goals are missed."""
    faster, slower, goals, missed = [], [], 0, 0
    for row in published.ROWS:
        medians = {}
        for workers in range(1, 65):
            case = case_of(row, workers)
            median = results.median(case, SLUICE)
            if not median:
                continue
            medians[workers] = median
            name = f"{words_of(results.of(case, SLUICE)[0].title)}, {workers_words(workers)}"
            best, goal = best_rival(results, case), goal_of(results, row, workers)
            if best and median / best[0] > LOSES:
                faster.append((median / best[0], f"{name}: {median / best[0]:.2f} times "
                                                 f"{title_of(best[1])}"))
            if goal:
                goals, missed = goals + 1, missed + (median > goal)
        if 1 in medians and 2 in medians and medians[2] > STEADY * medians[1]:
            slower.append((medians[2] / medians[1],
                           f"{name.rsplit(',', 1)[0]}: {medians[2] / medians[1]:.2f} times"))
    return "\n\n".join((bullets("A rival is faster", faster),
                        bullets("Two workers are slower than one, by more than a tenth", slower),
                        f"Goals missed: {missed} of {goals}, those that are not bold above."))


def workers_words(workers):
    return "1 worker" if workers == 1 else f"{workers} workers"


def bullets(words, found):
    if not found:
        return f"{words}: nowhere."
    return f"{words}:\n\n" + "\n".join(f"- {each}" for _, each in sorted(found, reverse=True))


def floors_table(results):
    rows = [[words_of(results.first(case).title), results.first(case).unit,
             spread(results.values(case, FLOORS))]
            for case in results.cases() if results.values(case, FLOORS)]
    return table(["floor", "unit", "here"], rows) if rows else ""


# --- Rivals that were given ---------------------------------------------------------------------


def outside_of(results):
    """{program: what it is}"""
    found = results.context.get("machine")
    return (found.get("outside") or {}) if isinstance(found, dict) else {}


def outside_cells(results, case, program):
    """The rival, sluice, and sluice by the rival; bold where sluice is no slower."""
    ours, theirs = results.median(case, SLUICE), results.median(case, program)
    known = ours and theirs
    ratio = f"{ours / theirs:.2f}" if known else "-"
    cells = [spread(results.values(case, program)), spread(results.values(case, SLUICE))]
    return [*cells, f"**{ratio}**" if known and ours <= theirs else ratio]


def outside_table(results):
    versions = outside_of(results)
    counts = sorted({sample.workers for sample in results.samples})
    lines = {}
    for case in results.cases():
        first = results.first(case)
        for program in versions:
            if results.values(case, program):
                key = (words_of(first.title), first.unit, program)
                lines.setdefault(key, {})[first.workers] = case
    rows = [[words, unit, versions[program],
             *(cell for each in counts
               for cell in outside_cells(results, cases.get(each, ""), program))]
            for (words, unit, program), cases in lines.items()]
    head = [cell for each in counts for cell in (f"{each} w: rival", "sluice", "sluice / rival")]
    return table(["workload", "unit", "rival", *head], rows)


# --- Scaling -------------------------------------------------------------------------------------


def is_cost(sample):
    """Of idling, processor time is none of an operation; further percentiles say little more."""
    return sample.figure in ("wake_p50_us", "wake_p99_us") or (not sample.figure
                                                               and sample.workload != "W15")


def scaling_lines(results):
    """{(words, unit): {workers: case}}, also where sluice has no figure."""
    costs = [each for each in map(results.first, results.cases()) if is_cost(each)]
    counts = sorted({each.workers for each in costs})
    return {(words_of(each.title), UNITS.get(each.unit, each.unit)):
            {count: re.sub(r"/workers:\d+", f"/workers:{count}", each.case) for count in counts}
            for each in costs}


def rivals_words(results, case):
    """(all with their medians, the fastest first; sluice by the fastest)"""
    found = [(results.median(case, each) or math.inf, each) for each in results.programs()
             if each != SLUICE]
    words = [f"{title_of(each)} {short(median) if median < math.inf else why}"
             for median, each in sorted(found)
             for why in [why_missing(results, case, each)] if median < math.inf or why != "-"]
    best, ours = best_rival(results, case), results.median(case, SLUICE)
    if not best or not ours:
        return ", ".join(words) or "-", "-"
    ratio = f"{ours / best[0]:.2f}"
    return ", ".join(words), f"**{ratio}**" if ours <= best[0] else ratio


def scaling_table(results):
    lines = scaling_lines(results)
    counts = list(next(iter(lines.values()), ()))
    ends = sorted({*counts[:1], *counts[-1:]})
    rows = []
    for (words, unit), cases in lines.items():
        ours = {count: results.values(case, SLUICE) for count, case in cases.items()}
        rows.append([words, unit, *(spread(values) if values
                                    else why_missing(results, cases[count], SLUICE)
                                    for count, values in ours.items()),
                     *(cell for each in ends for cell in rivals_words(results, cases[each]))])
    head = ["workload", "unit", *map(workers_words, counts)]
    for each in ends:
        head += [f"rivals, {workers_words(each)}", "sluice / fastest"]
    return table(head, rows)


def dearer(results):
    """What costs more with any more workers than with one."""
    found = []
    for (words, _), cases in scaling_lines(results).items():
        medians = {workers: results.median(case, SLUICE) for workers, case in cases.items()}
        if not medians.get(1):
            continue
        ratios = {workers: median / medians[1] for workers, median in medians.items() if median}
        worse = [f"{ratio:.2f} with {workers}" for workers, ratio in ratios.items()
                 if ratio > STEADY]
        if worse:
            found.append((max(ratios.values()), f"{words}: {', '.join(worse)}"))
    words = "A contended channel gets dearer with more workers. By more than a tenth, as times the "\
            "cost with one worker"
    return bullets(words, found)


def scaling(results):
    return "\n\n".join((origin(results), scaling_table(results), dearer(results)))


# --- Curves --------------------------------------------------------------------------------------


def growth_names():
    return list(dict.fromkeys(each.name for each in workloads.GROWTH))


def curve_table(results, name):
    """Parameters across, workers down; nothing if there are too few parameters."""
    points = {}
    for case in results.cases():
        first, values = results.first(case), results.values(case, SLUICE)
        if values and first.workload == name and not first.figure:
            points[first.parameter, first.workers] = values
            unit = first.unit
    across = sorted({parameter for parameter, _ in points})
    if len(across) < LEAST_POINTS:
        return ""
    what = next(each.what for each in workloads.GROWTH if each.name == name).format(n="n")
    rows = [[workers_words(workers), *(spread(points.get((each, workers))) for each in across)]
            for workers in sorted({workers for _, workers in points})]
    return f"{what}, {unit}:\n\n" + table(["n", *(f"{each:,}" for each in across)], rows)


def single_rows(results, name):
    for case in results.cases():
        values = results.values(case, SLUICE)
        first = results.first(case)
        if values and first.workload == name:
            yield [words_of(first.title), UNITS.get(first.unit, first.unit),
                   str(first.workers), spread(values)]


def workers_table(results):
    """Workloads that ran with more than two numbers of workers."""
    lines = {}
    for case in results.cases():
        values, first = results.values(case, SLUICE), results.first(case)
        if values and first.workload not in growth_names():
            lines.setdefault((words_of(first.title), first.unit), {})[first.workers] = values
    lines = {key: points for key, points in lines.items() if len(points) > 2}
    across = sorted({workers for points in lines.values() for workers in points})
    rows = [[f"{words}, {unit}", *(spread(points.get(each)) for each in across)]
            for (words, unit), points in lines.items()]
    return table(["workers", *map(str, across)], rows) if rows else ""


def curves(results):
    parts = []
    rest = []
    for name in growth_names():
        drawn = curve_table(results, name)
        if drawn:
            parts.append(drawn)
        else:
            rest += single_rows(results, name)
    by_workers = workers_table(results)
    if by_workers:
        cpus = (results.context.get("machine") or {}).get("cpus_allowed", 0)
        note = (f" (this machine has {cpus} CPUs: beyond them the workers share)" if cpus else "")
        parts.insert(0, f"By workers{note}:\n\n{by_workers}")
    if rest:
        parts.append("Memory, time limits, disturbances:\n\n"
                     + table(["what", "unit", "workers", "sluice"], rest))
    return "\n\n".join(parts)


# --- The page ------------------------------------------------------------------------------------

BEGIN, END = "<!-- sluice-bench table: {} -->", "<!-- sluice-bench table: end -->"


def blocks(results):
    """{name: text} of the blocks that this file has figures for."""
    known = {sample.workload for sample in results.samples}
    if results.context.get("set") == "scaling":
        return {"scaling": scaling(results)}
    if outside_of(results):
        return {"outside": f"{origin(results)}\n\n{outside_table(results)}"}
    found = {}
    if known & published_names() and not known & set(growth_names()):
        found["workloads"] = "\n\n".join(filter(None, (origin(results), main_table(results),
                                                       floors_table(results))))
        found["losses"] = losses(results)
    if known & set(growth_names()):
        found["curves"] = f"{origin(results)}\n\n{curves(results)}"
    return found


def replaced(page, found):
    """(the page with these blocks between their markers, names of markers that it lacks)"""
    missing = []
    for name, text in found.items():
        begin = BEGIN.format(name)
        if page.count(begin) != 1 or END not in page.split(begin)[1]:
            missing.append(name)
            continue
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{text}\n{END}{rest.split(END, 1)[1]}"
    return page, missing
