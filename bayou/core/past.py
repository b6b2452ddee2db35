"""The past of a replica: its committed prefix up to a base, as rows instead of writes (Petersen '97,
"Write-log truncation").

Three numbers say how much of the past there is, always ``omitted_csn <= base.csn <= CSN``:

- ``omitted_csn``: the writes up to there are gone from the log; those behind it are kept in full;
- ``base.csn``: the rows are the database as it stood then. A replica holds what was committed later, and what
  is tentative, in front of it;
- ``marks_from``: the deletion marks up to there are gone (``marks_from <= base.csn``).

A row remembers the CSN of the write that changed it last; one that was deleted leaves a mark, a row without a
value. So what changed since any CSN from ``marks_from`` on can be told in rows alone.

``MemoryPast`` keeps all of it in lists and dicts; a store that keeps it in a file does the same
(bayou.storage). Both change when they are told to; whoever drives the replica makes durable what it has
journaled before anybody hears of it.
"""

from __future__ import annotations

from _bisect import bisect_left, bisect_right  # the C half: see docs/decisions/0002-start-time.md

from bayou._record import Record
from bayou.core.errors import InvariantBroken, PeerError, require
from bayou.core.name import ROOT
from bayou.core.vector import STAMP_MAX, START, LiveVector, VersionVector
from bayou.core.write import CHANGE, GROUP, PUT, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from bayou.core.name import Name, ServerNames
    from bayou.core.rows import Collection
    from bayou.core.values import Value

    BaseRow = tuple[Collection, str, Value | None, int]
    """A row of the base: collection, key, value (None: a deletion mark), and the CSN that changed it last."""

    Result = tuple[int, tuple[tuple[Collection, str], ...]]
    """What a general write came to (bayou.core.execute): its outcome, and the rows that it changed."""

    Results = Iterable[tuple[int, Result]]
    """What several came to, by their CSNs."""

    Place = tuple[int, Collection, str]
    """Where one stands among the rows of a base in the order of (csn, collection, key): behind that row."""

    class Past(Protocol):
        """What a replica needs of its past, wherever that is kept.

        - ``omitted_csn``, ``base``, ``marks_from``: see above;
        - ``incoming``: how far a base has come in that another server is sending, None where none is;
        - ``kept_csn``: up to which CSN the writes are kept already, so that they can be folded.
        """

        @property
        def omitted_csn(self) -> int: ...
        @property
        def base(self) -> Base: ...
        @property
        def marks_from(self) -> int: ...
        @property
        def incoming(self) -> Incoming | None: ...
        @property
        def kept_csn(self) -> int: ...

        def committed(self, start: int, stop: int, characters_max: int) -> list[Write]:
            """Return the writes with the CSNs ``start`` + 1 to ``stop``, from ``omitted_csn`` to
            ``base.csn`` at most: fewer where keys and values grow beyond ``characters_max``, but one at
            least."""

        def row(self, collection: Collection, key: str) -> BaseRow | None:
            """Return a row of the base, or its mark, or None."""

        def rows_after(self, place: Place, rows_max: int, characters_max: int) -> list[BaseRow]:
            """Return the rows and marks behind ``place``, in the order of (csn, collection, key): as many as
            fit, one at least where there is one."""

        def rows_under(
            self, collection: Collection, prefix: str, after: str | None, rows_max: int
        ) -> list[BaseRow]:
            """Return rows whose keys begin with ``prefix``, in the order of keys, those behind the key
            ``after`` where that is not None; no marks."""

        def collections(self) -> list[Collection]:
            """Return the collections that have rows, in order."""

        def mark_csn(self, kept: int) -> int | None:
            """Return the CSN of the newest deletion mark that is not among the ``kept`` newest ones; None
            where there are no more than that."""

        def row_count(self) -> int:
            """Return how many rows there are, marks not counted. May take a step for each."""

        def csn_of(self, stamp: int, server: Name) -> int | None:
            """Return the CSN of that write where it is one from ``omitted_csn`` to ``base.csn``, else None.
            May take a step for each."""

        def result(self, csn: int) -> Result | None:
            """Return what the general write with that CSN came to, from ``omitted_csn`` to ``base.csn``; of
            another write, None."""

        def fold(
            self, writes: Sequence[Write], rows: Sequence[BaseRow], base: Base, results: Results = ()
        ) -> None:
            """Move the base on: ``writes`` are all from there to ``base.csn``, ``rows`` what they make of
            rows, ``results`` what the general writes among them came to."""

        def truncate(self, upto: int) -> None:
            """Let go of the writes up to that CSN."""

        def drop_marks(self, upto: int) -> None:
            """Let go of the deletion marks up to that CSN."""

        def receive(self, chunk: Chunk, incoming: Incoming) -> None:
            """Add rows of a base that is being received, after which it has come in as far as ``incoming``
            says; rows that were there of another transfer go first where ``chunk`` begins afresh."""

        def forget_incoming(self) -> None:
            """Throw away what has come in of a base."""

        def install(self, base: Base, marks_from: int) -> None:
            """Let the rows that have come in take the place of all rows, or, where they are what changed
            since some CSN, of those rows; no write is left, and ``base`` is what they are the base of."""

        def check(self) -> None:
            """Raise InvariantBroken where it contradicts itself (may walk all of it)."""


