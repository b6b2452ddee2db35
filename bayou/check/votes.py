"""What a trace tells of a commit group: votes and consents, read and checked for their form."""

from __future__ import annotations

from dataclasses import dataclass

from bayou.check.plain import as_int, as_list, as_name, as_vector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]
    Name = tuple[int, ...]
    Ballot = tuple[int, Name]
    Vector = tuple[tuple[Name, int], ...]


@dataclass(frozen=True)
class Decree:
    """What is to be committed behind ``base``: all that the vector ``upto`` knows; accepted under
    ``ballot``."""

    ballot: Ballot
    base: int
    upto: Vector


@dataclass(frozen=True)
class Voted:
    """The vote of a server is durable: the ballot that it has promised in an epoch, and the last decree that
    it accepted. ``again``: as of bayou.check.history.Logged."""

    at: int
    server: int
    epoch: int
    ballot: Ballot
    accepted: Decree | None = None
    again: bool = False

    @property
    def age(self) -> tuple[int, Ballot, Ballot, int]:
        """Of two votes of a server the later one has more of this."""
        last = ((-1, ()), -1) if self.accepted is None else (self.accepted.ballot, self.accepted.base)
        return (self.epoch, self.ballot, *last)


@dataclass(frozen=True)
class Consented:
    """A server does not retire before its epoch is a later one. ``again``: as of
    bayou.check.history.Logged."""

    at: int
    server: int
    epoch: int
    again: bool = False


def voted(at: int, event: Event) -> Voted:
    """Read an event of that kind; errors as of bayou.check.history.History.take."""
    accepted = None
    if event["accepted"] is not None:
        ballot, base, upto = as_list(event["accepted"])
        accepted = Decree(_ballot(ballot), as_int(base), as_vector(upto))
    again = event.get("again") is True
    return Voted(
        at, as_int(event["server"]), as_int(event["epoch"]), _ballot(event["ballot"]), accepted, again
    )


def consented(at: int, event: Event) -> Consented:
    """Read an event of that kind; errors as above."""
    return Consented(at, as_int(event["server"]), as_int(event["epoch"]), event.get("again") is True)


def _ballot(plain: Any) -> Ballot:
    number, leader = as_list(plain)
    return as_int(number), as_name(leader)
