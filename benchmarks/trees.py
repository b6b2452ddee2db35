"""Scenarios of the store with the code of several trees, in turn: did it get slower?

    git worktree add /tmp/before COMMIT
    python -m benchmarks.trees /tmp/before . [--rounds 40]

Each is a whole process. Beside the time that passes stands the processor time of it and of all processes that
it starts, which other work on the machine changes less. Medians; in brackets those of the ratios to the first
tree, round by round.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from statistics import median
from time import perf_counter

from benchmarks.scenarios import TEN_COMMANDS
from benchmarks.table import Row, print_table

SCENARIOS = {
    "an empty scenario": ("", ()),
    "ten commands": (TEN_COMMANDS, ()),
    "the same, simulated": (TEN_COMMANDS, ("--world", "sim")),
    "21 servers joined": ("".join(f"joinServer {server}\n" for server in range(21)), ()),
    "a hundred puts": (
        "joinServer 0\njoinServer 1\njoinClient 2 0\n"
        + "".join(f"put 2 song{at} url\n" for at in range(100)),
        (),
    ),
}


def run_in(tree: str, text: str, options: tuple[str, ...]) -> tuple[float, float]:
    """Run a scenario with the code of that tree; return the seconds that passed, and those of processors."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    subprocess.run(
        [sys.executable, "-m", "bayou.master", *options],
        input=text.encode(),
        stdout=subprocess.DEVNULL,
        check=True,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": tree},
    )
    passed, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return passed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(trees: list[str], rounds: int) -> list[Row]:
    """Run each scenario in all trees in turn, so many times after a warm-up."""
    rows = []
    for what, (text, options) in SCENARIOS.items():
        taken = [[run_in(tree, text, options) for tree in trees] for _ in range(rounds + 1)][1:]
        for kind, name in ((0, "passed"), (1, "of processors")):
            first = [each[0][kind] for each in taken]
            cells = []
            for at in range(len(trees)):
                seconds = [each[at][kind] for each in taken]
                share = median(a / b for a, b in zip(seconds, first, strict=True))
                cells.append(f"{median(seconds) * 1e3:.1f} ms" + (f" ({share:.2f})" if at else ""))
            rows.append(Row(f"{what}: {name}", ", ".join(cells)))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trees")
    parser.add_argument("trees", nargs="+", metavar="TREE", help="a checkout of this project")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    print_table(compare([os.path.abspath(tree) for tree in options.trees], options.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
