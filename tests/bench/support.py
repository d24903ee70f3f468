"""What the tests of tools/sluice-bench share: the command, fake programs, made-up result files."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = ROOT / "tools" / "sluice-bench"
sys.path.insert(0, str(ROOT / "tools"))

TIME_LIMIT = 120


def entry(name, time, **more):
    """As a program of Google Benchmark prints it."""
    return {"name": name, "run_name": name, "run_type": "iteration", "repetitions": 1,
            "repetition_index": 0, "threads": 1, "iterations": 1, "real_time": time,
            "cpu_time": time, "time_unit": "ns", **more}


def made_up(cases, **context):
    """A result file's text from {name: [values]}."""
    rows = [entry(name, value) for name, values in cases.items() for value in values]
    return json.dumps({"context": context, "benchmarks": rows})


def around(middle, count=9, step=0.001):
    """Values close to the middle one, which is their median."""
    return [middle * (1 + step * (i - count // 2)) for i in range(count)]


def ours(program, workload, workers, values, **more):
    """Entries as run writes them."""
    case = f"{workload}/workers:{workers}"
    return [entry(f"{program}/{case}", value, program=program, case=case, title=f"{workload} it",
                  workload=workload.split("/")[0], figure="", workers=workers, value=value,
                  unit="ns", **more) for value in values]


def comparison():
    """Three programs, two numbers of workers, three parameters, percentiles, a failure."""
    rows = []
    for place, program in enumerate(("sluice", "go", "boost")):
        for workers in (1, 2, 4):
            for n in (2, 8, 100):
                rows += ours(program, f"W4/n:{n}", workers, around(10 + 5 * place + n / 10),
                             parameter=n)
        rows += ours(program, "W15", 1, around(3), parameter=1, wake_p50_us=8 + place,
                     wake_p90_us=9 + place, wake_p99_us=20 + place, wake_p99_9_us=99 + place,
                     wake_p100_us=200)
    rows += ours("sluice", "W2", 1, around(200)) + ours("go", "W2", 1, around(100))
    rows.append({"name": "boost/W9/workers:1", "run_type": "iteration", "error_occurred": True,
                 "error_message": "lost or doubled a message", "program": "boost",
                 "case": "W9/workers:1"})
    return {"context": {"date": "2026-01-01", "machine": {"cpu": "<fast> & wide"}},
            "benchmarks": rows}


class Case(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-bench-test.")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def fake(self, name, code):
        """A program in Python."""
        path = self.file(name, f"#!{sys.executable}\nimport json, os, sys, time\n{code}")
        path.chmod(0o755)
        return path

    def fake_benchmark(self, name, cases):
        """A program that prints these entries as Google Benchmark does."""
        return self.fake(name, f"print(json.dumps({{'context': {{}}, 'benchmarks': {cases!r}}}))")

    def tool(self, *words, expect=0, **more):
        done = subprocess.run([TOOL, *map(str, words)], cwd=self.folder, text=True,
                              capture_output=True, timeout=TIME_LIMIT,
                              env={**os.environ, "COLUMNS": "100"}, **more)
        self.assertEqual(done.returncode, expect, f"{words}\n{done.stdout}\n{done.stderr}")
        self.assertNotIn("Traceback", done.stderr)
        return done

    def read(self, path):
        return json.loads((self.folder / path).read_text())


def main():
    unittest.main(verbosity=1)
