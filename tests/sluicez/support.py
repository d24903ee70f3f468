"""What the tests of sluicez share: a folder for each test, runs with a time limit, sample data.

Each script of this folder is called with the path of the sluicez to test, and then with what
Python's unittest takes.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
import unittest

SLUICEZ = None
TIME_LIMIT = 60


def text(size, seed=1):
    """As compressible as sources are, and the same on every run."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz_", k=rng.randint(2, 11)))
             for _ in range(3000)]
    lines = []
    length = 0
    while length < size:
        line = " ".join(rng.choices(words, k=rng.randint(1, 12))) + "\n"
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()[:size]


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


class Case(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluicez-test.")
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)

    def run_command(self, *command, stdin=b"", **more):
        """Runs a command; `stdin` is bytes or a file."""
        feed = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.run(command, **{**feed, **output, "timeout": TIME_LIMIT, **more})

    def run_it(self, *arguments, **more):
        return self.run_command(SLUICEZ, *arguments, **more)

    def good(self, *arguments, **more):
        """Runs sluicez, which must succeed in silence; what it wrote to stdout."""
        done = self.run_it(*arguments, **more)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def bad(self, code, words, *arguments, **more):
        """Runs sluicez, which must exit with `code` and say `words`; the finished process."""
        done = self.run_it(*arguments, **more)
        said = (done.stderr or b"").decode(errors="replace")
        self.assertEqual(done.returncode, code, f"{arguments}: {said}")
        self.assertIn(words, said)
        return done

    def start(self, *arguments, **more):
        """Starts sluicez; it is killed at the end of the test if it still runs."""
        process = subprocess.Popen([SLUICEZ, *arguments], **more)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        pass
        self.addCleanup(end)
        return process

    def peak_memory(self, process):
        """Waits for the end, which must be good; the peak in KiB, as far as it was seen.

        What wait4 reports would include this interpreter, from which the process was forked.
        """
        peak = 0
        while process.poll() is None:
            with open(f"/proc/{process.pid}/status") as status:
                peaks = [line.split()[1] for line in status if line.startswith("VmHWM")]
            peak = max(peak, *map(int, peaks), 0)
            time.sleep(0.005)
        self.assertEqual(process.returncode, 0)
        self.assertGreater(peak, 0)
        return peak

    def write(self, name, data):
        with open(name, "wb") as file:
            file.write(data)
        return name

    def read(self, name):
        with open(name, "rb") as file:
            return file.read()

    def sparse(self, name, size):
        with open(name, "wb") as file:
            file.truncate(size)
        return name


def main():
    global SLUICEZ
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} SLUICEZ [unittest's arguments]")
    SLUICEZ = os.path.abspath(sys.argv.pop(1))
    if not os.access(SLUICEZ, os.X_OK):
        sys.exit(f"{SLUICEZ} cannot be run")
    unittest.main(module="__main__")
