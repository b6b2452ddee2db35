"""A server of the product as far as the commit group goes, without messages and files.

It is made of ``bayou.core.replica.Replica``, ``bayou.node.voting.Voting`` and
``bayou.node.grouping.Grouping``, and does with them what ``bayou.node.server`` does. A step is durable as a
whole or not at all, as it is for the product. It stands beside a server of the model in tests/group_both.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from bayou.core.items import Items
from bayou.core.name import Name as CoreName
from bayou.core.past import Incoming
from bayou.core.replica import Replica
from bayou.core.values import canonical
from bayou.machine.messages import Done
from bayou.node.grouping import Grouping
from bayou.node.records import ConsentGiven, Voted
from bayou.node.voting import Voting
from tests.group_rules import CREATE, GROUP, RETIRE, Broken, Name, Vector

if TYPE_CHECKING:
    from bayou.core.past import Base, BasePosition, Chunk
    from bayou.core.votes import Vote as CoreVote
    from bayou.core.write import Write as CoreWrite

COLLECTION = "c"
KEYS = 5
DELETED = 7
"""One of so many stamps is that of a deletion."""
ROWS_MAX = 1 << 20


class Names(dict[Name, CoreName]):
    """What the product calls a server."""

    def __missing__(self, name: Name) -> CoreName:
        found = self[name] = CoreName.of(name)
        return found


NAMES = Names()


def entries(vector: Vector) -> dict[CoreName, int]:
    """Return a vector as the product lists it."""
    names = NAMES
    return {names[name]: stamp for name, stamp in vector.items()}


class Life:
    """As much as consents need of it."""

    is_leaving = False


class End:
    """What the product tells at the end of an exchange."""

    __slots__ = ("boundary", "csn", "digest", "vector", "votes")

    def __init__(self, real: Real) -> None:
        replica = real.replica
        self.csn = replica.csn
        self.vector = replica.vector
        self.digest = replica.database.digest
        self.boundary = 0 if len(replica.group) == 1 else replica.boundary
        self.votes: tuple[CoreVote, ...] = () if real.voting is None else real.voting.votes.all()


class Rows(NamedTuple):
    """A base on its way: what a receiver lacks that was where it was when it asked, the same from nothing,
    and what belongs to it."""

    rest: list[Chunk]
    whole: list[Chunk]
    base: Base


class Piece(tuple[Any, ...]):
    """An item of an exchange as the model has it, and beside it the product's: with ``csn``, the one before
    it, or that of the sender where it is tentative."""

    real: Any
    csn: int


class Real:
    """A server of the product, as far as the commit group goes: what bayou.node.server does with it."""

    paused = False
    is_unsure = False

    def __init__(self, name: CoreName) -> None:
        self.name = name
        self.life = Life()
        self.durable: list[Any] = []
        self._step: list[Any] = []
        self._committed: list[CoreWrite] = []
        self._tentative: list[CoreWrite] = []
        self._csn = 0
        self._begin()

    def _begin(self) -> None:
        self.replica = Replica(self.name)
        self.voting: Voting | None = None
        self.grouping = Grouping(cast("Any", self))

    def _begin_voting(self) -> Voting:
        if self.voting is None:
            self.voting = Voting(self)
        return self.voting

    def remember(self, fact: object) -> None:
        self._step.append(fact)

    # What it is told to do.

    def accept(self, kind: int, names: tuple[Name, ...]) -> CoreWrite:
        replica = self.replica
        if kind == CREATE:
            return replica.create()
        if kind == RETIRE:
            return replica.retire(NAMES[names[0]] if names else None)
        if kind == GROUP:
            return replica.regroup([NAMES[name] for name in names])
        stamp = replica.clock.now + 1
        key = f"k{stamp % KEYS}"
        return (
            replica.put(COLLECTION, key, canonical(stamp, 1))
            if stamp % DELETED
            else replica.delete(COLLECTION, key)
        )

    def consent(self, epoch: int, *, is_leaving: bool) -> bool:
        self.life.is_leaving = is_leaving
        return isinstance(self.grouping.consent(epoch), Done)

    def truncate(self, csn: int) -> None:
        self.replica.fold(csn)
        self.replica.truncate(csn)

    def settle(self, *, proposes: bool) -> None:
        self._apply()
        self.replica.mark()  # as rounds and gossip have it do
        if self.voting is not None or self.replica.votes:
            voting = self._begin_voting()
            voting.settle()
            while proposes and voting.propose():
                pass

    # Exchanges.

    @property
    def position(self) -> BasePosition | None:
        incoming = self.replica.past.incoming
        return None if incoming is None else incoming.position

    def chunks(self, csn: int, position: BasePosition | None, rows_max: int) -> list[Chunk]:
        """Return rows of the base for a receiver that has ``csn``, and rows up to ``position``."""
        found: list[Chunk] = []
        end: Base | None = None
        incoming = None if position is None else Incoming(position, 0)
        while end is None:
            chunk, end = self.replica.base_chunk(csn, position, rows_max, ROWS_MAX)
            incoming = chunk.incoming(None if chunk.after.is_beginning else incoming)
            position = incoming.position
            found.append(chunk)
        return found

    def take(self, kind: object, csn: int, real: Any) -> None:
        """Take one item; those of a step are processed at once, as those of a message are."""
        if kind == "base":
            self._take_base(real)
        elif kind == "end":
            self._apply()
            self._hear(real)
        elif kind:
            if not self._committed:
                self._csn = csn
            self._committed.append(real)
        else:
            if not self._committed:
                self._csn = csn
            self._tentative.append(real)

    def _take_base(self, rows: Rows) -> None:
        """Take in what a base lacks, where that goes on from what is here, and otherwise all of it."""
        receive = self.replica.receive_base
        if not all(receive(chunk) for chunk in rows.rest) and not all(receive(each) for each in rows.whole):
            raise Broken(f"{self.name} does not take a base of {rows.base.csn} at {self.replica.csn}")
        self.replica.install(rows.base)

    def _apply(self) -> None:
        if self._committed or self._tentative:
            items = Items(self._csn, self._committed, self._tentative)
            self._committed, self._tentative = [], []
            self.replica.apply(items)

    def _hear(self, end: End) -> None:
        replica = self.replica
        replica.compare_digest(end.csn, end.digest)
        replica.learn_boundary(end.boundary)
        if end.votes and (self.voting is not None or replica.votes):
            for vote in end.votes:
                vote.check_held(end.csn, end.vector)
            self._begin_voting().take_in(end.votes)

    # What is durable.

    def end_step(self, *, kept: bool) -> None:
        self._apply()
        records = [*self._step, *self.replica.take_journal()]
        self._step = []
        if self.voting is not None:
            records += self.voting.to_keep()
        if kept:
            self.durable += records

    def restart(self) -> None:
        """Make it again of what is durable."""
        self._step, self._committed, self._tentative = [], [], []
        self._begin()
        voted: Voted | None = None
        for record in self.durable:
            if isinstance(record, Voted):
                voted = record
            elif isinstance(record, ConsentGiven):
                self.grouping.restore(record)
            else:
                self.replica.redo(record)
        self.replica.take_journal()
        if voted is not None:
            self._begin_voting().restore(voted.vote)
