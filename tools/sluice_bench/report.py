"""The page: one HTML file with all charts and the raw data in it, no network, no script to run."""

import json
import pathlib

from . import charts, compare, curves, results as result_files, statistics
from .charts import escape
from .programs import RIVALS
from .table import short

STYLE = pathlib.Path(__file__).with_name("page.css")
# Of medians: from here on two workers count as slower than one.
STEADY = 1.1


def title_of(program):
    return RIVALS[program].title if program in RIVALS else program


class Page:
    """What the sections share: the results, who we are, and a colour for each program."""

    def __init__(self, results, ours):
        self.results = results
        self.ours = ours
        self.others = [each for each in results.programs() if each != ours]
        self.colour = {name: place % charts.COLOURS
                       for place, name in enumerate([ours, *self.others])}
        self.reports = {other: compare.Report((results, other), (results, ours), 0.0)
                        for other in self.others}

    def programs(self):
        return [self.ours, *self.others]

    def legend(self):
        return charts.legend([(title_of(each), self.colour[each]) for each in self.programs()])


def figure(caption, drawing):
    return f'<figure class="wide"><figcaption>{escape(caption)}</figcaption>{drawing}</figure>'


def table(head, rows):
    """Cells are escaped; a cell may be (words, class)."""
    def cell(value):
        words, kind = value if isinstance(value, tuple) else (value, "")
        return f'<td class="{kind}">{escape(words)}</td>'
    header = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return (f'<div class="wide"><table><thead><tr>{header}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def interval(low, high):
    return f"{low:.2f} – {high:.2f}"


# --- Sections --------------------------------------------------------------------------------


def summary(page):
    rows = []
    for other, report in page.reports.items():
        if not report.rows:
            continue
        ratio, low, high = report.geometric()
        counts = [len(report.having(word)) for word in (compare.FASTER, compare.SLOWER)]
        rows.append([title_of(other), f"{ratio:.2f}", interval(low, high), str(len(report.rows)),
                     (str(counts[0]), "good"), (str(counts[1]), "bad" if counts[1] else ""),
                     str(len(report.rows) - sum(counts))])
    if not rows:
        return "<p>One program only: nothing to compare with.</p>"
    words = (f"<p>What {escape(title_of(page.ours))} takes divided by what each other takes, "
             "geometric mean over the cases that both ran; below 1 is faster. Faster and slower "
             "count where the whole 95 % interval lies on one side of 1.</p>")
    return words + table(["against", "ratio", "95 % interval", "cases", "faster", "slower",
                          "cannot tell"], rows)


def losses(page):
    """Where another program is faster, failures of ours, and where two workers lose to one."""
    rows = []
    for other, report in page.reports.items():
        for row in report.rows:
            if row.ratio > 1:
                sure = {compare.SLOWER: ("yes", "bad"), compare.TOO_FEW: ("too few runs", "")}
                rows.append((row.ratio, [row.title + workers_words(row.workers), title_of(other),
                                         f"{short(statistics.median(row.new))} {row.unit}",
                                         f"{short(statistics.median(row.base))} {row.unit}",
                                         f"{row.ratio:.2f}", interval(row.low, row.high),
                                         sure.get(row.verdict, ("no", ""))]))
    rows.sort(key=lambda row: -row[0])
    parts = [table(["workload", "faster is", "ours", "theirs", "ratio", "95 % interval",
                    "beyond noise"], [row for _, row in rows]) if rows
             else "<p>No other program is faster in any case that both ran.</p>"]
    slow = unsteady(page)
    if slow:
        parts.append("<h3>More workers, slower</h3>")
        parts.append(table(["workload", "workers", "ratio to one worker"], slow))
    failed = page.results.failures_of(page.ours)
    if failed:
        parts.append("<h3>Failed</h3>")
        parts.append(table(["case", "times", "why"], [[case, str(len(why)), (why[0], "left bad")]
                                                      for case, why in failed.items()]))
    return "".join(parts)


def workers_words(workers):
    return f", {workers} workers" if workers > 1 else ", 1 worker" if workers else ""


def unsteady(page):
    found = []
    for (title, _), series in curves.over_workers(page.results).items():
        points = dict(series.get(page.ours, []))
        for workers, value in sorted(points.items()):
            if 1 in points and value > points[1] * STEADY:
                found.append([title, str(workers), (f"{value / points[1]:.2f}", "bad")])
    return found


def bar_charts(page):
    """One chart for each workload: a bar for each program and number of workers."""
    groups = {}
    for case in page.results.cases():
        first = page.results.first(case)
        groups.setdefault((curves.without_workers(first), first.unit), []).append(case)
    parts = [page.legend()]
    for (title, unit), cases in groups.items():
        rows = [row for case in cases for row in bar_rows(page, case)]
        parts.append(figure(title, charts.bars(f"{title}, {unit}", unit, rows)))
    return "".join(parts)


def bar_rows(page, case):
    workers = page.results.first(case).workers
    for program in page.programs():
        values = page.results.values(case, program)
        failed = any(case == bad or case.startswith(bad + "/")
                     for bad in page.results.failures_of(program))
        if values or failed:
            yield title_of(program) + workers_words(workers), page.colour[program], values


def scaling(page):
    parts = []
    for (title, unit), series in curves.over_workers(page.results).items():
        drawn = [(page.colour[program], points, False) for program, points in series.items()]
        parts.append(figure(title, charts.lines(f"{title} by workers", "workers", unit, drawn)))
    return in_grid(page, parts, "Each program ran with one number of workers only.")


def growth(page):
    parts = []
    for (workload, what, argument, unit), series in curves.over_parameter(page.results).items():
        drawn = [(page.colour[program], [(max(x, 0.5), y) for x, y in points], workers > 1)
                 for (program, workers), points in series.items()]
        name = f"{workload} {what}".strip()
        parts.append(figure(name, charts.lines(f"{name} by {argument}", argument, unit, drawn,
                                               log_x=True, names_x={0.5: "0"})))
    return in_grid(page, parts, "No workload ran with three values of its parameter.")


def latencies(page):
    parts = []
    for (name, unit), series in curves.distributions(page.results).items():
        for what in dict.fromkeys(what for _, what, _ in series):
            drawn = [(page.colour[program], [(1 / (1 - percent / 100), value)
                                             for percent, value in points], workers > 1)
                     for (program, each, workers), points in series.items() if each == what]
            names = {1 / (1 - percent / 100): f"{percent:g}" for points in series.values()
                     for percent, _ in points}
            title = f"{name}: {what.replace('_', ' ')}"
            parts.append(figure(title, charts.lines(f"{title}, percentiles", "percentile", unit,
                                                    drawn, log_x=True, log_y=True,
                                                    names_x=names)))
    return in_grid(page, parts, "No workload says percentiles (counters such as wake_p99_us).")


def in_grid(page, parts, otherwise):
    if not parts:
        return f"<p>{escape(otherwise)}</p>"
    dashes = '<p class="soft">Dashed: more than one worker, where lines are told apart by it.</p>'
    return f'{page.legend()}{dashes}<div class="grid-of">{"".join(parts)}</div>'


def all_figures(page):
    rows = []
    for case in page.results.cases():
        for program in page.programs():
            values = page.results.values(case, program)
            if values:
                first = page.results.of(case, program)[0]
                rows.append([(first.title or case) + workers_words(first.workers),
                             title_of(program), first.unit, short(statistics.median(values)),
                             short(min(values)), short(max(values)),
                             f"{statistics.spread(values):.1%}", str(len(values))])
    rows += [[case, title_of(program), "", ("failed", "bad"), "", "", "", (why, "left bad")]
             for program, case, why in dict.fromkeys(page.results.failures)]
    return table(["workload", "program", "unit", "median", "fastest", "slowest", "middle half",
                  "runs"], rows)


def machine(page):
    rows = {**page.results.context, **machine_of(page.results)}
    rows.pop("machine", None)
    return table(["what", "value"], [[key, (words_of(value), "left")]
                                     for key, value in rows.items()])


def machine_of(results):
    found = results.context.get("machine")
    return found if isinstance(found, dict) else {}


def words_of(value):
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


SECTIONS = (("summary", "Summary", summary), ("losses", "Where we lose", losses),
            ("bars", "Workloads", bar_charts), ("scaling", "More workers", scaling),
            ("growth", "How cost grows", growth), ("latency", "Latency", latencies),
            ("figures", "All figures", all_figures), ("machine", "Machine", machine))
NOTES = {"bars": "A bar is the median of whole processes, the line across it goes from the fastest "
                 "to the slowest, each dot is one of them. Shorter is better.",
         "losses": "All cases in which another program has the smaller median, the worst first."}


def raw_data(results):
    """As JSON that cannot end the element that it stands in."""
    return json.dumps(result_files.as_json(results), ensure_ascii=True).replace("<", "\\u003c")


def warnings(page):
    context, found = page.results.context, []
    if context.get("interrupted"):
        found.append("This run was interrupted: cases may be missing.")
    fewest = min((len(page.results.values(case, page.results.first(case).program))
                  for case in page.results.cases()), default=0)
    if fewest < compare.LEAST_VALUES:
        found.append(f"Some cases have fewer than {compare.LEAST_VALUES} runs: this shows that all "
                     "works; it is no measurement.")
    return "".join(f'<p class="bad"><strong>{escape(words)}</strong></p>' for words in found)


def html_of(results, ours, title="sluice: throughput"):
    page = Page(results, ours)
    links = "".join(f'<a href="#{key}">{escape(name)}</a>' for key, name, _ in SECTIONS)
    parts = [f'<section id="{key}"><h2>{escape(name)}</h2>'
             + (f'<p class="soft">{escape(NOTES[key])}</p>' if key in NOTES else "")
             + f"{draw(page)}</section>" for key, name, draw in SECTIONS]
    date = results.context.get("date", "")
    cpu = machine_of(results).get("cpu", "")
    below = ", ".join(str(each) for each in (date, cpu) if each)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{STYLE.read_text()}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="soft">{escape(below)}</p>
{warnings(page)}
<nav>{links}</nav>
{"".join(parts)}
<section id="raw"><h2>Raw data</h2>
<p>Every run stands in this page, in Google Benchmark's JSON, in the element
<code>raw-data</code>: <code>tools/sluice-bench report --extract PAGE</code> writes it out.</p>
<script type="application/json" id="raw-data">{raw_data(results)}</script>
</section>
</body>
</html>
"""


def extract(path):
    """The results in a page that html_of wrote."""
    begin = '<script type="application/json" id="raw-data">'
    _, found, rest = pathlib.Path(path).read_text(encoding="utf-8").partition(begin)
    if not found:
        raise compare.WrongInput(f"{path} is no page of sluice-bench: it has no raw data")
    return json.loads(rest.partition("</script>")[0])
