"""What the model of the commit group speaks of: names, vectors, writes, votes, and its rules.

See tests/group_model.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Name = tuple[int, ...]
Vector = dict[Name, int]
Ballot = tuple[int, Name]

ROOT: Name = ()
RETIRED = 1 << 62
PUT, CREATE, RETIRE, GROUP = range(4)
NO_BALLOT: Ballot = (-1, ROOT)


class Broken(Exception):
    """What must hold does not."""


class Write(NamedTuple):
    """A write; they are sorted in accept order. ``names``: the members named, or a sole member's heir."""

    stamp: int
    server: Name
    kind: int = PUT
    since: int = 0
    names: tuple[Name, ...] = ()


class Vote(NamedTuple):
    """A vote in an epoch that whoever holds it is in: the ballot promised, and the decree accepted last."""

    ballot: Ballot = (0, ROOT)
    accepted: Ballot = NO_BALLOT
    base: int = -1
    upto: Vector | None = None


ENTERED = Vote()


@dataclass(frozen=True)
class Rules:
    """What makes the group safe, or live; a model without one of them is expected to break."""

    votes_last: bool = True
    """Votes come after all items of an exchange."""
    holds: bool = True
    """Where they do not: at least the writes that a decree names are held before it is used."""
    adopts: bool = True
    """A new leader proposes again what it finds accepted."""
    highest: bool = True
    """Of what it finds, that of the highest ballot."""
    promise_keeps: bool = True
    """A promise keeps what was accepted."""
    accepted_durable: bool = True
    promise_durable: bool = True
    quorum: str = "majority"
    """Or "half", or "f"."""
    one_decree: bool = True
    """A leader proposes one decree for a ballot and base."""
    says_what: bool = True
    """A decree says what it commits, rather than all that one holds."""
    ends: bool = True
    """A decree ends with the first group write that counts."""
    since: bool = True
    """A group write counts in the epoch alone in which it was accepted."""
    consent: bool = True
    """Who is named in a group write has consented."""
    leaves_first: bool = True
    """A member leaves the group before it retires."""
    half_knows: bool = True
    """It retires only when half of the new group is known to know."""
    remembers: bool = True
    """Who was ever a member waits for that, and not only who knows that it left in order to retire."""
    boundary: bool = True
    """Decrees are counted from boundaries rather than from CSNs."""
    once: bool = True
    """A Pull is answered once."""
    tree: bool = True
    """Lock-step: a leader without a majority in its component proposes nothing."""


def completed(vector: Vector, name: Name) -> int:
    """Return an entry, a missing one decided by the entries of its ancestors."""
    value = vector.get(name)
    if value is not None:
        return value
    return RETIRED if not name or completed(vector, name[1:]) >= name[0] else 0


def covers(one: Vector, other: Vector) -> bool:
    """Whether all that ``other`` knows is known to ``one``, retirements included."""
    return all(completed(one, name) >= value for name, value in other.items()) and all(
        name in other or value >= completed(other, name) for name, value in one.items()
    )


def merged(one: Vector, other: Vector) -> Vector:
    """Return what both know together."""
    both = {name: max(value, completed(other, name)) for name, value in one.items()}
    for name, value in other.items():
        if name not in both:
            both[name] = max(value, completed(one, name))
    return {name: value for name, value in both.items() if value != RETIRED}


def learn(vector: Vector, write: Write) -> None:
    """Process a write: the only thing that changes a vector."""
    if write.kind == RETIRE:
        vector.pop(write.server, None)
        return
    vector[write.server] = write.stamp
    if write.kind == CREATE:
        child = (write.stamp, *write.server)
        vector[child] = max(write.stamp, vector.get(child, 0))


def counts(write: Write, epoch: int, group: tuple[Name, ...], rules: Rules) -> bool:
    """Whether a write, committed in that epoch, makes another group."""
    if write.kind == GROUP:
        return write.since == epoch or not rules.since
    return write.kind == RETIRE and write.names != () and group == (write.server,)
