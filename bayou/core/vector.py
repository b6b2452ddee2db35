"""Version vectors with recursive names (Petersen '97, "Light-weight server creation and retirement").

A vector lists, for each server, the largest accept stamp known. An entry that is missing is ambiguous,
and the server's name decides: R, created by P with stamp t, is missing because

- it **retired** and all its writes are known, where the vector covers P's write t (having processed R's
  creation, only R's retirement can have removed it again);
- it was **never heard of**, otherwise.

P may be missing too; then the same rule decides for P first. A missing root retired, as every vector
starts with an entry for it.
"""

from __future__ import annotations

from bayou.core.errors import require
from bayou.core.name import ROOT, Name
from bayou.core.write import CREATION, RETIREMENT, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING = 0
"""The entry of a server of which nothing has been heard yet; stamps start at 1."""

RETIRED = 1 << 63
"""What a missing entry completes to where the server retired: larger than every stamp."""

STAMP_MAX = (1 << 62) - 1
"""The largest stamp accepted from elsewhere, so that a clock never runs out of room above it."""


DECIDED_MAX = 1 << 14
"""How many missing names a vector remembers the verdict on. No message can name as many, so each verdict that
a message needs is worked out once."""


def decide(entries: Mapping[Name, int], name: Name, decided: dict[Name, int]) -> int:
    """Return what the entry for ``name``, missing from ``entries``, completes to: RETIRED or NOTHING.

    The nearest listed ancestor decides, for all missing names between the two at once. ``decided``
    remembers them, so that going through a long chain of names costs a step for each.
    """
    path = []
    while True:
        path.append(name)
        if name is ROOT:
            verdict = RETIRED
            break
        stamp, name = name.stamp, name.creator
        if name in entries:
            # Covered: that child retired, and so all that descends from it and is missing. Not
            # covered: the child was never heard of, and so none of its descendants.
            verdict = RETIRED if entries[name] >= stamp else NOTHING
            break
        if name in decided:
            verdict = decided[name]
            break
    for missing in path:
        decided[missing] = verdict
    return verdict


def _decided(entries: Mapping[Name, int], name: Name, decided: dict[Name, int]) -> int:
    """As ``decide``, looking into a bounded memory first."""
    value = decided.get(name)
    if value is not None:
        return value
    if len(decided) > DECIDED_MAX:
        decided.clear()
    return decide(entries, name, decided)


