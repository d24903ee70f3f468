"""run: measures workloads on sluice and rivals, or Google Benchmark programs, in turns."""

import datetime
import math
import sys

from . import (arguments, goals, machine, programs, results, running, sets, table, turns,
               workloads)
from .errors import BAD, FINE, INTERRUPTED, WrongInput
from .running import Job

REPETITIONS = 9
HELP = "measure workloads, beside rivals if wanted; results as JSON"
ABOUT = """
Runs programs in turns, as whole processes, so that what disturbs the machine disturbs all of them,
and writes every run to a JSON file in Google Benchmark's format. A PATTERN is a workload's name
(with * and ?) or a part of its description, such as pipeline; --list shows them. Every run checks
that nothing was lost; one that lost something, died or hung counts as failed.

Ctrl-C ends the run; what was measured until then is in the file.
Exit code: 0 all ran; 1 something failed (or, with --goals, a goal was missed); 2 wrong arguments;
130 interrupted.
"""


def add_to(commands):
    parser = commands.add_parser("run", help=HELP, description=ABOUT)
    add = parser.add_argument
    add("patterns", metavar="PATTERN", nargs="*", help="only these workloads (all)")
    add_programs(parser)
    add("--program", action="append", metavar="[LABEL=]PATH",
        help="instead of workloads: a program linked with Google Benchmark; given several times, "
             "they take turns")
    add("--filter", default="", metavar="REGEX", help="only these benchmarks of --program")
    add("--set", choices=sets.ALL, metavar="NAME",
        help="; ".join(f"{name}: {each.words}" for name, each in sets.ALL.items()))
    add("--budget", type=arguments.seconds, metavar="SECONDS",
        help="for building and running: fewer repetitions where all do not fit")
    add("--workers", type=arguments.numbers(1), metavar="N,...",
        help="numbers of workers (1,2)")
    add("--capacity", type=arguments.numbers(0), default=[], metavar="N,...",
        help="of workloads whose parameter is a capacity; 0 is rendezvous")
    add("--repetitions", "--repeat", type=arguments.number(1), metavar="N",
        help=f"how often each process runs ({REPETITIONS}); fewer are no measurement")
    add("--timeout", type=arguments.seconds, metavar="SECONDS",
        help=f"of one process, then it counts as hung ({running.TIME_LIMIT_S})")
    add("--out", "--json", type=arguments.output, metavar="FILE",
        help="where the results go (build/bench/run-DATE.json)")
    add("--goals", action="store_true", help="also judge the goals of bench/README.md")
    add("--quick", action="store_true",
        help="one run of each, small: shows that all works, no figures")
    add("--list", action="store_true", help="list workloads and rivals")
    add_building(parser)
    parser.set_defaults(command=main)


def add_programs(parser):
    add = parser.add_argument
    add("--rival", action="append", choices=[*programs.RIVALS, "all"], default=[],
        metavar="NAME",
        help=f"also this rival: {', '.join(programs.RIVALS)}, all; may be given several times")
    add("--rival-program", action="append", default=[], metavar="NAME=PATH",
        help="also this rival, which is built already: one of --rival, or another "
             "(bench/compare/outside); may be given several times")
    add("--built", metavar="PROGRAM", help="take this bench/sluice_workloads, build none")


def add_building(parser):
    add = parser.add_argument
    add("--build", type=lambda text: programs.pathlib.Path(text).absolute(), metavar="FOLDER",
        default=programs.ROOT / "build" / "bench", help="where to build (build/bench)")
    add("--jobs", type=arguments.number(1), default=0, metavar="N", help="of ninja")
    add("--no-install", action="store_true", help="do not install missing Debian packages; leave "
                                                  "out the rivals that lack them")


def say(words):
    print(words, file=sys.stderr, flush=True)


def print_list():
    print("workloads (name, key, description):")
    for each in workloads.EVERY:
        name, words = each.title.split(" ", 1)
        print(f"  {name:<14} {each.key:<22} {words}")
    print("sets:")
    for name, each in sets.ALL.items():
        print(f"  {name:<14} {each.words}")
    print("rivals:")
    for name, rival in programs.RIVALS.items():
        print(f"  {name:<12} {rival.title} (Debian: {' '.join(rival.packages)})")


def check(options):
    if options.program and (options.patterns or options.rival or options.rival_program
                            or options.capacity or options.goals):
        raise WrongInput("--program runs a program's own benchmarks: no PATTERN, --rival, "
                         "--rival-program, --capacity or --goals with it (but --filter)")
    if options.filter and not options.program:
        raise WrongInput("--filter is for --program")
    chosen = sets.ALL.get(options.set)
    if chosen and (options.patterns or options.program or options.capacity or options.workers):
        raise WrongInput("--set names its workloads and workers itself: no PATTERN, --program, "
                         "--capacity or --workers with it")
    if chosen and chosen.given and not options.rival_program:
        raise WrongInput(f"--set {options.set} is for rivals that are given: --rival-program")
    options.divisor = chosen.divisor if chosen and not options.quick else 1
    options.budget = options.budget or (chosen.budget if chosen else math.inf)
    options.rival = options.rival or list(chosen.rivals if chosen else ())
    options.workers = options.workers or [1, 2]
    options.timeout = options.timeout or (chosen and chosen.timeout) or running.TIME_LIMIT_S
    options.repetitions = options.repetitions or (
        1 if options.quick else chosen.repetitions if chosen else REPETITIONS)
    if options.repetitions < REPETITIONS:
        say(f"{options.repetitions} repetitions: this shows that all works; it is no measurement")
    options.most_memory = running.memory_limit()


