"""doctor: what this machine is, and whether it is quiet enough to measure on."""

import json

from . import arguments, machine
from .errors import FINE

HELP = "the machine: CPU, limits, steal time, noise, compiler, commit, rivals"
ABOUT = """
Shows what a result depends on and warns of what makes it doubtful. Measures steal time and noise
for a few seconds. Exit code 0, also with warnings.
"""


def add_to(commands):
    parser = commands.add_parser("doctor", help=HELP, description=ABOUT)
    parser.add_argument("--seconds", type=arguments.seconds, default=2, metavar="N",
                        help="how long to watch steal time (2)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(command=main)


def main(options):
    rows = list(machine.rows(options.seconds))
    if options.json:
        print(json.dumps([{"what": what, "value": value, "warning": warning}
                          for what, value, warning in rows], indent=1))
        return FINE
    for what, value, warning in rows:
        print(f"{what:<20} {value}")
        if warning:
            print(f"{'':<20} ! {warning}")
    warned = sum(bool(warning) for _, _, warning in rows)
    print("\nquiet enough to measure" if not warned else
          f"\n{warned} warnings: figures from here are to be doubted")
    return FINE
