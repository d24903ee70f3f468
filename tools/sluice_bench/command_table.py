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
"""


def add_to(commands):
    parser = commands.add_parser("table", help=HELP, description=ABOUT)
    parser.add_argument("files", metavar="FILE", nargs="+", help="result files")
    parser.add_argument("--page", metavar="PAGE", help="put the tables into this page")
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
    if not options.page:
        print("\n\n".join(found.values()))
        return FINE
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
