"""Scenario lines: which command with which fields, and what is wrong with a line that is none."""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.master.console import to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

COMMENTS = (b"#", b"//")
ID_DIGITS_MAX = 600
LONG_NAME = 40

# Kinds of fields. An id has to fit the system as it stands; a text is anything without blanks.
NEW_ID = "a new id"
SERVER_ID = "the id of a server"
CLIENT_ID = "the id of a client"
NODE_ID = "the id of a server or client"
NODE_OR_ALL = "the id of a server or client, or * for all, those that join later included"
TEXT = "a text without blanks"
REST = "the rest of the line"
OPTIONAL = "the rest of the line, which may be empty"


class BadLine(BayouError):
    """A line that can't be carried out as it stands: the command is skipped, the scenario goes on."""


class Field(Record):
    """A field of a command: what it is called in the documentation, and its kind."""

    name: str
    kind: str


class Command(Record):
    """A command of the scenario language. ``run`` takes the run and the fields, ids as numbers.

    ``does`` says what it does and ``until`` what has happened when the next command begins (empty where there
    is no next one); ``group`` is the heading under which ``help`` lists it.
    """

    name: str
    fields: tuple[Field, ...]
    does: str
    until: str
    example: str
    run: Callable[..., None]
    group: str

    @property
    def usage(self) -> str:
        """The command with the names of its fields, one that may be empty in brackets."""
        names = (f"[{field.name}]" if field.kind == OPTIONAL else field.name for field in self.fields)
        return " ".join((self.name, *names))


class Line(Record):
    """A scenario line understood as far as can be without looking at the system."""

    command: Command
    fields: tuple[str, ...]
    extra: tuple[str, ...]


def parse(line: bytes, commands: Mapping[str, Command]) -> Line | None:
    """Return the command on a line, None where there is none to carry out.

    Raises BadLine for an unknown command or too few fields.
    """
    words = [to_text(word) for word in line.split()]
    if not words or line.lstrip().startswith(COMMENTS):
        return None
    name, *fields = words
    try:
        command = commands[name]
    except KeyError:
        raise BadLine(f"unknown command {_shorten(name)!r}: {_suggest(name, commands)}") from None
    count = len(command.fields)
    if count and command.fields[-1].kind in (REST, OPTIONAL):
        # As it stands, blanks within it included.
        fields = [to_text(piece) for piece in line.strip().split(None, count)[1:]]
        if len(fields) < count and command.fields[-1].kind == OPTIONAL:
            fields.append("")
    if len(fields) < count:
        raise BadLine(f"too few fields: the command is {command.usage}")
    return Line(command, tuple(fields[:count]), tuple(fields[count:]))


def _shorten(text: str) -> str:
    from bayou._quoting import shorten  # only where something is off

    return shorten(text)


def _suggest(name: str, commands: Mapping[str, Command]) -> str:
    """Return what the user may have meant."""
    from difflib import get_close_matches

    by_lower = {known.lower(): known for known in commands}
    close = get_close_matches(name.lower()[:LONG_NAME], by_lower, n=2, cutoff=0.65)
    if close:
        return f"did you mean {' or '.join(by_lower[match] for match in close)}?"
    return f"there are {', '.join(commands)}"


def parse_id(text: str) -> int:
    """Return the id in a field: ASCII digits, perhaps behind a minus; BadLine for anything else."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise BadLine(f"{_shorten(text)!r} is no integer, and an id has to be one")
    if len(digits) > ID_DIGITS_MAX:
        raise BadLine(f"an id of {len(digits)} digits; {ID_DIGITS_MAX} are the limit")
    return int(text)


def resolve(field: Field, text: str, kind_of: Callable[[int], str | None]) -> Any:
    """Return the value of a field: the id as a number (None for all nodes), or the text.

    ``kind_of`` tells whether an id is a ``server``, a ``client`` or unknown (None). Raises BadLine where
    the field does not fit.
    """
    if field.kind in (TEXT, REST, OPTIONAL):
        return text
    if field.kind == NODE_OR_ALL and text == "*":
        return None
    number = parse_id(text)
    kind = kind_of(number)
    if field.kind == NEW_ID:
        if kind is not None:
            raise BadLine(f"the id {number} is in use, by a {kind}")
    elif kind is None:
        raise BadLine(f"nobody has the id {number} now: it has not joined, or has retired")
    elif kind == "crashed server":
        raise BadLine(f"server {number} has crashed: restartServer {number} brings it back")
    elif (field.kind == SERVER_ID and kind != "server") or (field.kind == CLIENT_ID and kind != "client"):
        raise BadLine(f"{number} is a {kind}, and {field.name} has to be {field.kind}")
    return number
