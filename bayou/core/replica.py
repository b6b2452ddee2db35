"""One replica: its log, vector, clock and database, kept in step (Terry '95; Petersen '97)."""

from __future__ import annotations

from bayou.core.clock import LogicalClock
from bayou.core.database import Database
from bayou.core.errors import Misuse, PeerError, require
from bayou.core.items import Items
from bayou.core.log import WriteLog
from bayou.core.name import ROOT, Name
from bayou.core.sortedwrites import SHORT
from bayou.core.vector import NOTHING, LiveVector, VersionVector
from bayou.core.write import CREATION, DELETE, NOTICE, PUT, RETIREMENT, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.values import Value


class Replica:
    """A replica of all rows.

    Its state is a function of the items that it processed, in that order: those it accepted itself,
    those it was told of, and its own marks if it is the primary. ``take_journal`` hands them out, and
    ``apply`` of the same items to a replica of the same name makes the same state again.

    - ``name``: this server's name;
    - ``primary``: who commits, as far as the committed prefix tells: the first server, until the
      committed retirement of a primary names its heir;
    - ``retired``: whether this server's own retirement write has been accepted;
    - ``log``, ``database``, ``clock``: for reading.
    """

    def __init__(self, name: Name, *, short_max: int = SHORT, clock: LogicalClock | None = None) -> None:
        """Make the replica of the server with this name, which has heard of nothing yet.

        ``clock`` gives its accept stamps: a logical one, unless another is given. ``short_max``: see
        bayou.core.sortedwrites.
        """
        self.name = name
        self.primary = ROOT
        self.retired = False
        self.clock = clock or LogicalClock()
        self.clock.saw(0 if name is ROOT else name.stamp)
        self.log = WriteLog(short_max=short_max)
        self.database = Database(short_max=short_max)
        self._vector = LiveVector.newborn(name)
        self._journal: list[Items] = []

    @property
    def csn(self) -> int:
        """The commit sequence number of the last committed write here."""
        return self.log.csn

    @property
    def vector(self) -> VersionVector:
        """What this replica knows, as it stands."""
        return self._vector.snapshot()

    @property
    def is_primary(self) -> bool:
        """Whether it is this server's part to commit."""
        return self.primary is self.name and not self.retired

    @property
    def is_complete(self) -> bool:
        """Whether a new server has processed its own creation write; the first one has none."""
        return self.name is ROOT or self._vector.entries.get(self.name) != NOTHING

    def get(self, collection: str, key: str, *, committed_only: bool = False) -> Value | None:
        """Return the value of a row in the full (or the committed) view, or None."""
        return self.database.get(collection, key, committed_only=committed_only)

    @property
    def has_moved(self) -> bool:
        """Whether something was processed since the journal was last taken."""
        return bool(self._journal)

    def take_journal(self) -> list[Items]:
        """Return what was processed since the last call, for whoever makes it durable."""
        journal, self._journal = self._journal, []
        return journal

    # Accepting writes of its own.

    def put(self, collection: str, key: str, value: Value) -> Write:
        """Accept a put; the primary commits it, and all else that it holds, at once."""
        return self._accept(PUT, collection, key, value)

    def delete(self, collection: str, key: str) -> Write:
        """Accept a delete."""
        return self._accept(DELETE, collection, key, None)

    def create(self) -> Write:
        """Accept a creation write; its ``created`` is the new server's name
        (Petersen '97, "Light-weight server creation and retirement").
        """
        return self._accept(CREATION, "", "", None)

    def retire(self, heir: Name | None) -> Write:
        """Accept this server's own retirement write, after which it accepts nothing more.

        The primary names its ``heir``. Being the primary's, the write is committed with it, so that the
        duty travels in the log: who has processed it knows the next primary, once and for all.
        """
        if self.is_primary and heir is None:
            raise Misuse("the primary can't retire without an heir")
        return self._accept(RETIREMENT, "", "", heir if self.is_primary else None)

    def _accept(self, kind: int, collection: str, key: str, value: Value | Name | None) -> Write:
        if self.retired:
            raise Misuse(f"{self.name} has retired and accepts nothing more")
        write = Write(self.clock.next(), self.name, kind, collection, key, value)
        if self.is_primary:
            self.mark()  # the new write has the largest stamp, so it comes last
            self._journal.append(Items(self.csn, [write], []))
            self._commit_new(write)
        else:
            self._journal.append(Items(self.csn, [], [write]))
            self._add_tentative(write)
        return write

    def mark(self) -> int:
        """As the primary, commit everything tentative in accept order; return how many writes that is.

        Never a part of it. Does nothing elsewhere.
        """
        if not self.is_primary or not self.log.tentative:
            return 0
        csn = self.csn
        writes = self.log.commit_all()
        self.database.commit_all(writes)
        self._journal.append(Items(csn, [write.notice() for write in writes], []))
        return len(writes)

    # Telling and being told.

    def beyond(self, csn: int, vector: VersionVector) -> Items:
        """Return what a replica that has ``csn`` and ``vector`` lacks of this log, nothing that it has."""
        return Items(csn, self.log.committed_beyond(csn, vector), self.log.tentative_beyond(vector))

    def apply(self, items: Items) -> int:
        """Process items from another replica, in order; return how many of them were new.

        What is known already is passed over, creation writes too. If this server becomes the primary by one
        of the items, it commits all that it holds at once.

        Raises PeerError for an item that can't come next: a commit notice with a gap before it, a write of a
        server never heard of (the prefix property rules that out), or a stamp so far ahead that its server
        can't have given it. The items before that one stay.
        """
        done_committed: list[Write] = []
        done_tentative: list[Write] = []
        csn_before, was_primary = self.csn, self.is_primary
        try:
            if items.committed or items.csn > csn_before:
                self._apply_committed(items, done_committed)
            for write in items.tentative:
                if not self._knows(write):
                    self._add_tentative(write)
                    done_tentative.append(write)
        finally:
            if done_committed or done_tentative:
                self._journal.append(Items(csn_before, done_committed, done_tentative))
            if self.is_primary and not was_primary:
                self.mark()
        return len(done_committed) + len(done_tentative)

    def _apply_committed(self, items: Items, done: list[Write]) -> None:
        if items.csn > self.csn:
            raise PeerError(f"commitments from {items.csn + 1} on, where {self.csn + 1} is next")
        already = self.csn - items.csn
        for theirs, ours in zip(items.committed, self.log.committed[items.csn :], strict=False):
            if theirs.stamp != ours.stamp or theirs.server is not ours.server:
                raise PeerError(f"two writes were given the same CSN: {ours} here, {theirs} there")
        for write in items.committed[already:]:
            if write.kind == NOTICE or self._knows(write):
                known = self.log.commit_known(write.stamp, write.server)
                if known.kind <= DELETE:
                    self.database.commit(known)
                done.append(known.notice())
            else:
                self._commit_new(write)
                done.append(write)

    def _check_stamp(self, write: Write) -> None:
        if write.stamp > self.clock.now + 1 and write.stamp > self.clock.latest:
            raise PeerError(
                f"{write} bears a stamp far ahead of the largest seen here, {self.clock.now}: "
                "is the clock of its server right?"
            )

    def _add_tentative(self, write: Write) -> None:
        self._check_stamp(write)
        if write.kind == RETIREMENT and write.heir is not None:
            raise PeerError(f"{write} names an heir, but is not committed")
        self._learn(write)
        self.log.add(write)
        if write.kind <= DELETE:
            self.database.tentative(write)

    def _commit_new(self, write: Write) -> None:
        self._check_stamp(write)
        if write.heir is not None and write.server is not self.primary:
            raise PeerError(f"{write} names an heir, but {self.primary} is the primary")
        self.log.commit_new(write)
        self._learn(write)
        if write.kind <= DELETE:
            self.database.commit_new(write)
        elif write.heir is not None:
            self.primary = write.heir

    def _knows(self, write: Write) -> bool:
        known = self._vector.entries.get(write.server)
        if known is None:
            known = self._vector.completed(write.server)
            if known == NOTHING:
                raise PeerError(f"{write} comes from a server that was never heard of here")
        return known >= write.stamp

    def _learn(self, write: Write) -> None:
        self._vector.learn(write)
        if write.stamp > self.clock.now:
            self.clock.saw(write.stamp)
        if write.kind == RETIREMENT and write.server is self.name:
            self.retired = True

    def check(self) -> None:
        """Raise InvariantBroken unless log, vector, clock and database agree (walks the whole log)."""
        self.log.check()
        self.database.check(self.log.committed, self.log.tentative)
        vector = self.vector
        vector.check()
        known = LiveVector.newborn(self.name)
        for write in sorted(self.log):
            known.learn(write)
            require(write.stamp <= self.clock.now, f"the clock {self.clock.now} is behind {write}")
        require(known.entries == self._vector.entries, f"the vector {vector} is not what the log makes")
        self._check_order()

    def _check_order(self) -> None:
        """Walk the log in its own order: every prefix of it is something that a server can know."""
        primary = ROOT
        walked = LiveVector.newborn(self.name)
        for at, write in enumerate(self.log):
            require(walked.completed(write.server) < write.stamp, f"{write} was known before it came")
            require(write.server in walked.entries, f"{write} precedes the creation of its server")
            walked.learn(write)
            if write.heir is not None:
                require(at < self.csn, f"{write} names an heir, but is not committed")
                require(write.server is primary, f"{write} names an heir without being the primary")
                primary = write.heir
        require(primary is self.primary, f"{self.primary} is not the primary that the committed prefix names")