class VersionVector:
    """What somebody knows, as an immutable value: the largest stamp known of each server listed.

    Equality and hash follow the meaning of missing entries, not the listing: two vectors are equal
    where each covers the other. There is no ``<``, since two vectors can be concurrent. ``encoded`` is
    for whoever encodes vectors to keep the result with them.

    >>> a = ROOT.child(3)
    >>> early, late = VersionVector({ROOT: 2}), VersionVector({ROOT: 4, a: 5})
    >>> early.completed(a), late.covers(early), early.covers(late)
    (0, True, False)
    >>> VersionVector({ROOT: 4}).completed(a) == RETIRED
    True
    """

    __slots__ = ("_decided", "_entries", "encoded")

    def __init__(self, entries: Mapping[Name, int]) -> None:
        """Take ``entries`` over: the caller must not change it afterwards."""
        self._entries = entries
        self._decided: dict[Name, int] = {}
        self.encoded: object = None

    def completed(self, name: Name) -> int:
        """Return the entry for ``name``; for a missing one RETIRED or NOTHING, as the rule decides.

        Each missing name is decided once for each vector, so that asking for every server of a long
        chain costs a step each.
        """
        value = self._entries.get(name)
        if value is not None:
            return value
        return _decided(self._entries, name, self._decided)

    def covers(self, other: VersionVector) -> bool:
        """Whether all that ``other`` knows is known here, retirements included.

        Over the names listed in either vector, both completed: an entry here that ``other`` lacks
        because it has seen that server retire is knowledge that is missing here.
        """
        if self is other:
            return True
        if not self.covers_listed(other):
            return False
        theirs = other._entries
        return all(
            value >= other.completed(name) for name, value in self._entries.items() if name not in theirs
        )

    def covers_listed(self, other: VersionVector) -> bool:
        """Whether the entries that ``other`` lists are covered here, whatever it leaves out.

        The test for a session's write vector, which is a list of stamps rather than knowledge.
        """
        completed = self.completed
        return all(completed(name) >= stamp for name, stamp in other._entries.items())

    def merged(self, other: VersionVector) -> VersionVector:
        """Return the knowledge of both together; servers that either has seen retire drop out."""
        entries = {name: max(value, other.completed(name)) for name, value in self._entries.items()}
        for name, value in other._entries.items():
            if name not in entries:
                entries[name] = max(value, self.completed(name))
        return VersionVector({name: value for name, value in entries.items() if value != RETIRED})

    def afresh(self) -> VersionVector:
        """Return the same vector without what it remembers of questions, for whoever keeps it for long: that
        may be far more than the vector itself, and whoever asks decides how much."""
        return VersionVector(self._entries)

    @property
    def names(self) -> tuple[Name, ...]:
        """The names listed, in the order in which they were learned."""
        return tuple(self._entries)

    @property
    def stamps(self) -> tuple[int, ...]:
        """The stamps listed, in the same order."""
        return tuple(self._entries.values())

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def _canonical(self) -> frozenset[tuple[Name, int]]:
        """Return the entries less those that say no more than their absence would."""
        return frozenset(
            (name, value)
            for name, value in self._entries.items()
            if value != NOTHING or name is ROOT or self.completed(name.creator) >= name.stamp
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VersionVector):
            return NotImplemented
        return self._entries == other._entries or self._canonical() == other._canonical()

    def __hash__(self) -> int:
        return hash(self._canonical())

    def __deepcopy__(self, memo: object) -> VersionVector:
        return self

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}: {value}" for name, value in sorted(self._entries.items()))
        return f"{{{listed}}}"

    def check(self) -> None:
        """Raise InvariantBroken where this can be nobody's knowledge."""
        for name, value in self._entries.items():
            require(0 <= value <= STAMP_MAX, f"{name} has the stamp {value} in {self}")
            if name is not ROOT:
                known = self.completed(name.creator) >= name.stamp
                if value == NOTHING:
                    require(not known, f"{self} knows the creation of {name}, yet has nothing heard of it")
                else:
                    require(known, f"{self} has heard of {name}, but not of its creation")
                    require(value >= name.stamp, f"{name} is listed below its creation stamp in {self}")


START = VersionVector({ROOT: NOTHING})
"""Nothing heard from the root yet: what the first server and every session know at first."""


class LiveVector:
    """The vector of a replica, changed only by the writes that it processes, one at a time, in an
    order that respects what each of them depends on.

    ``entries`` maps each listed server to the largest stamp known.
    """

    __slots__ = ("_decided", "_snapshot", "entries")

    UNCOMPARED = ("_decided", "_snapshot")

    def __init__(self, entries: dict[Name, int]) -> None:
        self.entries = entries
        self._decided: dict[Name, int] = {}
        self._snapshot: VersionVector | None = None

    @classmethod
    def newborn(cls, name: Name) -> LiveVector:
        """Return the vector of a new server: nothing heard yet of itself and of each ancestor, the root
        first."""
        return cls(dict.fromkeys([*reversed(name.ancestors()), name], NOTHING))

    @classmethod
    def of(cls, vector: VersionVector) -> LiveVector:
        """Return a vector that knows as much as ``vector`` and goes on from there."""
        return cls(dict(vector._entries))

    def learn(self, write: Write) -> None:
        """Process a write: its stamp, and the server that it creates or retires.

        Nothing else ever removes an entry (Petersen '97, "Light-weight server creation and retirement").
        A server that is created takes its place behind those known so far, even where it was listed before
        (in its own vector and its descendants'). So servers that process creations in the same order list the
        same names in the same order, and their vectors, once level, are the same bytes on the wire.
        """
        entries = self.touch()
        if write.kind == RETIREMENT:
            entries.pop(write.server, None)
            return
        entries[write.server] = write.stamp
        if write.kind == CREATION:
            created = write.created
            entries[created] = max(write.stamp, entries.pop(created, NOTHING))

    def touch(self) -> dict[Name, int]:
        """Return the entries for a caller that is about to raise stamps of listed servers itself."""
        self._snapshot = None
        if self._decided:
            self._decided = {}
        return self.entries

    def completed(self, name: Name) -> int:
        """As VersionVector.completed, for the vector as it stands."""
        value = self.entries.get(name)
        return _decided(self.entries, name, self._decided) if value is None else value

    def snapshot(self) -> VersionVector:
        """Return the vector as it stands as an immutable value; the same object until it changes."""
        if self._snapshot is None:
            self._snapshot = VersionVector(dict(self.entries))
        return self._snapshot