LAST = "~"
"""Stands behind the name of every collection: (csn, LAST, "") is behind all rows of that CSN."""


class Base(Record):
    """What belongs to the rows of a base: the CSN up to which they are what the prefix makes, the vector of
    that prefix, the group and the epoch that it names (bayou.core.group), the largest stamp in it, and the
    digest of what its general writes came to (bayou.core.executions)."""

    csn: int
    vector: VersionVector
    group: ServerNames
    epoch: int
    clock: int
    digest: str = ""

    @property
    def key(self) -> None:
        """As a record, it never takes the place of another one."""
        return None

    def after(self, writes: Iterable[Write], digest: str = "") -> Base:
        """Return the base behind these writes, committed next in this order, which has that digest where
        there are general writes among them."""
        learned = LiveVector.of(self.vector)
        csn, group, epoch, clock = self.csn, self.group, self.epoch, self.clock
        for write in writes:
            csn += 1
            learned.learn(write)
            clock = max(clock, write.stamp)
            members = members_made(write, epoch)
            if members is not None:
                group, epoch = members, csn
        return Base(csn, learned.snapshot(), group, epoch, clock, digest or self.digest)


def members_made(write: Write, epoch: int) -> tuple[Name, ...] | None:
    """Return the members of the group that a write makes where it is committed in that epoch; None where it
    makes none (bayou.core.group)."""
    if write.kind == GROUP:
        from bayou.core.group import group_of  # most systems have none, and start-up time counts

        group = group_of(write.value)  # type: ignore[arg-type]  # never a name
        return group.members if group.since == epoch else None
    return None if write.heir is None else (write.heir,)


NO_BASE = Base(0, START, (ROOT,), 0, 0)


class BasePosition(Record):
    """How far a base has come in: what changed since the receiver's own CSN ``since`` (0: rows from
    nothing), behind the row (``csn``, ``collection``, ``key``). ``seen``: the largest CSN of a base that any
    chunk was of, at first ``since``. ``floor``: whatever was deleted up to there, what has come in does not
    have: ``since``, or from nothing the smallest CSN of a base that any chunk was of, at first 0."""

    since: int
    csn: int
    collection: str
    key: str
    seen: int
    floor: int

    @property
    def place(self) -> Place:
        """Behind which row."""
        return self.csn, self.collection, self.key

    @classmethod
    def beginning(cls, since: int) -> BasePosition:
        """Return the position of a transfer that begins afresh."""
        return cls(since, since, LAST, "", since, since)

    @property
    def is_beginning(self) -> bool:
        """Whether nothing has come in."""
        return self.place == (self.since, LAST, "")


