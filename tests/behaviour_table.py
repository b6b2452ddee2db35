"""Makes the page of what is promised and which test holds it, from the tests of behaviour::

python -m tests.behaviour_table > docs/behaviour.md
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent / "behaviour"
PAGE = Path(__file__).parent.parent / "docs" / "behaviour.md"

TITLES = (
    "Servers, clients and the master",
    "Commands, their output, and the end of a run",
    "The same output every time, and who commits when",
    "How servers are named, come and go",
    "What a session can rely on",
    "How writes travel",
    "What goes over a connection, and what is turned away",
    "Golden files and the tester",
    "Rows and values",
)
"""The titles of the parts, from 1 on."""

WRITES = (
    "rows, queries and the two views",
    "what a write says, and how it is executed",
    "order, and outcomes that change",
    "with sessions, exchanges, truncation and retirement",
    "the commands for them",
    "the functions that they call",
)
"""The titles of what is promised of general writes, from 1 on."""

CONSENSUS = (
    "families of scenarios, their lines and limits",
    "lock-step, time bombs and skipped slots",
    "the chat",
    "the lock service",
    "the roles of a single decree",
    "the log of many decrees",
    "a cluster run by hand",
    "checkers, and anybody's history",
)
"""The titles of what is promised of consensus, from 1 on."""

KINDS = ("part", "writes", "consensus")
"""What is promised of: the store, its general writes, and consensus."""

NAMED = re.compile(r"test_(part|writes|consensus)([1-9])_")

INTRODUCTION = """\
# Behaviour

What is promised, and the test that holds it. This page is made from the tests in `tests/behaviour/`, whose
docstrings are the promises: `python -m tests.behaviour_table > docs/behaviour.md` makes it again, and
`.venv/bin/python -m pytest tests/behaviour` runs them all. The rules behind the promises stand in
[how-it-works.md](how-it-works.md), those of general writes in [general-writes.md](general-writes.md),
and those of consensus in [consensus.md](consensus.md).
"""


@dataclass(frozen=True)
class Promise:
    """A promise to users, and the test that holds it; ``part``: of the store ("part"), of general writes or
    of consensus, and its number."""

    part: tuple[str, int]
    text: str
    test: str
    module: str


def promises() -> list[Promise]:
    """Return all promises, part by part, in the order of KINDS, each part in the order of its modules.

    ValueError where a test does not say which part it belongs to, or makes no promise.
    """
    paths = [path for kind in KINDS for path in sorted(TESTS.glob(f"test_{kind}*.py"))]
    found = [promise for path in paths for promise in _promises_of(path)]
    return sorted(found, key=lambda promise: (KINDS.index(promise.part[0]), promise.part[1]))


def _promises_of(path: Path) -> Iterator[Promise]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test"):
            continue
        named = NAMED.match(node.name)
        if named is None:
            raise ValueError(f"{path.name}: {node.name} does not say which part it belongs to")
        text = ast.get_docstring(node)
        if not text:
            raise ValueError(f"{path.name}: {node.name} makes no promise: it has no docstring")
        yield Promise((named[1], int(named[2])), " ".join(text.split()), node.name, path.stem)


def page() -> str:
    """Return the page."""
    found = promises()
    sections = [INTRODUCTION]
    titles = [(("part", part), f"{part}. {title}") for part, title in enumerate(TITLES, start=1)]
    titles += [
        (("writes", part), f"General writes {part}: {title}") for part, title in enumerate(WRITES, start=1)
    ]
    titles += [
        (("consensus", part), f"Consensus {part}: {title}") for part, title in enumerate(CONSENSUS, start=1)
    ]
    for part, title in titles:
        of_part = [promise for promise in found if promise.part == part]
        if of_part:
            sections.append(_section(title, of_part))
    return "\n".join(sections)


def _section(title: str, of_part: list[Promise]) -> str:
    modules = dict.fromkeys(f"`tests/behaviour/{promise.module}.py`" for promise in of_part)
    rows = [f"| {_cell(promise.text)} | `{promise.test}` |" for promise in of_part]
    return "\n".join(
        [
            f"## {title}",
            "",
            f"In {' and '.join(modules)}.",
            "",
            "| promise | test |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def _cell(text: str) -> str:
    """Return a text as the cell of a table."""
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.write(page())
