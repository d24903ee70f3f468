"""compare: two result files, two programs of one file, or this tree against a commit."""

import pathlib

from . import arguments, compare, guard, programs, results, running
from .command_run import add_building, say
from .errors import INTERRUPTED, WrongInput

HELP = "is one side slower: files, builds, commits, rivals; answers by exit code"
ABOUT = """
compare BASE.json NEW.json     two result files, of run or of any Google Benchmark program
compare FILE.json --rival go   two programs of one file: the rival is the base, sluice is new
compare --against main         builds that commit and the working tree, runs the quick workloads of
                               both in turns, confirms what seems slower, counts instructions
                               (valgrind) where time is too noisy; within --budget seconds

Shows for each case the ratio of medians (new / base), its bootstrap 95 % interval and
Mann-Whitney's p. Slower means that the whole interval lies above 1 + threshold.
Exit code: 0 nothing is slower; 1 something is, or failed on the new side; 2 wrong arguments; 3
cannot be judged: nothing in common, cases missing on the new side, or too few runs.
"""


def add_to(commands):
    parser = commands.add_parser("compare", help=HELP, description=ABOUT)
    add = parser.add_argument
    add("files", metavar="FILE", nargs="*", help="one or two result files; patterns of workloads "
                                                 "with --against")
    add("--base", metavar="LABEL", help="program of the first file that is the base")
    add("--new", metavar="LABEL", help="program that is compared with it")
    add("--rival", metavar="NAME", help="the same as --base")
    add("--threshold", type=arguments.share, default=compare.THRESHOLD, metavar="SHARE",
        help=f"smaller differences do not count ({compare.THRESHOLD:.0%})".replace("%", "%%"))
    add("--allow-missing", action="store_true", help="cases missing on the new side are no reason "
                                                     "for exit code 3")
    add("--against", metavar="COMMIT", help="build and measure this commit as the base")
    add("--commit", metavar="COMMIT", help="with --against: the new side, instead of the working "
                                           "tree")
    add("--workers", type=arguments.numbers(1), metavar="N,...", help="with --against (1,2)")
    add("--repetitions", type=arguments.number(1), default=guard.REPETITIONS, metavar="N",
        help=f"with --against: at most so many ({guard.REPETITIONS})")
    add("--budget", type=arguments.seconds, default=guard.BUDGET_S, metavar="SECONDS",
        help=f"with --against: for building and measuring ({guard.BUDGET_S})")
    add("--timeout", type=arguments.seconds, default=60, metavar="SECONDS",
        help="with --against: of one process (60)")
    add("--out", type=arguments.output, metavar="FILE",
        help="write the comparison as JSON; with --against, every run")
    add_building(parser)
    parser.set_defaults(command=main)


def main(options):
    return against(options) if options.against else between(options)


def between(options):
    if options.commit or not 1 <= len(options.files) <= 2:
        raise WrongInput("give one or two result files, or --against COMMIT")
    if options.rival and options.base:
        raise WrongInput("--rival and --base are the same")
    files = [(path, results.read(path)) for path in options.files]
    base, new = compare.sides(files[0], files[1] if len(files) == 2 else None,
                              options.base or options.rival, options.new)
    report = compare.Report(base, new, options.threshold)
    print(f"base: {base[1]} of {files[0][0]}; new: {new[1]} of {files[-1][0]}")
    compare.print_report(report)
    if options.out:
        results.write_whole(options.out, compare.as_json(report))
    return report.exit_code(options.allow_missing)


def against(options):
    if options.base or options.new or options.rival:
        raise WrongInput("--base, --new and --rival are for result files")
    options.patterns = options.files
    options.most_memory = running.memory_limit()
    options.out = options.out or options.build / "guard.json"
    if not options.no_install:
        programs.install(programs.SLUICE_PACKAGES)
    pathlib.Path(options.out).absolute().parent.mkdir(parents=True, exist_ok=True)
    report, more, open_cases, whole = guard.run(options, say)
    return guard.exit_code(report, more, open_cases) if whole else INTERRUPTED
