"""What ``tests/NAME.config`` says about a test."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields, replace
from pathlib import Path

CHECKS = ("diff", "snapshot")


class SetupError(Exception):
    """The directory is not fit for a run; the message says what to do."""


@dataclass(frozen=True)
class Config:
    """How a test is judged, and what its passing is worth.

    - ``group``: tests of a group get a score together; ``weight``: what this one counts in it;
    - ``check``: ``diff`` or ``snapshot`` (bayou.tester.compare);
    - ``args``: what is added to the command, as a shell reads it.
    """

    group: str = ""
    weight: float = 1.0
    check: str = "diff"
    args: str = ""


def read_config(path: Path) -> Config:
    """Read a file of ``key = value`` lines; without the file all is as usual.

    Raises SetupError, naming the line, where one is off.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} can't be read: {error}") from error
    config = Config()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        try:
            if not equals:
                raise ValueError("a line has to be key = value")
            config = _with(config, key, value)
        except ValueError as error:
            raise SetupError(f"{path}:{number}: {line.strip()}: {error}") from error
    return config


def _with(config: Config, key: str, value: str) -> Config:
    if key == "group":
        return replace(config, group=value)
    if key == "args":
        shlex.split(value)  # ValueError where a quotation is open
        return replace(config, args=value)
    if key == "check":
        if value not in CHECKS:
            raise ValueError(f"check has to be one of {', '.join(CHECKS)}")
        return replace(config, check=value)
    if key == "weight":
        weight = float(value)
        if not 0 <= weight < 1e9:
            raise ValueError("a weight has to be a number from 0 on")
        return replace(config, weight=weight)
    raise ValueError(f"there is no {key!r}: the keys are {', '.join(field.name for field in fields(config))}")
