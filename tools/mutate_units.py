"""tools/mutate --units: the mutants that the explorer cannot see, before the unit tests.

A copy of the tree below build/release/mutants-units has the mutants of the sorts wake, check and
claim; a weaker order compiles to the same instructions on x86-64, so there is nothing to see. It is
compiled at -O1 with assertions. A number from the environment, read before main, chooses a mutant.

Each program of the suite unit runs first without one: that says how long it takes, and to which
mutants it comes. Then each mutant runs in the programs that come to it, first in those that its
explanation names, then in the quick ones, up to the first that notices: it fails, dies, or takes
more than PATIENCE times as long, and LEAST seconds. What notices does so twice, while the original
passes once more, else it counts for nothing: a race that is lost at times is no answer.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import threading
import time

from mutants import planted

COPIED = ["bench", "examples", "include", "src", "tests", "tools"]
SORTS = ("wake", "check", "claim")
LONG = 5  # seconds of CPU: what takes longer is left out, except where an explanation names it
PATIENCE, LEAST = 20, 30
MOST_SAID = 1 << 28  # bytes that a program may write into a file
NAMED = re.compile(r"\btests/(?:\w+/)*(\w+)\.cpp")
FAILED = re.compile(r"^TEST CASE: +(.*)$|^watchdog: .* in: (.*)$", re.M)

# Valid before any constructor of the program has run. The raw calls are for the tests that replace
# those of the C library.
HEADER = """#pragma once
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::explore {

inline int chosen_mutant = 0;
inline char nowhere[COUNT] = {};
inline char* met_mutants = nowhere;  // in a file, if somebody wants to know

[[gnu::constructor(101)]] static void choose_mutant() noexcept {
  if (const char* number = ::getenv("SLUICE_MUTANT")) chosen_mutant = ::atoi(number);
  const char* path = met_mutants == nowhere ? ::getenv("SLUICE_MUTANTS_MET") : nullptr;
  if (path == nullptr) return;
  const long file = ::syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  const long at = ::syscall(SYS_mmap, nullptr, COUNT, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0L);
  ::syscall(SYS_close, file);
  if (at > 0 || at < -4095) met_mutants = reinterpret_cast<char*>(at);
}

inline bool mutant(int number) noexcept {
  if (__atomic_load_n(&met_mutants[number], __ATOMIC_RELAXED) == 0) {
    __atomic_store_n(&met_mutants[number], 1, __ATOMIC_RELAXED);
  }
  return chosen_mutant == number;
}

}  // namespace sluice::explore
"""


def can_be_seen(one):
    return one.kind in SORTS


# ---- the programs ------------------------------------------------------------------------------


def write_if_new(path, data):
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def copy_tree(root, folder, texts, mutants):
    """The tree with its switches; what is there already keeps its time."""
    tree, wanted = folder / "tree", {}
    paths = [root / "meson.build", root / "meson_options.txt"]
    for name in COPIED:
        paths += [path for path in (root / name).rglob("*")
                  if path.is_file() and "__pycache__" not in path.parts]
    for path in paths:
        wanted[tree / path.relative_to(root)] = path.read_bytes()
    for path, text in texts.items():
        pieces = [one for one in mutants if one.path == path and can_be_seen(one)]
        wanted[tree / path] = planted(text, pieces).encode()
    header = HEADER.replace("COUNT", str(len(mutants) + 1)).encode()
    wanted[folder / "mutants.hpp"] = header
    for path in tree.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
    for path, data in wanted.items():
        write_if_new(path, data)
    for path in paths:
        shutil.copymode(path, tree / path.relative_to(root))


class Program:
    def __init__(self, said, build):
        self.name, self.command = said["name"], said["cmd"]
        self.env, self.alone = said["env"], not said["is_parallel"]
        self.files = [word for word in said["cmd"] if word.startswith((f"{build}/", "tests/"))]
        self.of, self.seconds, self.cpu, self.met = "", 0, 0, []
        self.found = {}  # for each mutant that ran in it: how it notices, or None

    @property
    def limit(self):
        return max(LEAST, PATIENCE * self.seconds)


def said_by(*command):
    """What it says; if it fails it is the end of what we do."""
    done = subprocess.run(command, capture_output=True, text=True,
                          env={"CXX": "g++", **os.environ})
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout[-4000:]}{done.stderr}tools/mutate: {command[0]} failed")
    return done.stdout


def compile_programs(folder, at_once):
    tree, build = folder / "tree", folder / "build"
    if not (build / "build.ninja").exists():
        said_by("meson", "setup", build, tree, "-Dbuildtype=plain", "-Doptimization=1",
                "-Db_ndebug=false", "-Dtests=enabled", "-Dtools=disabled", "-Dexamples=disabled",
                "-Dbenchmarks=disabled", f"-Dcpp_args=-include {folder / 'mutants.hpp'}")
    said = said_by("meson", "introspect", "--tests", build)
    programs = [Program(one, build) for one in json.loads(said)
                if any(suite.split(":")[-1] == "unit" for suite in one["suite"])]
    targets = sorted({os.path.relpath(build / file, build) for one in programs
                      for file in one.files})
    said_by("ninja", "-C", build, f"-j{at_once}", *targets)
    for one in programs:
        one.of = hashlib.sha256(pathlib.Path(one.files[0]).read_bytes()).hexdigest()
    return programs


# ---- runs --------------------------------------------------------------------------------------


class Runs:
    """Programs that run, so many at once; one that would be disturbed runs alone."""

    def __init__(self, folder, at_once):
        self.folder, self.at_once = folder, at_once
        self.turn, self.places = threading.Lock(), threading.Semaphore(at_once)
        self.guard, self.running, self.over = threading.Lock(), set(), False

    def end_all(self):
        with self.guard:
            self.over = True
            for pid in self.running:
                os.killpg(pid, signal.SIGKILL)

    def wait(self, program, number, limit, met=None):
        """How the program tells that mutant from the original, or None; seconds, also of CPU.
        Mutant 0 is the original."""
        taken = self.at_once if program.alone else 1
        with self.turn:
            for _ in range(taken):
                self.places.acquire()
        try:
            return self.run(program, number, limit, met)
        finally:
            self.places.release(taken)

    def run(self, program, number, limit, met):
        env = {**os.environ, **program.env, "SLUICE_MUTANT": str(number)}
        if met:
            env["SLUICE_MUTANTS_MET"] = str(met)
        log = self.folder / f"logs/{program.name}-{number}.txt"
        log.parent.mkdir(exist_ok=True)
        begin = time.monotonic()
        with log.open("wb") as said, self.guard:
            if self.over:
                raise KeyboardInterrupt
            process = subprocess.Popen(program.command, env=env, cwd=self.folder / "build",
                                       stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                       start_new_session=True)
            self.running.add(process.pid)
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (int(limit), int(limit) + 10))
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (MOST_SAID, MOST_SAID))
        ended = None
        while not ended and time.monotonic() < begin + limit:
            time.sleep(0.02)
            ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        took = time.monotonic() - begin
        with self.guard:
            self.running.discard(process.pid)
            os.killpg(process.pid, signal.SIGKILL)  # its children too
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        if self.over:
            raise KeyboardInterrupt
        cpu = used.ru_utime + used.ru_stime
        if ended and code == 0:
            log.unlink(missing_ok=True)
            return None, took, cpu
        where = FAILED.search(log.read_text(errors="replace"))
        where = f" ({(where[1] or where[2]).strip()})" if where else ""
        how = "fails" if code > 0 else f"dies of signal {-code}"
        if not ended or code == -signal.SIGXCPU:
            how = f"hangs for {int(limit)} s"
        return how + where, took, cpu


def measure(runs, pool, programs):
    """Without a mutant: how long each takes, and where it comes. Returns what fails."""

    def one_of(program):
        met = runs.folder / f"met/{program.name}"
        met.parent.mkdir(exist_ok=True)
        met.write_bytes(bytes(1 << 12))
        how, program.seconds, program.cpu = runs.wait(program, 0, 300, met)
        program.met = [number for number, byte in enumerate(met.read_bytes()) if byte]
        return how

    some = [program for program in programs if not program.seconds]
    return [f"{program.name} {how}" for program, how in zip(some, pool.map(one_of, some)) if how]


def ask(runs, one, program):
    """How that program tells the mutant from the original, each time; or None."""
    if one.key not in program.found:
        how = runs.wait(program, one.number, program.limit)[0]
        if how and (runs.wait(program, 0, program.limit)[0]
                    or not runs.wait(program, one.number, program.limit)[0]):
            how = None
        with runs.guard:
            program.found[one.key] = how
    return program.found[one.key]


def look(runs, one, programs):
    """({program: how it notices}, how many come to the place)."""
    named = NAMED.findall(one.why)
    asked = [program for program in programs if one.number in program.met]
    some = [program for program in asked if program.name in named]
    some += [program for program in asked if program not in some and program.cpu <= LONG]
    seen = {}
    for program in some:
        if seen and program.name not in named:
            break
        if how := ask(runs, one, program):
            seen[program.name] = how
    return seen, len(asked)


# ---- the answers -------------------------------------------------------------------------------


def judge(why, seen):
    """What to say of an explanation, by the programs that see its mutant."""
    named = NAMED.findall(why)
    blind = [name for name in named if name not in seen]
    if blind:
        return "WRONG", f"{', '.join(blind)} sees nothing"
    if seen and why and not named:
        return "UNSAID", ""
    return ("noticed" if seen else "unseen"), ""


def say(one, seen, places):
    answer, more = judge(one.why, seen)
    parts = [more] if more else []
    parts += [f"{name} {how}" for name, how in seen.items()]
    if not seen:
        parts.append(f"{places} programs come there" if places else "no program comes there")
    return answer, f"{answer:<9} {one}: {'; '.join(parts)}"


KEPT = ("of", "seconds", "cpu", "met", "found")


class Answers:
    """What has been found out of each program, also for a run that goes on with it."""

    def __init__(self, path, programs, resume):
        self.path, self.programs = path, programs
        said = json.loads(path.read_text()) if resume and path.exists() else {}
        for one in programs:
            if one.name in said and said[one.name]["of"] == one.of:
                vars(one).update(said[one.name])

    def note(self, runs):
        with runs.guard:
            text = json.dumps({one.name: {name: value for name, value in vars(one).items()
                                          if name in KEPT} for one in self.programs}, indent=1)
        made = self.path.with_suffix(".new")
        made.write_text(text)
        made.replace(self.path)


def ask_units(root, folder, texts, mutants, chosen, at_once, resume, only_unseen):
    """Is any explanation wrong?"""
    folder.mkdir(parents=True, exist_ok=True)
    copy_tree(root, folder, texts, mutants)
    programs = compile_programs(folder, at_once)
    return run_all(Runs(folder, at_once), programs, chosen, resume, only_unseen)


def run_all(runs, programs, chosen, resume, only_unseen):
    answers = Answers(runs.folder / "answers.json", programs, resume)
    counts = {}
    pool = concurrent.futures.ThreadPoolExecutor(runs.at_once)
    try:
        if bad := measure(runs, pool, programs):
            raise SystemExit(f"tools/mutate: without a mutant: {'; '.join(bad)}")
        answers.note(runs)
        programs.sort(key=lambda program: program.cpu)
        left_out = [program.name for program in programs if program.cpu > LONG]
        print(f"{len(programs)} programs; left out, since they take more than {LONG} s:",
              ", ".join(left_out) or "none", flush=True)
        tasks = {pool.submit(look, runs, one, programs): one for one in chosen}
        for task in concurrent.futures.as_completed(tasks):
            answer, line = say(tasks[task], *task.result())
            answers.note(runs)
            counts[answer] = counts.get(answer, 0) + 1
            if answer != "noticed" or not only_unseen:
                print(line, flush=True)
    finally:
        runs.end_all()
        pool.shutdown(cancel_futures=True)
        answers.note(runs)
    print(f"\n{len(chosen)} mutants: {counts.get('noticed', 0)} noticed, "
          f"{counts.get('unseen', 0)} noticed by nobody, {counts.get('UNSAID', 0)} noticed though "
          f"nothing says so, {counts.get('WRONG', 0)} not noticed by whom the explanation names")
    return "UNSAID" in counts or "WRONG" in counts


SAMPLES = [
    ("noticed by whom it says", "so: tests/a_test.cpp asks", {"a_test": "fails"}, "noticed"),
    ("one of a folder", "tests/stress/a_test.cpp", {"a_test": "fails"}, "noticed"),
    ("one of two", "tests/a_test.cpp and tests/b_test.cpp", {"a_test": "fails"}, "WRONG"),
    ("noticed by another", "tests/a_test.cpp asks", {"b_test": "fails"}, "WRONG"),
    ("noticed by none", "only slower", {}, "unseen"),
    ("noticed, and nobody says so", "only slower", {"a_test": "fails"}, "UNSAID"),
    ("not explained", "", {"a_test": "fails"}, "noticed"),
]


def self_test():
    """How many samples are answered wrongly."""
    wrong = 0
    for name, why, seen, wanted in SAMPLES:
        got = judge(why, seen)[0]
        if got != wanted:
            wrong += 1
            print(f"self-test '{name}': expected {wanted}, got {got}")
    print(f"self-test: {len(SAMPLES) - wrong} of {len(SAMPLES)} explanations judged right")
    return wrong