class Bounded(Record):
    """A record of a replica: the last decree that it has whole ends at the CSN ``csn``
    (bayou.core.replica)."""

    csn: int

    @property
    def key(self) -> None:
        """It never takes the place of another one."""
        return None


class Incoming(Record):
    """A base that is coming in: how far, and the largest ``marks_from`` that any sender of a part had."""

    position: BasePosition
    marks_from: int


class Chunk(Record):
    """Rows of a base on their way: those behind ``after`` (of a transfer of what changed since
    ``after.since``), in the order of (csn, collection, key), by a sender whose base is that of the CSN
    ``base`` and has no marks up to ``marks_from``. ``after.seen`` and ``after.floor`` are no matter."""

    after: BasePosition
    rows: list[BaseRow]
    base: int
    marks_from: int

    @property
    def key(self) -> None:
        """As a record, it never takes the place of another one."""
        return None

    def incoming(self, before: Incoming | None) -> Incoming:
        """Return how far a transfer has come with this chunk, ``before`` which it had come so far: None where
        it begins with this one."""
        since, floor = self.after.since, self.base
        seen = max(self.base, since if before is None else before.position.seen)
        if since:
            floor = since
        elif before is not None:
            floor = min(before.position.floor, self.base)
        csn, collection, key = self.after.place
        if self.rows:
            collection, key, _, csn = self.rows[-1]
        marks_from = max(self.marks_from, 0 if before is None else before.marks_from)
        return Incoming(BasePosition(since, csn, collection, key, seen, floor), marks_from)


# What a replica journals of its past. Whoever restores it carries the same out again, in the same order.


class _Step(Record):
    @property
    def key(self) -> None:
        """As a record, it never takes the place of another one."""
        return None


class Folded(_Step):
    """The base was moved on to that CSN."""

    upto: int


class Truncated(_Step):
    """The writes up to that CSN were let go of."""

    upto: int


class MarksDropped(_Step):
    """The deletion marks up to that CSN were let go of."""

    upto: int


class IncomingDropped(_Step):
    """What had come in of a base was thrown away."""


class Installed(_Step):
    """What had come in of a base has become the base, and so many writes stayed tentative."""

    base: Base
    tentative: int


NO_LIMIT = (1 << 62) - 1
CSN_MAX = NO_LIMIT


def row_size(row: BaseRow) -> int:
    """Return how many characters key and value of a row have."""
    value = row[2]
    return len(row[1]) + (0 if value is None else len(value))


def write_size(write: Write) -> int:
    """Return how many characters key and value of a write have."""
    return len(write.key) + (len(write.value) if isinstance(write.value, str) else 0)


