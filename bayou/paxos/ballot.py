"""Ballots: who tries to get a value decided, and in which attempt."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, NamedTuple

    class _Pair(NamedTuple):
        number: int
        node: int
else:
    from collections import namedtuple

    _Pair = namedtuple("Ballot", ("number", "node"))


class Ballot(_Pair):
    """A proposal number of *Paxos Made Simple*, made unique by the id of the node whose it is: ordered by
    number, then by node. ``Ballot.NONE`` is below all."""

    __slots__ = ()
    NONE: ClassVar[Ballot]


Ballot.NONE = Ballot(0, -1)
