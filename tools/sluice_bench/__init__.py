"""The parts of tools/sluice-bench, which measures sluice beside its rivals.

In reading order: workloads (what is measured), programs (what measures it, and how each is built),
running (one process, and programs in turns), results (the JSON file), statistics, compare, guard,
goals, charts and report, machine. Python's standard library only.
"""