class MemoryPast:
    """A past in memory. At first it is empty, and as long as nothing is folded it stays so."""

    __slots__ = ("_incoming_rows", "_keys", "_order", "_results", "_rows", "_writes", "base", "incoming",
                 "marks_from", "omitted_csn")  # fmt: skip

    UNCOMPARED = ("_keys", "_order")

    kept_csn = NO_LIMIT

    def __init__(self) -> None:
        self.omitted_csn = 0
        self.marks_from = 0
        self.base = NO_BASE
        self.incoming: Incoming | None = None
        self._writes: list[Write] = []
        self._results: dict[int, Result] = {}
        self._rows: dict[tuple[str, str], BaseRow] = {}
        self._incoming_rows: dict[tuple[str, str], BaseRow] = {}
        self._order: list[Place] | None = None
        self._keys: dict[str, list[str]] | None = None

    def committed(self, start: int, stop: int, characters_max: int) -> list[Write]:
        require(self.omitted_csn <= start, f"the writes after {start} are gone up to {self.omitted_csn}")
        found = self._writes[start - self.omitted_csn : stop - self.omitted_csn]
        for at, write in enumerate(found):
            characters_max -= write_size(write)
            if characters_max < 0:
                return found[: max(at, 1)]
        return found

    def row(self, collection: Collection, key: str) -> BaseRow | None:
        return self._rows.get((collection, key))

    def rows_after(self, place: Place, rows_max: int, characters_max: int) -> list[BaseRow]:
        if self._order is None:
            self._order = sorted((csn, *row) for row, (_, _, _, csn) in self._rows.items())
        start = bisect_right(self._order, place)
        found = [self._rows[row[1], row[2]] for row in self._order[start : start + rows_max]]
        for at, row in enumerate(found):
            characters_max -= row_size(row)
            if characters_max < 0:
                return found[: max(at, 1)]
        return found

    def _sorted_keys(self) -> dict[str, list[str]]:
        if self._keys is None:
            self._keys = {}
            for collection, key in sorted(self._rows):
                if self._rows[collection, key][2] is not None:
                    self._keys.setdefault(collection, []).append(key)
        return self._keys

    def rows_under(
        self, collection: Collection, prefix: str, after: str | None, rows_max: int
    ) -> list[BaseRow]:
        keys = self._sorted_keys().get(collection, [])
        start = bisect_left(keys, prefix)
        if after is not None:
            start = max(start, bisect_right(keys, after))
        found = []
        for key in keys[start : start + rows_max]:
            if not key.startswith(prefix):
                break
            found.append(self._rows[collection, key])
        return found

    def collections(self) -> list[Collection]:
        return list(self._sorted_keys())

    def mark_csn(self, kept: int) -> int | None:
        marks = sorted(csn for _, _, value, csn in self._rows.values() if value is None)
        return marks[-kept - 1] if len(marks) > kept else None

    def row_count(self) -> int:
        return sum(value is not None for _, _, value, _ in self._rows.values())

    def _changed(self) -> None:
        self._order = self._keys = None

    def csn_of(self, stamp: int, server: Name) -> int | None:
        for csn, write in enumerate(self._writes, self.omitted_csn + 1):
            if write.stamp == stamp and write.server is server:
                return csn
        return None

    def result(self, csn: int) -> Result | None:
        return self._results.get(csn)

    def fold(
        self, writes: Sequence[Write], rows: Sequence[BaseRow], base: Base, results: Results = ()
    ) -> None:
        self._writes.extend(writes)
        self._results.update(results)
        for row in rows:
            self._rows[row[0], row[1]] = row
        self.base = base
        self._changed()

    def truncate(self, upto: int) -> None:
        del self._writes[: upto - self.omitted_csn]
        self._results = {csn: result for csn, result in self._results.items() if csn > upto}
        self.omitted_csn = upto

    def drop_marks(self, upto: int) -> None:
        self._rows = {at: row for at, row in self._rows.items() if row[2] is not None or row[3] > upto}
        self.marks_from = upto
        self._changed()

    def receive(self, chunk: Chunk, incoming: Incoming) -> None:
        if chunk.after.is_beginning:
            self._incoming_rows.clear()
        for row in chunk.rows:
            self._incoming_rows[row[0], row[1]] = row
        self.incoming = incoming

    def forget_incoming(self) -> None:
        self._incoming_rows = {}
        self.incoming = None

    def install(self, base: Base, marks_from: int) -> None:
        if self.incoming is not None and self.incoming.position.since:
            self._rows.update(self._incoming_rows)
        else:
            self._rows = self._incoming_rows
        self.forget_incoming()
        self._writes.clear()
        self._results.clear()
        self.base = base
        self.omitted_csn = base.csn
        self.drop_marks(marks_from)  # another sender of a part may have told some that this one had not

    def check(self) -> None:
        """Raise InvariantBroken unless the numbers are in order, and the rows are what the writes make of
        them that are still here."""
        base = self.base
        require(self.omitted_csn + len(self._writes) == base.csn, "the writes do not reach up to the base")
        require(0 <= self.omitted_csn <= base.csn, "more is omitted than there is in the base")
        require(0 <= self.marks_from <= base.csn, "marks were dropped beyond the base")
        base.vector.check()
        for write in self._writes:
            require(base.vector.completed(write.server) >= write.stamp, f"the base lacks {write}")
            require(write.stamp <= base.clock, f"the clock of the base is behind {write}")
        for (collection, key), row in self._rows.items():
            require(row[:2] == (collection, key) and 0 < row[3] <= base.csn, f"the base has {row}")
            require(row[2] is not None or row[3] > self.marks_from, f"the mark {row} was to be dropped")
        changes = [
            csn for csn, write in enumerate(self._writes, self.omitted_csn + 1) if write.kind == CHANGE
        ]
        require(changes == sorted(self._results), "the outcomes are not those of the general writes")
        self._check_rows(is_plain=not changes)
        if not self.omitted_csn:
            made = NO_BASE.after(self._writes, base.digest)
            require(made == base, "the base is not what its prefix makes")

    def _check_rows(self, *, is_plain: bool) -> None:
        """Compare the rows with what the writes make of them that are still here. What general writes made of
        rows that are gone can't be told (``is_plain``: there are none)."""
        if not is_plain and self.omitted_csn:
            return
        from bayou.core.body import body_of  # as in checks alone
        from bayou.core.replay import Replay

        replay = Replay(None, None)
        latest: dict[tuple[str, str], tuple[Write, int]] = {}
        for csn, write in enumerate(self._writes, self.omitted_csn + 1):
            if write.kind == CHANGE and body_of(write.value).needs:  # type: ignore[arg-type]
                return
            executed = replay.execute(write)
            if executed is not None:
                require(executed.outcome == self._results[csn][0], f"{write} has another outcome")
            latest.update({row: (version, csn) for row, version in replay.versions.items()})
        for (collection, key), (write, csn) in latest.items():
            row = self._rows.get((collection, key))
            if write.kind == PUT:
                require(row == (collection, key, write.value, csn), f"{write} is not what the base has")
            elif csn > self.marks_from:
                require(row == (collection, key, None, csn), f"{write} left no mark")
        for row in self._rows.values():
            require(row[3] <= self.omitted_csn or row[:2] in latest, f"nothing made {row}")


