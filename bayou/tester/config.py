"""What ``tests/NAME.config`` says about a test."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

COMMAND_FILE = "COMMAND"
CHECKS = ("diff", "snapshot")
KEYS = ("group", "weight", "check", "args")


class SetupError(Exception):
    """The directory is not fit for a run; the message says what to do."""


@dataclass(frozen=True)
class Config:
    """How a test is judged, and what its passing is worth.

    - ``group``: tests of a group get a score together; ``weight``: what this one counts in it;
    - ``check``: ``diff`` or ``snapshot`` (bayou.tester.compare);
    - ``args``: what is added to the command, as a shell reads it;
    - ``faults``: what is wrong with the file, each with its line; such a test is not run, it fails.
    """

    group: str = ""
    weight: float = 1.0
    check: str = "diff"
    args: str = ""
    faults: tuple[str, ...] = ()


def read_config(path: Path) -> Config:
    """Read a file of ``key = value`` lines; without the file all is as usual, and what is off is among the
    faults."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except OSError as error:
        return Config(faults=(f"{path} can't be read: {error.strerror}",))
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        return Config(faults=(f"{path}:{number}: a byte that is no UTF-8: save the file as UTF-8",))
    config, faults = Config(), []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        try:
            if not equals:
                raise ValueError("a line has to be key = value")
            config = _with(config, key, value)
        except ValueError as error:
            faults.append(f"{path}:{number}: {line.strip()}: {error}")
    return replace(config, faults=tuple(faults))


def _with(config: Config, key: str, value: str) -> Config:
    if key == "group":
        return replace(config, group=value)
    if key == "args":
        return replace(config, args=_arguments(value))
    if key == "check":
        if value not in CHECKS:
            raise ValueError(f"check has to be one of {', '.join(CHECKS)}")
        return replace(config, check=value)
    if key == "weight":
        return replace(config, weight=_weight(value))
    raise ValueError(f"there is no {key!r}: the keys are {', '.join(KEYS)}")


def _arguments(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError as error:
        raise ValueError(f"a shell can't read that ({error}): close what is open, or quote it") from error
    if "\0" in text:
        raise ValueError("a NUL can't be part of an argument")
    return text


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight < 1e9:
        raise ValueError("a weight has to be a number from 0 on, such as 2.5")
    return weight
