"""Scenarios in files that know the conditions under which they fail."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.judging.began import began, setup_of
from bayou.script.console import read_lines, to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from bayou.worlds.simulated.setup import Setup

HEADER: Final = "# conditions "
"""What the line begins with that tells the conditions; as a comment, it means nothing to the master."""


class Scenario(Record):
    """The lines of a file as `bayou run` reads them, and the conditions that it begins with, if it does."""

    lines: tuple[bytes | None, ...]
    setup: Setup | None

    @property
    def texts(self) -> list[str]:
        """The lines as texts, without those that were too long to be read."""
        return [to_text(line) for line in self.lines if line is not None]


def header(setup: Setup) -> str:
    """Return the line that tells these conditions."""
    return f"{HEADER}{json.dumps(began(setup), separators=(',', ':'))}"


def read_scenario(path: Path) -> Scenario:
    """Read a file. OSError where that can't be done, BayouError where its conditions are none."""
    fd = os.open(path, os.O_RDONLY)
    try:
        lines = tuple(line for _, line in read_lines(fd))
    except OSError as error:  # which does not know the name
        raise BayouError(f"{path} can't be read: {error.strerror}") from error
    finally:
        os.close(fd)
    for number, line in enumerate(lines, start=1):
        if line is not None and line.startswith(HEADER.encode()):
            try:
                return Scenario(lines, setup_of(json.loads(line[len(HEADER) :])))
            except (ValueError, AttributeError, RecursionError) as error:
                raise BayouError(f"{path}:{number}: these are no conditions: {error}") from error
    return Scenario(lines, None)
