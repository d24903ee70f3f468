"""The command line of tools/sluice-bench."""

import argparse
import os
import shlex
import sys

from . import (command_carry, command_compare, command_doctor, command_report, command_run,
               command_table)
from .errors import INTERRUPTED, BenchError

ABOUT = """
Measures what a message costs: sluice's workloads beside raw limits and rivals, any program linked
with Google Benchmark, this tree beside another commit. docs/benchmarking.md explains each command.

  tools/sluice-bench doctor                      is this machine quiet enough?
  tools/sluice-bench run pipeline --rival go     measure
  tools/sluice-bench compare old.json new.json   slower? the exit code says it
  tools/sluice-bench compare --against main      did my change slow something?
  tools/sluice-bench report run.json             a page with charts
  tools/sluice-bench table run.json              the tables of docs/performance.md
  tools/sluice-bench carry FOLDER                measure on a bigger machine, without compilers
"""


def parser():
    style = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    whole = argparse.ArgumentParser(prog="tools/sluice-bench", description=ABOUT.strip(), **style)
    commands = whole.add_subparsers(metavar="COMMAND", required=True,
                                    parser_class=lambda **more: argparse.ArgumentParser(
                                        **{**style, **more}))
    for each in (command_doctor, command_run, command_compare, command_report,
                 command_table, command_carry):
        each.add_to(commands)
    return whole


def main(words=None):
    options = parser().parse_args(words)
    options.command_line = shlex.join(["tools/sluice-bench", *(words or sys.argv[1:])])
    try:
        return options.command(options)
    except BenchError as failure:
        print(f"sluice-bench: {failure}", file=sys.stderr)
        return failure.code
    except argparse.ArgumentTypeError as failure:
        print(f"sluice-bench: {failure}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("sluice-bench: interrupted", file=sys.stderr)
        return INTERRUPTED