def prepare_programs(options):
    """(programs, groups) of Google Benchmark programs."""
    chosen = [programs.named(text) for text in options.program]
    labels = [each.label for each in chosen]
    if len(set(labels)) < len(labels):
        raise WrongInput(f"two programs with one label: {', '.join(labels)} (LABEL=PATH)")
    return chosen, [[Job(each, pattern=options.filter) for each in chosen]]


def programs_of(options):
    """sluice and the rivals, built here or given."""
    given = programs.all_given(options.rival_program, say)
    rivals = [name for name in programs.RIVALS if name in options.rival or "all" in options.rival]
    rivals = [name for name in rivals if name not in [each.label for each in given]]
    return programs.build_all(options.build, rivals, not options.no_install, options.jobs, say,
                              options.built) + given


def prepare_workloads(options):
    """(programs, groups) of the workloads that are asked for."""
    chosen = [] if options.set else workloads.choose(options.patterns, options.capacity,
                                                     options.quick)
    built = programs_of(options)
    if options.set:
        return prepare_set(sets.ALL[options.set], built, options)
    if any(each in (workloads.LIMITS, workloads.PACK) for each in chosen):
        built += programs.build_beside(options.build, options.jobs, not options.no_install, say)
    if "boost" in [each.label for each in built]:
        chosen = fit_parked(chosen, built, options)
    return built, turns.groups_of(built, chosen, options.workers)


def prepare_set(chosen, built, options):
    """(programs, groups) of a set."""
    if chosen.beside:
        built += programs.build_beside(options.build, options.jobs, not options.no_install, say)
    groups = []
    for workload, workers in chosen.rows():
        if options.quick and workload.quick:
            workload = workload.with_parameter(workload.quick)
        able = [each for each in built if (each.label, workload.name) not in chosen.without]
        for count in workers:
            inside = chosen.ends and count not in (min(workers), max(workers))
            groups += turns.groups_of([each for each in able if not (inside and each.rival)],
                                      [workload], [count], options.divisor)
    if chosen.given:
        groups = [group for group in groups
                  if any(job.program.rival and job.program.version for job in group)]
        if not groups:
            raise WrongInput("none of the given rivals has a workload of the set")
    return built, groups


def fit_parked(chosen, built, options):
    """Adds W11 at the largest number of fibers that Boost.Fiber survives, by halving from ours."""
    boost = next(each for each in built if each.label == "boost")
    found = []
    for workload in chosen:
        found.append(workload)
        if workload.name != "W11":
            continue
        smaller = workload
        while smaller.parameter > 0 and not survives(boost, smaller, options):
            smaller = smaller.with_parameter(smaller.parameter // 2)
        say(f"Boost.Fiber survives {smaller.parameter:,} parked fibers, of "
            f"{workload.parameter:,} tried")
        if 0 < smaller.parameter < workload.parameter:
            found.append(smaller)
    return found


def survives(program, workload, options):
    try:
        for workers in options.workers:
            running.run(Job(program, workload, workers), options.timeout, options.most_memory)
    except running.Failed:
        return False
    return True


def default_output(options):
    options.build.mkdir(parents=True, exist_ok=True)
    return options.build / f"run-{datetime.datetime.now():%Y%m%d-%H%M%S}.json"


def main(options):
    if options.list:
        print_list()
        return FINE
    check(options)
    clock = turns.Clock(options.budget)
    built, groups = (prepare_programs if options.program else prepare_workloads)(options)
    out = options.out or default_output(options)
    found = results.Results(results.basic_context(
        executable="tools/sluice-bench", command=options.command_line, set=options.set or "",
        repetitions=options.repetitions, quick=options.quick,
        interrupted=True, machine=machine.context(built)))
    seen, lines = set(), table.Table(list({each.label: each for each in built}.values()))
    print(f"{options.repetitions} runs of each, medians (fastest..slowest); w: workers\n\n"
          f"{lines.head()}", flush=True)

    def save():
        results.write(out, found)

    whole = turns.run_all(groups, options.repetitions, found, options, save,
                          lambda group: lines.print_new(found, seen), clock)
    found.context["interrupted"] = not whole
    return finish(options, found, out, whole)


def finish(options, found, out, whole):
    print()
    table.print_failures(found)
    verdicts = goals.judge(found) if options.goals and whole else []
    if verdicts:
        goals.print_verdicts(verdicts)
        found.context["verdicts"] = verdicts
    results.write(out, found)
    if not whole:
        say(f"interrupted; what was measured until then is in {out}")
        return INTERRUPTED
    say(f"every run is in {out}")
    missed = any(not each["reached"] for each in verdicts)
    return BAD if found.failures and not options.goals or missed else FINE
