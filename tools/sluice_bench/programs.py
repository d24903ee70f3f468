"""The programs that run workloads, and how each is built.

Two kinds of them: `workloads` programs, which take a workload, workers and a parameter and print
one line of JSON (sluice's own, and the rivals in bench/compare), and `google` programs: anything
linked with Google Benchmark.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess

from .errors import BenchError, WrongInput

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMPARE = ROOT / "bench" / "compare"
FLAGS = ("-std=c++20", "-O3", "-DNDEBUG", "-fstack-clash-protection")
COMPILER = os.environ.get("CXX", "g++")
# Debian's crates (librust-*-dev), which cargo takes in place of crates.io.
CRATES = "/usr/share/cargo/registry"
PACK_PACKAGES = ("pigz", "zlib1g-dev", "libdeflate-dev", "libcli11-dev", "tar")
# Programs that are no rivals: what the machine costs, and zlib's own loop.
FLOORS, ZLIB = "floors", "zlib on one thread"
SLUICE_PACKAGES = ("g++", "meson", "ninja-build", "pkg-config", "libboost-context-dev",
                   "libconcurrentqueue-dev")


@dataclasses.dataclass(frozen=True)
class Program:
    label: str                 # in tables and result files
    path: pathlib.Path
    kind: str = "workloads"    # or "google"
    divisor: bool = True       # takes a fourth argument, by which it divides its operations
    arguments: tuple = ()      # that stand before all others
    version: str = ""          # of one that was given, not built here
    rival: bool = False        # stands back where there is little time

    @property
    def title(self):
        return RIVALS[self.label].title if self.label in RIVALS else self.label

    def command(self, *words):
        return [str(word) for word in (self.path, *self.arguments, *words)]


@dataclasses.dataclass(frozen=True)
class Rival:
    title: str
    packages: tuple   # Debian's
    needs: tuple      # commands and headers without which it cannot be built
    build: object     # (folder) -> the program
    version: tuple    # a command whose first line says it; or a Debian package


class CannotBuild(Exception):
    """In words, with the end of what the compiler said."""


def quietly(command, folder=ROOT, **environment):
    try:
        done = subprocess.run([str(word) for word in command], cwd=folder, text=True,
                              env={**os.environ, **environment}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors="replace")
    except FileNotFoundError:
        raise CannotBuild(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        end = "\n".join(done.stdout.splitlines()[-30:])
        raise CannotBuild(f"failed: {' '.join(map(str, command))}\n{end}")
    return done.stdout


def compile_cpp(source, program, *arguments):
    quietly([COMPILER, *FLAGS, f"-I{ROOT / 'bench'}", source, "-o", program, *arguments,
             "-pthread"])
    return program


def up_to_date(program, *sources):
    """Is the program newer than these, files or folders, and than the way in which it is built?"""
    if not program.is_file():
        return False
    files = [each for place in (*sources, pathlib.Path(__file__))
             for each in (place.rglob("*") if place.is_dir() else [place]) if each.is_file()]
    return program.stat().st_mtime_ns > max(each.stat().st_mtime_ns for each in files)


# --- sluice, of any commit -------------------------------------------------------------------


def build_library(root, folder, jobs):
    if not (folder / "build.ninja").is_file():
        off = [f"-D{part}=disabled" for part in ("tests", "examples", "tools", "benchmarks")]
        quietly(["meson", "setup", folder, root, "-Dbuildtype=release", *off])
    quietly(["ninja", *([f"-j{jobs}"] if jobs else []), "-C", folder, "libsluice.a"])
    return folder / "libsluice.a"


def build_sluice(folder, label="sluice", root=ROOT, jobs=0):
    """The workloads of this tree on the library of `root`; if they do not fit, those of `root`."""
    folder.mkdir(parents=True, exist_ok=True)
    library = build_library(root, folder / "library", jobs)
    program = folder / "sluice_workloads"
    link = [f"-I{root / 'include'}", library, "-lboost_context"]
    if up_to_date(program, ROOT / "bench", root / "include", library):
        return Program(label, program)
    try:
        compile_cpp(COMPARE / "sluice_workloads.cpp", program, *link)
        return Program(label, program)
    except CannotBuild:
        if root == ROOT:
            raise
    own, program = root / "bench", folder / "own_workloads"
    quietly([COMPILER, *FLAGS, f"-I{own}", own / "compare/sluice_workloads.cpp", "-o", program,
             *link, "-pthread"])
    return Program(label, program, divisor=False)


def git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], text=True, capture_output=True)
    if done.returncode != 0:
        raise WrongInput(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def commit_of(name):
    return git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") if name else ""


def known_commit(name):
    try:
        return commit_of(name)
    except WrongInput:
        raise WrongInput(f"no such commit: {name}") from None


def build_commit(folder, name, jobs=0):
    """sluice of that commit, in a git worktree below `folder`."""
    sha = known_commit(name)
    place = folder / "commits" / sha[:12]
    source = place / "source"
    if not (source / "meson.build").is_file():
        git("worktree", "prune")
        git("worktree", "add", "--force", "--detach", str(source), sha)
    return build_sluice(place, f"{name} ({sha[:9]})", source, jobs)


# --- The rivals --------------------------------------------------------------------------------


def build_go(folder):
    sources = sorted(path.name for path in (COMPARE / "go").glob("*.go"))
    program = folder / "go_workloads"
    quietly(["go", "build", "-o", program, *sources], COMPARE / "go", GO111MODULE="off",
            GOFLAGS="", GOCACHE=str(folder / "go-cache"))
    return program


def build_cpp(name, *libraries):
    return lambda folder: compile_cpp(COMPARE / f"{name}.cpp", folder / name, *libraries)


def build_rust(name):
    def build(folder):
        source = folder / "rust" / name
        shutil.copytree(COMPARE / "rust", folder / "rust", dirs_exist_ok=True)
        # It names the versions of the last time, which an upgrade has replaced.
        (source / "Cargo.lock").unlink(missing_ok=True)
        quietly(["cargo", "build", "--release", "--offline", "--target-dir", folder / "cargo",
                 "--config", 'source.crates-io.replace-with="debian"',
                 "--config", f'source.debian.directory="{CRATES}"'], source)
        return folder / "cargo" / "release" / f"{name}_workloads"
    return build


RIVALS = {
    "go": Rival("Go", ("golang-go",), ("go",), build_go, ("go", "version")),
    "boost": Rival("Boost.Fiber", ("libboost-fiber-dev", "libboost-context-dev"),
                   ("/usr/include/boost/fiber/all.hpp",),
                   build_cpp("boost_fiber", "-lboost_fiber", "-lboost_context"),
                   ("libboost-fiber-dev",)),
    "tbb": Rival("oneTBB", ("libtbb-dev",), ("/usr/include/oneapi/tbb/version.h",),
                 build_cpp("tbb", "-ltbb"), ("libtbb-dev",)),
    "moodycamel": Rival("moodycamel", ("libconcurrentqueue-dev",),
                        ("/usr/include/concurrentqueue/blockingconcurrentqueue.h",),
                        build_cpp("moodycamel"), ("libconcurrentqueue-dev",)),
    "atomic_queue": Rival("atomic_queue", ("libatomic-queue-dev",),
                          ("/usr/include/atomic_queue/atomic_queue.h",),
                          build_cpp("atomic_queue"), ("libatomic-queue-dev",)),
    "crossbeam": Rival("crossbeam", ("cargo", "rustc", "librust-crossbeam-channel-dev"),
                       ("cargo", CRATES + "/crossbeam-channel-*"), build_rust("crossbeam"),
                       ("librust-crossbeam-channel-dev",)),
    "tokio": Rival("tokio", ("cargo", "rustc", "librust-tokio-dev"),
                   ("cargo", CRATES + "/tokio-1*"), build_rust("tokio"), ("librust-tokio-dev",)),
}


def is_there(need):
    if not need.startswith("/"):
        return shutil.which(need) is not None
    path = pathlib.Path(need)
    return any(path.parent.glob(path.name))


def missing(rival):
    return [need for need in RIVALS[rival].needs if not is_there(need)]


def install(packages):
    return subprocess.run([ROOT / "tools/setup", *packages]).returncode == 0


def version_of(rival):
    command = RIVALS[rival].version
    if len(command) == 1:
        command = ("dpkg-query", "-W", "-f=${Package} ${Version}", *command)
    try:
        done = subprocess.run(command, text=True, capture_output=True)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.splitlines()[0] if done.returncode == 0 and done.stdout else "unknown"


def build_rival(name, folder, may_install):
    """The program of that rival; raises CannotBuild if it cannot be had here."""
    rival = RIVALS[name]
    if missing(name) and may_install:
        install(rival.packages)
    if missing(name):
        raise CannotBuild(f"not installed: {', '.join(missing(name))} (Debian: "
                          f"{' '.join(rival.packages)})")
    return Program(name, rival.build(folder), rival=True)


def version_beside(path):
    """What a program that was built before is: it may stand in PATH.version, as `carry` and
    bench/compare/outside/build write it."""
    beside = path.with_name(f"{path.name}.version")
    return beside.read_text(encoding="utf-8").strip() if beside.is_file() else ""


def given(text):
    """A rival that was built before: NAME=PATH. Its name may be that of one of ours, which is not
    built then."""
    label, equals, path = text.partition("=")
    if not equals or not label:
        raise WrongInput(f"not NAME=PATH: {text}")
    if label == "sluice":
        raise WrongInput(f"sluice is no rival (--built): another name for {path}")
    found = pathlib.Path(path).absolute()
    if not is_program(found):
        raise CannotBuild(f"not a program: {path}")
    return Program(label, found, divisor=False, version=version_beside(found) or f"{label} unknown",
                   rival=True)


def all_given(texts, say):
    """Those that are there; `say` hears about the others."""
    found = []
    for text in texts:
        try:
            found.append(given(text))
        except CannotBuild as failure:
            say(f"without {text.partition('=')[0]}: {failure}")
    labels = [each.label for each in found]
    if len(set(labels)) < len(labels):
        raise WrongInput(f"two rivals with one name: {', '.join(labels)}")
    return found


def build_limits(folder):
    """The floors below all figures; needs the library that build_sluice has built."""
    return Program(FLOORS, compile_cpp(COMPARE / "limits.cpp", folder / "limits",
                                       f"-I{ROOT / 'include'}", f"-I{ROOT / 'src'}",
                                       folder / "library/libsluice.a", "-lboost_context"))


def build_pack(folder, jobs, may_install):
    """What packs a file: sluicez, pigz, and zlib's own loop on one thread."""
    if may_install:
        install(PACK_PACKAGES)
    library = folder / "library"
    quietly(["meson", "configure", library, "-Dtools=auto"])
    quietly(["ninja", *([f"-j{jobs}"] if jobs else []), "-C", library, "tools/sluicez"])
    bare = compile_cpp(ROOT / "bench/deflate_baseline.cpp", folder / "deflate_baseline", "-lz")
    pack, given = COMPARE / "pack", folder / "pack-input"
    return [Program("sluice", pack, arguments=("sluicez", library / "tools/sluicez", given)),
            Program("pigz", pack, arguments=("pigz", "pigz", given), rival=True),
            Program(ZLIB, pack, arguments=("bare", bare, given))]


