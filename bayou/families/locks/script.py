"""Scripts of clients of a lock service: what stands in a file, step by step.

# asks for lock 3, and waits until it is granted
lock 3
sleep 0.5
unlock 3
"""

from __future__ import annotations

from bayou._record import Record
from bayou.families.locks.table import LOCK, UNLOCK
from bayou.families.log.fields import parse_amount, parse_whole
from bayou.script.grammar import BadLine, shorten, split, unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SLEEP = "sleep"
SECONDS_MAX = 1_000_000.0
STEPS_MAX = 100_000


class Step(Record):
    """A step of a script, which stands on line ``line``: ``verb`` is LOCK or UNLOCK, of lock ``lock``, or
    SLEEP, for so many ``seconds``."""

    line: int
    verb: str
    lock: int = 0
    seconds: float = 0.0


class Off(Record):
    """A line that is no step: its number, what stands there, and what is wrong with it, with a remedy."""

    line: int
    text: str
    why: str


USAGES = {LOCK: f"{LOCK} N", UNLOCK: f"{UNLOCK} N", SLEEP: f"{SLEEP} SECONDS"}
EXAMPLES = {LOCK: "lock 3", UNLOCK: "unlock 3", SLEEP: "sleep 0.5"}
"""What a line can be, by its first word."""


def read_script(lines: Iterable[tuple[int, bytes | None]]) -> tuple[list[Step], list[Off]]:
    """Return the steps of a script, and the lines of it that are none. ``lines`` come with their numbers,
    None for one that was too long to be read."""
    steps: list[Step] = []
    off: list[Off] = []
    for number, line in lines:
        words = [] if line is None else split(line)
        try:
            if line is None:
                raise BadLine("the line is too long")
            if words:
                steps.append(_step(number, words))
            if len(steps) > STEPS_MAX:
                raise BadLine(f"a script has at most {STEPS_MAX:,} steps: make several of it")
        except BadLine as error:
            off.append(Off(number, shorten(" ".join(words)), str(error)))
            if len(steps) > STEPS_MAX:
                break
    return steps, off


def _step(number: int, words: list[str]) -> Step:
    verb, fields = words[0], words[1:]
    usage = USAGES.get(verb)
    if usage is None:
        raise BadLine(f"{_advice(verb)}; a line is one of {', '.join(USAGES.values())}, or a comment")
    comment = next((at for at, word in enumerate(fields) if word.startswith(("#", "//"))), None)
    if comment is not None:
        raise BadLine("a comment has a line of its own")
    if len(fields) != 1:
        raise BadLine(f"{'too many fields' if fields else 'a field is missing'}: the command is {usage}")
    text = fields[0]
    try:
        if verb == SLEEP:
            return Step(number, SLEEP, seconds=parse_amount(text, SECONDS_MAX))
        return Step(number, verb, lock=read_lock(text))
    except BadLine as error:
        raise BadLine(f"{error}: the command is {usage}, as in {EXAMPLES[verb]!r}") from error


def _advice(verb: str) -> str:
    return str(unknown(verb, USAGES)).split(": there are ")[0]


def read_lock(text: str) -> int:
    """Return the number of a lock in a field; BadLine where it is none."""
    number = parse_whole(text)
    if number < 0:
        raise BadLine(f"locks are numbered from 0, and {shorten(text)} is below")
    return number
