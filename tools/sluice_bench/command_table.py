"""table: the tables of docs/performance.md, from a result file."""

import pathlib

from . import markdown, results
from .errors import FINE, WrongInput

HELP = "the tables of docs/performance.md, from a result file"
ABOUT = """
Prints what a result file says as Markdown: of `run --set published` each workload beside its goal,
its best rival and its floor, and where we lose; of `run --set curves` how cost grows; of `run --set
scaling` what more workers cost; of `run --set outside` each workload beside the rivals that were
given. With --page it replaces what stands between the markers of that page instead:

  tools/sluice-bench run --set published --out published.json
  tools/sluice-bench run --set curves --out curves.json
  tools/sluice-bench table published.json curves.json --page docs/performance.md

With --machine WORDS too it is the places whose names end with a comma and these words: for the same
tables from another machine.
"""


def add_to(commands):
    parser = commands.add_parser("table", help=HELP, description=ABOUT)
    parser.add_argument("files", metavar="FILE", nargs="+", help="result files")
    parser.add_argument("--page", metavar="PAGE", help="put the tables into this page")
    parser.add_argument("--machine", metavar="WORDS", help="the places of the page for another "
                        "machine, whose names end with these words")
    parser.set_defaults(command=main)


def main(options):
    found = {}
    for path in options.files:
        read = results.read(path)
        if "sluice" not in read.programs():
            raise WrongInput(f"{path} has no program sluice (it has: {', '.join(read.programs())})")
        blocks = markdown.blocks(read)
        if not blocks:
            raise WrongInput(f"{path} has no workload of the page")
        for name in blocks.keys() & found.keys():
            raise WrongInput(f"{path}: another file has the {name} already")
        found.update(blocks)
    if options.machine and not options.page:
        raise WrongInput("--machine names places of a page: --page is missing")
    if not options.page:
        print("\n\n".join(found.values()))
        return FINE
    if options.machine:
        found = {f"{name}, {options.machine}": text for name, text in found.items()}
    page = pathlib.Path(options.page)
    try:
        text, missing = markdown.replaced(page.read_text(encoding="utf-8"), found)
    except OSError as error:
        raise WrongInput(f"cannot read {page}: {error.strerror}") from None
    if missing:
        raise WrongInput(f"{page} has no place for: {', '.join(missing)} (it is marked by "
                         f"{markdown.BEGIN.format(missing[0])} and {markdown.END})")
    results.write_whole(page, text)
    print(page)
    return FINE
