"""What is known of the machine, the compiler and the commit, and how noisy the machine is now."""

import os
import pathlib
import platform
import subprocess
import sys
import time

from . import programs, statistics
from .running import meminfo

SYS_CPU = pathlib.Path("/sys/devices/system/cpu")
CGROUP = pathlib.Path("/sys/fs/cgroup")
# The noise estimate: short pieces of the same work, one after the other.
PIECES, PIECE_LOOPS = 200, 20_000
# Above these, doctor warns.
MOST_STEAL, MOST_NOISE, MOST_LOAD = 0.01, 0.05, 0.5


def text_of(path, default=""):
    try:
        return pathlib.Path(path).read_text().strip()
    except OSError:
        return default


def first_line(*command):
    try:
        done = subprocess.run(command, text=True, capture_output=True)
    except OSError:
        return "not installed"
    return done.stdout.splitlines()[0] if done.stdout else "unknown"


def cpu_model():
    for line in text_of("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def allowed_cpus():
    return len(os.sched_getaffinity(0))


def usable_cpus():
    """Those that it may use, or as many as the quota of its cgroup comes to."""
    quota = cgroup_limits()[0]
    return allowed_cpus() if quota is None else max(min(allowed_cpus(), int(quota)), 1)


def topology():
    cpus = [path for path in SYS_CPU.glob("cpu[0-9]*") if (path / "topology").is_dir()]
    packages = {text_of(path / "topology/physical_package_id") for path in cpus}
    cores = {(text_of(path / "topology/physical_package_id"), text_of(path / "topology/core_id"))
             for path in cpus}
    nodes = len(list(pathlib.Path("/sys/devices/system/node").glob("node[0-9]*"))) or 1
    return (f"{len(packages) or 1} sockets, {len(cores) or os.cpu_count()} cores, "
            f"{os.cpu_count()} hardware threads, {nodes} memory nodes; this process may use "
            f"{allowed_cpus()}")


def caches():
    found = []
    for index in sorted((SYS_CPU / "cpu0/cache").glob("index*")):
        kind = {"Data": "d", "Instruction": "i"}.get(text_of(index / "type"), "")
        found.append(f"L{text_of(index / 'level')}{kind} {text_of(index / 'size')}")
    return ", ".join(found) or "unknown"


def cgroup_folders():
    """From the own cgroup to the root; a container sees its own as the root."""
    for line in text_of("/proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            folder = CGROUP / line[3:].lstrip("/")
            return [folder, *[each for each in folder.parents if CGROUP in (each, *each.parents)]]
    return [CGROUP]


def cgroup_limits():
    """(CPUs that the quota allows or None, in words)"""
    quotas, memory = [], []
    for folder in cgroup_folders():
        quota = text_of(folder / "cpu.max").split()
        if len(quota) == 2 and quota[0].isdigit():
            quotas.append(int(quota[0]) / int(quota[1]))
        limit = text_of(folder / "memory.max")
        if limit.isdigit():
            memory.append(int(limit))
    old = text_of(CGROUP / "cpu/cpu.cfs_quota_us"), text_of(CGROUP / "cpu/cpu.cfs_period_us")
    if old[0].isdigit() and old[1].isdigit():
        quotas.append(int(old[0]) / int(old[1]))
    words = [f"CPU {min(quotas):.2g}" if quotas else "no CPU quota",
             f"memory {min(memory) / 1e9:.1f} GB" if memory else "no memory limit"]
    return min(quotas) if quotas else None, ", ".join(words)


def governor():
    found = {text_of(path) for path in SYS_CPU.glob("cpu*/cpufreq/scaling_governor")}
    boost = text_of(SYS_CPU / "cpufreq/boost")
    words = ", ".join(sorted(found)) or "none visible (virtual machine?)"
    return words + (f", boost {'on' if boost == '1' else 'off'}" if boost else "")


def proc_stat():
    """(steal, all) jiffies since the start of the machine."""
    fields = [int(word) for word in text_of("/proc/stat").splitlines()[0].split()[1:9]]
    return fields[7] if len(fields) > 7 else 0, sum(fields)


def steal(seconds):
    """The share of processor time that others took from this virtual machine: now, and ever."""
    steal_before, all_before = proc_stat()
    time.sleep(seconds)
    steal_after, all_after = proc_stat()
    now = (steal_after - steal_before) / max(all_after - all_before, 1)
    return now, steal_after / max(all_after, 1)


def noise():
    """How much longer than the fastest the same small piece of work takes: (median, 99th)."""
    times = []
    for _ in range(PIECES):
        begin = time.perf_counter()
        total = 0
        for i in range(PIECE_LOOPS):
            total += i
        times.append(time.perf_counter() - begin)
    times.sort()
    return (statistics.median(times) / times[0] - 1,
            statistics.quantile(times, 0.99) / times[0] - 1)


def commit():
    try:
        sha = programs.git("rev-parse", "--short=12", "HEAD")
        changed = programs.git("status", "--porcelain", "--untracked-files=no")
    except (programs.WrongInput, OSError):
        return "unknown (no git repository)"
    return sha + (" with changes that are not committed" if changed else "")


def virtual():
    flags = text_of("/proc/cpuinfo")
    vendor = text_of("/sys/class/dmi/id/sys_vendor")
    return f"yes ({vendor})" if " hypervisor" in flags and vendor else (
        "yes" if " hypervisor" in flags else "not seen")


def rival_rows():
    for name, rival in programs.RIVALS.items():
        gone = programs.missing(name)
        words = (f"missing: {', '.join(gone)} (Debian: {' '.join(rival.packages)})" if gone
                 else programs.version_of(name))
        yield f"rival {rival.title}", words, ""


def rows(seconds):
    """(what, value, warning or "") for doctor."""
    quota, limits = cgroup_limits()
    load = os.getloadavg()[0]
    now, ever = steal(seconds)
    middle, worst = noise()
    cpus = allowed_cpus()
    few = quota is not None and quota < cpus
    yield "CPU", cpu_model(), ""
    yield "topology", topology(), "one CPU: two workers share it" if cpus == 1 else ""
    yield "caches", caches(), ""
    yield ("cgroup", limits, "the quota is below the number of CPUs: runs are paused by the kernel"
           if few else "")
    set_to = governor()
    yield "governor", set_to, ("the clock rate follows the load; `performance` is steadier"
                               if set_to.startswith(("powersave", "ondemand")) else "")
    yield "virtual machine", virtual(), ""
    yield ("steal", f"{now:.1%} in the last {seconds:g} s, {ever:.1%} since the start",
           "others use this processor" if now > MOST_STEAL else "")
    yield ("load", f"{load:.2f} on {os.cpu_count()} hardware threads",
           "something else runs" if load > MOST_LOAD else "")
    yield ("noise", f"the same work takes {middle:.1%} longer than at best (median), "
           f"{worst:.0%} (99th percentile)",
           "differences below this cannot be seen" if middle > MOST_NOISE else "")
    yield "memory", (f"{meminfo('MemTotal') / 1e9:.1f} GB, "
                     f"{meminfo('MemAvailable') / 1e9:.1f} GB free"), ""
    yield "kernel", f"{platform.system()} {platform.release()}", ""
    yield "clock", text_of("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                           "unknown"), ""
    yield "compiler", first_line(programs.COMPILER, "--version"), ""
    yield "flags", " ".join(programs.FLAGS), ""
    yield "commit", commit(), ""
    yield "Python", sys.version.split()[0], ""
    yield "valgrind", first_line("valgrind", "--version"), ""
    yield from rival_rows()


def context(built):
    """The machine in a result file, and what the programs are."""
    found = {"cpu": cpu_model(), "cpus_allowed": usable_cpus(), "topology": topology(),
             "cgroup": cgroup_limits()[1], "governor": governor(),
             "memory_gb": round(meminfo("MemTotal") / 1e9, 1), "kernel": platform.release(),
             "virtual": virtual(), "compiler": first_line(programs.COMPILER, "--version"),
             "flags": " ".join(programs.FLAGS), "commit": commit()}
    found["rivals"] = {each.label: each.version or programs.version_of(each.label)
                       for each in built if each.label in programs.RIVALS}
    found["outside"] = {each.label: each.version for each in built
                        if each.version and each.rival and each.label not in programs.RIVALS}
    ours = next((each.version for each in built if each.version and not each.rival), "")
    if ours:  # built elsewhere: of another commit perhaps, by another compiler
        found["commit"] = ours
        del found["compiler"], found["flags"]
    return found
