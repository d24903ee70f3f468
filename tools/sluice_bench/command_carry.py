"""carry: a folder that measures on another machine, which has Python and nothing else."""

import pathlib
import shlex
import shutil
import subprocess

from . import arguments, command_run, machine, programs
from .errors import BAD, FINE, BenchError
from .results import write_whole

HELP = "a folder of programs that run on a machine without compilers, packages or network"
ABOUT = """
Builds sluice and the rivals that are named, or takes those that are given, and puts them into
FOLDER, with the libraries that they need and this tool. On the other machine FOLDER/run measures
`run --set scaling` with them, and takes further options of run. It needs Python 3.11 and a C library
no older than here.

  tools/sluice-bench carry FOLDER --rival go --rival boost
  scp -r FOLDER there: && ssh there FOLDER/run --out scaling.json && scp there:scaling.json .
  tools/sluice-bench table scaling.json --page docs/performance.md
"""
# Every machine has these, and they fit to its kernel and loader only.
OF_THE_SYSTEM = ("libc.so", "libm.so", "libdl.so", "librt.so", "libpthread.so", "ld-linux")

SCRIPT = """#!/bin/sh
# usage: run [OPTION...]    options of: sluice-bench run --set scaling
here=$(cd -- "$(dirname -- "$0")" && pwd) || exit
export LD_LIBRARY_PATH="$here/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec python3 -B "$here/tools/sluice-bench" run --set scaling --no-install {programs} "$@"
"""


def add_to(commands):
    parser = commands.add_parser("carry", help=HELP, description=ABOUT)
    add = parser.add_argument
    add("folder", metavar="FOLDER", type=pathlib.Path, help="where it goes")
    command_run.add_programs(parser)
    command_run.add_building(parser)
    parser.set_defaults(command=main)


def main(options):
    built = command_run.programs_of(options)
    if (options.folder / "tools").exists() and not (options.folder / "run").is_file():
        raise BenchError(f"{options.folder} is something else")
    (options.folder / "lib").mkdir(parents=True, exist_ok=True)
    for each in built:
        put(each, options.folder)
    tools = options.folder / "tools"
    shutil.copytree(programs.ROOT / "tools/sluice_bench", tools / "sluice_bench",
                    ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    shutil.copy2(programs.ROOT / "tools/sluice-bench", tools)
    script = options.folder / "run"
    write_whole(script, SCRIPT.format(programs=" ".join(map(option, built))))
    script.chmod(0o755)
    print(script)
    named = {*options.rival, *(text.partition("=")[0] for text in options.rival_program)} - {"all"}
    return FINE if named <= {each.label for each in built} else BAD


def option(program):
    here = f'"$here"/{shlex.quote(program.label)}'
    return (f"--rival-program {shlex.quote(program.label)}={here}" if program.rival
            else f"--built {here}")


def put(program, folder):
    shutil.copy2(program.path, folder / program.label)
    (folder / f"{program.label}.version").write_text(f"{version_of(program)}\n", encoding="utf-8")
    for library in libraries_of(program.path):
        shutil.copy2(library, folder / "lib")


def version_of(program):
    if program.version:
        return program.version
    if program.rival:
        return programs.version_of(program.label)
    compiler = machine.first_line(programs.COMPILER, "--version")
    return f"sluice {machine.commit()}, {compiler}, flags {' '.join(programs.FLAGS)}"


def libraries_of(path):
    """Those that it is linked with and that may be missing elsewhere."""
    try:
        said = subprocess.run(["ldd", path], text=True, capture_output=True).stdout
    except OSError as error:
        raise BenchError(f"ldd: {error.strerror}") from None
    found = [line.split("=>")[1].split()[0] for line in said.splitlines() if "=> /" in line]
    return [each for each in found if not pathlib.Path(each).name.startswith(OF_THE_SYSTEM)]
