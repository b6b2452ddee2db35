"""Scenario lines: which command with which fields, and what is wrong with a line that is none."""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.script.console import to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

COMMENTS = (b"#", b"//")
ID_DIGITS_MAX = 600
LONG_NAME = 40


class BadLine(BayouError):
    """A line that can't be carried out as it stands: the command is skipped, the scenario goes on.

    ``outcome`` says what has become of it, behind the reason.
    """

    outcome = "; skipped"


class BadPart(BadLine):
    """A part of a line can't be carried out; the rest has been."""

    outcome = ""


def _as_it_stands(text: str, field: Field, system: Any) -> str:
    return text


def _nothing(system: Any) -> list[str]:
    return []


class Kind(Record):
    """A kind of field. ``words`` say what it holds.

    ``read`` makes its value from the text, the field and the system under test, which the field has to fit
    (BadLine where it does not); ``takes_rest`` and ``is_optional`` are for the last field of a command: it
    holds the rest of the line as it stands, and may be missing, which makes its text empty; ``offers`` gives
    what may be completed at a prompt.
    """

    words: str
    read: Callable[[str, Field, Any], Any] = _as_it_stands
    takes_rest: bool = False
    is_optional: bool = False
    offers: Callable[[Any], list[str]] = _nothing


class Field(Record):
    """A field of a command: what it is called in the documentation, and its kind."""

    name: str
    kind: Kind


TEXT = Kind("a text without blanks")
REST = Kind("the rest of the line", takes_rest=True)
OPTIONAL = Kind("the rest of the line, which may be empty", takes_rest=True, is_optional=True)


class Command(Record):
    """A command of the scenario language. ``run`` takes what it acts on (the run itself, or the system under
    test) and the values of the fields.

    ``does`` says what it does and ``until`` what has happened when the next command begins (empty where there
    is no next one); ``group`` is the heading under which ``help`` lists it; ``family`` is the family that it
    belongs to, empty for one that all have.
    """

    name: str
    fields: tuple[Field, ...]
    does: str
    until: str
    example: str
    run: Callable[..., None]
    group: str
    family: str = ""

    @property
    def usage(self) -> str:
        """The command with the names of its fields, one that may be empty in brackets."""
        names = (f"[{field.name}]" if field.kind.is_optional else field.name for field in self.fields)
        return " ".join((self.name, *names))


class Line(Record):
    """A scenario line understood as far as can be without looking at the system."""

    command: Command
    fields: tuple[str, ...]
    extra: tuple[str, ...]


def split(line: bytes) -> list[str]:
    """Return the words on a line, none where there is no command on it."""
    if line.lstrip().startswith(COMMENTS):
        return []
    return [to_text(word) for word in line.split()]


def parse(line: bytes, words: Sequence[str], command: Command) -> Line:
    """Return the fields of this command, whose name is the first of the ``words`` on a line; BadLine for too
    few."""
    fields = list(words[1:])
    count = len(command.fields)
    if count and command.fields[-1].kind.takes_rest:
        # As it stands, blanks within it included.
        fields = [to_text(piece) for piece in line.strip().split(None, count)[1:]]
    if len(fields) == count - 1 and command.fields[-1].kind.is_optional:
        fields.append("")
    if len(fields) < count:
        raise BadLine(f"too few fields: the command is {command.usage}")
    return Line(command, tuple(fields[:count]), tuple(fields[count:]))


def shorten(text: str) -> str:
    """Return what somebody wrote as it can be quoted in a message."""
    from bayou._quoting import shorten  # only where something is off

    return shorten(text)


def unknown(name: str, commands: Mapping[str, object]) -> BadLine:
    """Return what is to be said of a command that is none of these: what the user may have meant."""
    from difflib import get_close_matches

    by_lower = {known.lower(): known for known in commands}
    close = get_close_matches(name.lower()[:LONG_NAME], by_lower, n=2, cutoff=0.65)
    if close:
        advice = f"did you mean {' or '.join(by_lower[match] for match in close)}?"
    else:
        advice = f"there are {', '.join(commands)}"
    return BadLine(f"unknown command {shorten(name)!r}: {advice}")


def parse_id(text: str) -> int:
    """Return the id in a field: ASCII digits, perhaps behind a minus; BadLine for anything else."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise BadLine(f"{shorten(text)!r} is no integer, and an id has to be one")
    if len(digits) > ID_DIGITS_MAX:
        raise BadLine(f"an id of {len(digits)} digits; {ID_DIGITS_MAX} are the limit")
    return int(text)


def parse_number(text: str, most: float) -> float:
    """Return the number from 0 to ``most`` in a field; BadLine for anything else."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise BadLine(f"{text!r} is no number from 0 to {most:g}")
    return value
