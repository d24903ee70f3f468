"""report: a page for reading, from a result file."""

import json
import pathlib

from . import arguments, compare, report, results
from .errors import FINE, WrongInput

HELP = "one HTML page with charts, from a result file"
ABOUT = """
Writes one self-contained HTML page: bars with their spread against each rival, scaling curves,
latency distributions, where we lose, all figures, the machine, and every run as JSON. It needs no
network and no script, and can be printed. FILE is one of run, or of any Google Benchmark program.
"""


def add_to(commands):
    parser = commands.add_parser("report", help=HELP, description=ABOUT)
    add = parser.add_argument
    add("file", metavar="FILE", help="a result file (with --extract: a page)")
    add("--out", type=arguments.output, metavar="PAGE",
        help="where the page goes (beside the file, as .html)")
    add("--ours", metavar="LABEL", help="the program that `we` means (sluice, else the first)")
    add("--title", default="sluice: throughput", help="of the page")
    add("--extract", action="store_true",
        help="the other way: print the raw data that stands in a page")
    parser.set_defaults(command=main)


def main(options):
    if options.extract:
        return extract(options.file)
    found = results.read(options.file)
    if not found.samples:
        raise WrongInput(f"{options.file} holds failures only: {found.failures[0][2]}")
    labels = found.programs()
    ours = options.ours or ("sluice" if "sluice" in labels else labels[0])
    if ours not in labels:
        raise WrongInput(f"{options.file} has no program {ours} (it has: {', '.join(labels)})")
    out = options.out or arguments.output(str(pathlib.Path(options.file).with_suffix(".html")))
    results.write_whole(out, report.html_of(found, ours, options.title))
    print(out)
    return FINE


def extract(path):
    try:
        print(json.dumps(report.extract(path), indent=1))
    except (OSError, ValueError) as error:
        raise compare.WrongInput(f"cannot read raw data from {path}: {error}") from None
    return FINE