def check_position(position: BasePosition | None) -> None:
    """Raise PeerError for a position that nobody can have reached."""
    if position is None:
        return
    in_order = 0 <= position.since <= position.csn <= position.seen <= CSN_MAX
    if not in_order or not position.since <= position.floor <= position.seen:
        raise PeerError(f"a position in a base that nobody can have reached: {position.place[0]}")


def check_base(base: Base) -> None:
    """Raise PeerError for what can't belong to a base."""
    if not 0 < base.csn <= CSN_MAX or not 0 <= base.clock <= STAMP_MAX:
        raise PeerError(f"a base of CSN {base.csn} with the clock {base.clock}")
    if not 0 <= base.epoch <= base.csn or not base.group or list(base.group) != sorted(set(base.group)):
        raise PeerError(f"a base of CSN {base.csn} with a group that can be none")
    try:
        base.vector.check()
    except InvariantBroken as error:
        raise PeerError(f"the vector of a base can be nobody's knowledge: {error}") from error


def check_chunk(chunk: Chunk) -> None:
    """Raise PeerError for rows that no base can have, or in no order that a sender gives them."""
    after = chunk.after
    if not 0 <= after.since <= after.csn <= CSN_MAX:
        raise PeerError(f"rows behind a position that nobody can have reached: {after.csn}")
    last = chunk.after.place
    for collection, key, _, csn in chunk.rows:
        place = (csn, collection, key)
        if not last < place or csn > chunk.base:
            raise PeerError(
                f"the row {collection}/{key[:40]} of CSN {csn} out of order in a base of {chunk.base}"
            )
        last = place
    if not 0 <= chunk.marks_from <= chunk.base <= CSN_MAX:
        raise PeerError(f"a base of CSN {chunk.base} without marks up to {chunk.marks_from}")