def build_beside(folder, jobs, may_install, say):
    """What stands beside the workloads on the page: the floors, and packing a file."""
    found = []
    for name, build in (("the floors", lambda: [build_limits(folder)]),
                        ("sluicez", lambda: build_pack(folder, jobs, may_install))):
        try:
            say(f"building {name}")
            found += build()
        except CannotBuild as failure:
            say(f"without {name}: {failure}")
    return found


def build_all(folder, rivals, may_install, jobs, say, built=None):
    """sluice (or the program that is built already) and those of the rivals that can be built;
    `say` hears about the others."""
    if may_install and not built and not install(SLUICE_PACKAGES):
        raise BenchError("the packages for sluice could not be installed")
    if rivals or not built:
        folder.mkdir(parents=True, exist_ok=True)
    try:
        if not built:
            say("building sluice")
        programs = [built_before(built) if built else build_sluice(folder, jobs=jobs)]
    except CannotBuild as failure:
        raise BenchError(str(failure)) from None
    for name in rivals:
        try:
            say(f"building {RIVALS[name].title}")
            programs.append(build_rival(name, folder, may_install))
        except CannotBuild as failure:
            say(f"without {RIVALS[name].title}: {failure}")
    return programs


def built_before(path):
    found = named(f"sluice={path}")
    return dataclasses.replace(found, kind="workloads", version=version_beside(found.path))


def is_program(path):
    return path.is_file() and os.access(path, os.X_OK)


def named(text):
    """A program given as PATH or LABEL=PATH: of Google Benchmark."""
    label, equals, path = text.partition("=")
    if not equals:
        label, path = pathlib.Path(text).stem, text
    found = pathlib.Path(path).absolute()
    if not is_program(found):
        raise WrongInput(f"not a program: {path}")
    if not label:
        raise WrongInput(f"a label must stand before the =: {text}")
    return Program(label, found, "google")
