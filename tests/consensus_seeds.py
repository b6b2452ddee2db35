"""Every golden scenario of chat and locks, in both worlds and under four hash seeds: the same bytes always.

``python -m tests.consensus_seeds`` runs them all, ``--world sim`` those of one world, and names which differ.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from bayou.tester.config import read_config
from tests.processes import run_master

HERE = Path(__file__).parent
HASH_SEEDS = ("0", "1", "2", "3")
WORLDS = ("sim", "processes")


def names() -> list[str]:
    """Return the names of these scenarios."""
    return sorted(path.stem for kind in ("chat", "locks") for path in HERE.glob(f"{kind}-*.test"))


def runs_that_differ(name: str, worlds: tuple[str, ...] = WORLDS) -> list[str]:
    """Return in which worlds and under which hash seeds a scenario does not print what its solution says."""
    text = (HERE / f"{name}.test").read_bytes()
    expected = (HERE.parent / "solutions" / f"{name}.sol").read_bytes()
    arguments = shlex.split(read_config(HERE / f"{name}.config").args)
    different = []
    for world in worlds:
        for seed in HASH_SEEDS:
            done = run_master(text, "--world", world, *arguments, PYTHONHASHSEED=seed)
            if done.stdout != expected or done.returncode:
                different.append(f"{name} in the world {world}, hash seed {seed}")
    return different


def main() -> int:
    """Run them; return the exit status."""
    parser = argparse.ArgumentParser(description="Golden scenarios of chat and locks under four hash seeds.")
    parser.add_argument("--world", choices=WORLDS, action="append")
    worlds = tuple(parser.parse_args().world or WORLDS)
    different = [line for name in names() for line in runs_that_differ(name, worlds)]
    print("\n".join([*different, f"{len(names())} scenarios, {len(different)} runs differ"]))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
