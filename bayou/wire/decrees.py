"""Values of a log, and ballots, as one text each: on the wire, and in journals.

A message may hold hundreds of them, and a text each needs no tuples, of which bayou.wire.scan lets few pass.
"""

from __future__ import annotations

from bayou.paxos.ballot import Ballot
from bayou.paxos.log.messages import Command, Members, NoOp
from bayou.wire.columns import pack_text, unpack_text
from bayou.wire.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.machine.messages import Message

NO_OP = NoOp()
DIGITS_MAX = 20
"""More than a number of 64 bits has."""


def pack_ballot(ballot: Ballot) -> str:
    """Return a ballot as a text: number and node."""
    return f"{ballot[0]} {ballot[1]}"


def unpack_ballot(plain: object) -> Ballot:
    """Return the ballot in such a text; WireError where there is none."""
    if type(plain) is str:
        number, _, node = plain.partition(" ")
        return Ballot(_whole(number), _whole(node))
    raise WireError(f"a {type(plain).__name__} where a ballot is due")


def pack_value(value: Message) -> object:
    """Return a value of a log as a text: what it is, and what is in it."""
    if type(value) is Command:
        return pack_text(f"c {value.client} {value.number} {value.since} {value.text}")
    if type(value) is Members:
        return f"m {' '.join(map(str, value.members))}"
    if type(value) is NoOp:
        return "n"
    raise TypeError(f"{type(value).__name__} is no value of a log")


def unpack_value(plain: object) -> Message:
    """Return the value in such a text; WireError where there is none."""
    text = unpack_text(plain)
    if text[:2] == "c ":
        parts = text.split(" ", 4)
        if len(parts) == 5:
            return Command(_whole(parts[1]), _whole(parts[2]), _whole(parts[3]), parts[4])
    elif text[:2] == "m ":
        return Members(tuple(map(_whole, text[2:].split())))
    elif text == "n":
        return NO_OP
    raise WireError("a text where a value of a log is due")


def pack_values(values: Iterable[Message]) -> object:
    """Return values of a log as texts."""
    return tuple([pack_value(value) for value in values])


def unpack_values(plain: object) -> tuple[Message, ...]:
    """Return the values in such texts; WireError where there is anything else."""
    if type(plain) is not tuple:
        raise WireError(f"a {type(plain).__name__} where values of a log are due")
    return tuple([unpack_value(value) for value in plain])


def _whole(text: str) -> int:
    digits = text[1:] if text[:1] == "-" else text
    if len(digits) > DIGITS_MAX or not (digits.isascii() and digits.isdigit()):
        raise WireError("no whole number in a ballot, or in a value of a log")
    return int(text)
