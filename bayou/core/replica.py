"""One replica: its log, vector, clock and database, kept in step (Terry '95; Petersen '97)."""

from __future__ import annotations

from bayou.core.clock import LogicalClock
from bayou.core.database import Database
from bayou.core.errors import MissingFunction, Misuse, PeerError, TurnedDown, require
from bayou.core.items import Items
from bayou.core.log import WriteLog
from bayou.core.name import ROOT, Name
from bayou.core.past import (
    Base,
    BasePosition,
    Bounded,
    Chunk,
    Folded,
    IncomingDropped,
    Installed,
    MarksDropped,
    MemoryPast,
    Truncated,
    check_base,
    check_chunk,
    members_made,
)
from bayou.core.sortedwrites import SHORT
from bayou.core.table import value_of
from bayou.core.vector import NOTHING, STAMP_MAX, LiveVector, VersionVector
from bayou.core.write import CHANGE, CREATION, DELETE, GROUP, NOTICE, PUT, RETIREMENT, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bayou.core.body import Body
    from bayou.core.database import Seen
    from bayou.core.functions import Functions
    from bayou.core.group import Group
    from bayou.core.past import BaseRow, Past, Result
    from bayou.core.values import Value

    Journaled = Items | Chunk | Folded | Truncated | MarksDropped | IncomingDropped | Installed | Bounded

UNKNOWN = "unknown"
TENTATIVE = "tentative"
COMMITTED = "committed"


class Replica:
    """A replica of all rows.

    Its state is a function of the items that it processed, in that order: those it accepted itself, those it
    was told of, and its own marks if it is the primary; and of what became of its past. ``take_journal``
    hands all that out, and doing the same with a replica of the same name makes the same state again
    (``apply`` of items, ``redo`` of the rest).

    - ``name``: this server's name;
    - ``group``: who commits, as far as the committed prefix tells (bayou.core.group): the first server
      alone, until a committed write makes another group;
    - ``epoch``: the CSN of that write, at first 0; ``left``: the last epoch in which this server was in a
      group that has since been changed to one without it, as far as it has seen that itself;
    - ``votes``: whether there has been a group write that counted, or may have been: members of groups of one
      vote too then, so that those who were members before hear that they are there;
    - ``retired``: whether this server's own retirement write has been accepted;
    - ``log``, ``database``, ``clock``, ``past``: for reading.
    """

    def __init__(
        self,
        name: Name,
        *,
        short_max: int = SHORT,
        clock: LogicalClock | None = None,
        past: Past | None = None,
        functions: Functions | None = None,
    ) -> None:
        """Make the replica of the server with this name, which has heard of nothing beyond the base of
        ``past``: of nothing at all where none is given.

        ``clock`` gives its accept stamps: a logical one, unless another is given. ``short_max``: see
        bayou.core.sortedwrites. ``functions``: those that general writes may call here.
        """
        self.name = name
        self._functions = functions
        self.past: Past = MemoryPast() if past is None else past
        self.retired = False
        self.clock = clock or LogicalClock()
        self.clock.saw(0 if name is ROOT else name.stamp)
        self.log = WriteLog(self.past, short_max=short_max)
        self.database = Database(self.past, short_max=short_max, functions=functions)
        self.group: tuple[Name, ...] = (ROOT,)
        self.epoch = 0
        self.left: int | None = None
        self.votes = False
        self._bound = 0
        self._group_writes: list[Write] = []
        self._vector = LiveVector.newborn(name)
        self._journal: list[Journaled] = []
        self._needs: dict[tuple[str, int], int] = {}  # the last CSN for each
        self._needs_csn = 0
        if self.past.base.csn:
            self._stand_on(self.past.base)

    @property
    def csn(self) -> int:
        """The commit sequence number of the last committed write here."""
        return self.log.csn

    @property
    def vector(self) -> VersionVector:
        """What this replica knows, as it stands."""
        return self._vector.snapshot()

    @property
    def primary(self) -> Name | None:
        """Who commits, where the group has one member; otherwise None."""
        return self.group[0] if len(self.group) == 1 else None

    @property
    def is_primary(self) -> bool:
        """Whether it is this server's part alone to commit."""
        return self.group[0] is self.name and len(self.group) == 1 and not self.retired

    @property
    def is_in_group(self) -> bool:
        """Whether it is one of the servers that commit together."""
        return self.name in self.group and not self.retired

    @property
    def boundary(self) -> int:
        """The CSN at which the last decree ends that is here whole; the CSN itself while the group has one
        member. Where an exchange broke off in the middle of a decree there are commitments beyond it."""
        return self.csn if len(self.group) == 1 else max(self._bound, self.epoch)

    @property
    def is_complete(self) -> bool:
        """Whether a new server has processed its own creation write; the first one has none."""
        return self.name is ROOT or self._vector.entries.get(self.name) != NOTHING

    def get(self, collection: str, key: str, *, committed_only: bool = False) -> Value | None:
        """Return the value of a row in the full (or the committed) view, or None."""
        return self.database.get(collection, key, committed_only=committed_only)

    def row(self, collection: str, key: str, *, committed_only: bool = False) -> Seen | None:
        """Return a row as it is seen in the full (or the committed) view, or None: see
        bayou.core.database."""
        return self.database.row(collection, key, committed_only=committed_only)

    def rows(
        self,
        collection: str,
        prefix: str = "",
        *,
        after: str | None = None,
        count: int | None = None,
        committed_only: bool = False,
    ) -> Iterator[Seen]:
        """Go through the rows whose keys begin with ``prefix``, in the order of keys, up to ``count`` of
        them, those behind the key ``after`` where that is not None. Nothing may be processed meanwhile."""
        return self.database.rows(collection, prefix, after=after, count=count, committed_only=committed_only)

    def collections(self, *, committed_only: bool = False) -> list[str]:
        """Return the collections that have rows in that view, in order."""
        return self.database.collections(committed_only=committed_only)

    def standing_of(self, stamp: int, server: Name) -> tuple[str, int | None]:
        """Return how the write of that stamp and server stands here, and its CSN where it was committed
        beyond the base: UNKNOWN where the vector does not cover it, TENTATIVE where it is in the suffix,
        else COMMITTED."""
        if not 0 < stamp <= STAMP_MAX or self._vector.completed(server) < stamp:
            return UNKNOWN, None
        if self.log.is_tentative(stamp, server):
            return TENTATIVE, None
        return COMMITTED, self.log.csn_of(stamp, server)

    def result_at(self, csn: int) -> Result | None:
        """Return what the general write of that CSN came to; None for another write."""
        if csn <= self.log.start:
            return self.past.result(csn)
        return self.database.result(self.log.committed[csn - self.log.start - 1])

    @property
    def has_moved(self) -> bool:
        """Whether something was processed since the journal was last taken."""
        return bool(self._journal)

    def take_journal(self) -> list[Journaled]:
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

    def change(self, body: Body) -> Write:
        """Accept a general write (Terry '95, "Dependency checks", "Merge procedures"). TurnedDown, and
        nothing is accepted, for one that calls a function which is missing here, or raises what is not Unfit,
        or returns what is no list of updates."""
        if body.needs:
            self._try_out(body)
        return self._accept(CHANGE, "", "", body.text)  # type: ignore[arg-type]  # it has the form of one

    def _try_out(self, body: Body) -> None:
        """Raise TurnedDown for a general write that must not enter the log."""
        from bayou.core.body import BadBody

        functions = self._functions
        missing = body.needs[0] if functions is None else functions.missing(body)
        if missing is not None:
            raise TurnedDown(str(MissingFunction(*missing)))
        if functions is not None:
            try:
                self.database.try_out(body, functions.strict)
            except BadBody as error:
                raise TurnedDown(str(error)) from error

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
        self.mark()  # perhaps to a group without it
        if self.is_primary and heir is None:
            raise Misuse("the primary can't retire without an heir")
        return self._accept(RETIREMENT, "", "", heir if self.is_primary else None)

    def regroup(self, members: Iterable[Name]) -> Write:
        """Accept a group write: these servers are to commit from then on, if it counts. BadGroup for members
        that can't be a group; PeerError for a server that was never heard of here, or has retired. The
        primary marks first what it holds, which may end its epoch."""
        self.mark()
        text = self.check_group(members).text
        return self._accept(GROUP, "", "", text)  # type: ignore[arg-type]  # it has the form of a value

    def check_group(self, members: Iterable[Name]) -> Group:
        """Return the group of these members that could be made now; errors as of ``regroup``."""
        from bayou.core.group import Group, sorted_members

        group = Group(self.epoch, sorted_members(members))
        for member in group.members:
            if member not in self._vector.entries:
                raise PeerError(f"{member} is no server that is known here")
        return group

    @property
    def needs(self) -> list[tuple[str, int]]:
        """The functions, by name and version, that writes in the log call, as far as that is kept, in order.
        (Looks at each committed write once.)"""
        from bayou.core.body import CALLS, body_of

        def called(write: Write) -> tuple[tuple[str, int], ...]:
            is_call = write.kind == CHANGE and CALLS in write.value  # type: ignore[operator]  # never a name
            return body_of(write.value).needs if is_call else ()  # type: ignore[arg-type]

        csn, omitted = max(self._needs_csn, self.past.omitted_csn), self.past.omitted_csn
        while csn < self.csn:
            for write in self.log.stable(csn, self.csn):
                csn += 1
                self._needs.update(dict.fromkeys(called(write), csn))
        self._needs_csn = csn
        self._needs = {each: last for each, last in self._needs.items() if last > omitted}
        tentative = {each for write in self.log.tentative for each in called(write)}
        return sorted({*self._needs, *tentative})

    def _accept(self, kind: int, collection: str, key: str, value: Value | Name | None) -> Write:
        if self.retired:
            raise Misuse(f"{self.name} has retired and accepts nothing more")
        write = Write(self.clock.next(), self.name, kind, collection, key, value)
        if self.is_primary:
            self.mark()  # the new write has the largest stamp, so it comes last
        if self.is_primary:
            self._journal.append(Items(self.csn, [write], []))
            self._commit_new(write)
        else:
            self._journal.append(Items(self.csn, [], [write]))
            self._add_tentative(write)
        self.database.settle()
        return write

    def mark(self) -> int:
        """As the primary, commit everything tentative in accept order; return how many writes that is.

        Never a part of it, but for one case: what stands behind a group write that counts is for the group
        which that makes. Does nothing elsewhere.
        """
        count = 0
        while self.is_primary and self.log.tentative:
            if any(write.kind == GROUP and members_made(write, self.epoch) for write in self._group_writes):
                count += self._commit_known([*self.log.tentative])
                continue
            csn = self.csn
            self.database.settle()
            writes = self.log.commit_all()
            self.database.commit_all(writes)
            self._group_writes.clear()
            self._journal.append(Items(csn, [write.notice() for write in writes], []))
            count += len(writes)
        return count

    def decide(self, base: int, upto: VersionVector) -> int:
        """Commit what a decree says that was decided for this boundary: all tentative writes that ``upto``
        knows, in accept order, up to and including the first group write that counts (bayou.core.votes).
        Return how many that is.

        Whoever holds a decree holds all writes that it names, and has committed perhaps some of them already:
        or all of them, and the first ones of the next decree. The boundary is where this one ends.
        """
        require(base == self.boundary, f"a decree for {base}, where {self.boundary} is the boundary")
        completed, epoch, end = upto.completed, self.epoch, base
        for write in self.log.committed[base - self.log.start :]:
            if completed(write.server) < write.stamp:
                self._bound_at(end)
                return 0
            end += 1
        count = self._commit_known(
            [write for write in self.log.tentative if completed(write.server) >= write.stamp]
        )
        if self.epoch == epoch:
            self._bound_at(self.csn)
        return count + self.mark()

    def _commit_known(self, writes: list[Write]) -> int:
        """Commit tentative writes, up to and including the first group write that counts."""
        csn, epoch, count = self.csn, self.epoch, 0
        self.database.settle()
        for write in writes:
            self._commit_held(write)
            count += 1
            if self.epoch != epoch:
                break
        if count:
            self._journal.append(Items(csn, [write.notice() for write in writes[:count]], []))
            self.database.settle()
        return count

    def _commit_held(self, notice: Write) -> None:
        """Commit the tentative write that this one is, or is a notice of."""
        is_first = self.log.is_first(notice.stamp, notice.server)
        write = self.log.commit_known(notice.stamp, notice.server)
        if write.kind <= DELETE or write.kind == CHANGE:
            self.database.commit(write, is_first=is_first)
        elif write.kind == GROUP:
            self._group_writes.remove(write)
            self._regroup(write)

    def learn_boundary(self, boundary: int) -> None:
        """Learn that a decree ends there: of a server from which an exchange is complete."""
        if boundary > self.csn:
            raise PeerError(f"a decree that ends at {boundary}, where {self.csn} is the CSN of an exchange")
        if len(self.group) > 1:
            self._bound_at(boundary)

    def _bound_at(self, csn: int) -> None:
        if csn > self.boundary:
            self._bound = csn
            self._journal.append(Bounded(csn))

    def _regroup(self, write: Write) -> None:
        """Take notice of the group that a write makes, which is the last one committed."""
        members = members_made(write, self.epoch)
        if members is not None:
            if self.name in self.group and self.name not in members:
                self.left = self.epoch
            self.group, self.epoch = members, self.csn
            self.votes = self.votes or write.kind == GROUP

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
        can't have given it; MissingFunction for a general write that can't be carried out here. The items
        before that one stay.
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
                self.database.settle()
            if self.is_primary and not was_primary:
                self.mark()
            incoming = self.past.incoming
            if incoming is not None and self.csn >= incoming.position.seen > incoming.position.since:
                self.drop_incoming()  # the log has told all that these rows would
        return len(done_committed) + len(done_tentative)

    def _apply_committed(self, items: Items, done: list[Write]) -> None:
        if items.csn > self.csn:
            raise PeerError(f"commitments from {items.csn + 1} on, where {self.csn + 1} is next")
        already = self.csn - items.csn
        if already and items.committed:
            self._compare(items)
        for write in items.committed[already:]:
            if write.kind == NOTICE or self._knows(write):
                self._commit_held(write)
                done.append(write.notice())
            else:
                self._commit_new(write)
                done.append(write)

    def compare_digest(self, csn: int, digest: str) -> None:
        """Raise PeerError where another server of the same CSN came to something else with the general
        writes up to it."""
        if csn == self.csn and digest != self.database.digest:
            raise PeerError(
                f"two servers of CSN {csn} disagree on what its general writes came to: a function differs "
                "between them, or one of them is damaged"
            )

    def _compare(self, items: Items) -> None:
        """Raise PeerError where a commitment that is known already is another one here, as far as it is
        kept."""
        skipped = max(0, self.past.omitted_csn - items.csn)
        csn, stop = items.csn + skipped, min(self.csn, items.csn + len(items.committed))
        while csn < stop:
            known = self.log.stable(csn, stop)
            for theirs, ours in zip(items.committed[csn - items.csn :], known, strict=False):
                if theirs.stamp != ours.stamp or theirs.server is not ours.server:
                    raise PeerError(f"two writes were given the same CSN: {ours} here, {theirs} there")
            csn += len(known)

    def _check_stamp(self, write: Write) -> None:
        if write.stamp > self.clock.now + 1 and write.stamp > self.clock.latest:
            raise PeerError(
                f"{write} bears a stamp far ahead of the largest seen here, {self.clock.now}: "
                "is the clock of its server right?"
            )

    def _check_functions(self, write: Write) -> None:
        """Raise MissingFunction for a general write that can't be carried out here."""
        from bayou.core.body import body_of

        body = body_of(write.value)  # type: ignore[arg-type]  # that of a change is never a name
        if body.needs:
            missing = body.needs[0] if self._functions is None else self._functions.missing(body)
            if missing is not None:
                raise MissingFunction(*missing)

    def _add_tentative(self, write: Write) -> None:
        self._check_stamp(write)
        if write.kind == CHANGE:
            self._check_functions(write)
        if write.kind == RETIREMENT and write.heir is not None:
            raise PeerError(f"{write} names an heir, but is not committed")
        self._learn(write)
        self.log.add(write)
        if write.kind <= DELETE or write.kind == CHANGE:
            self.database.tentative(write)
        elif write.kind == GROUP:
            self._group_writes.append(write)

    def _commit_new(self, write: Write) -> None:
        self._check_stamp(write)
        if write.kind == CHANGE:
            self._check_functions(write)
        if write.heir is not None and write.server is not self.primary:
            raise PeerError(f"{write} names an heir, but {self.primary} is the primary")
        self.log.commit_new(write)
        self._learn(write)
        if write.kind <= DELETE or write.kind == CHANGE:
            self.database.commit_new(write)
        elif write.kind >= RETIREMENT:
            self._regroup(write)

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

    # Its past (Petersen '97, "Write-log truncation").

    def fold(self, upto: int | None = None, *, rows_max: int | None = None) -> int:
        """Move the base on to the CSN ``upto``, or as far as there is something, by ``rows_max`` versions of
        rows at most; return its CSN. Only what is kept already is folded, and nothing beyond the boundary: so
        every base ends where a decree does."""
        return self._fold(min(self.boundary, self.csn if upto is None else upto), rows_max)

    def _fold(self, upto: int, rows_max: int | None = None) -> int:
        log, past = self.log, self.past
        stop = min(upto, past.kept_csn)
        if rows_max is not None:
            stop = min(stop, log.start + self._fitting(rows_max))
        if stop <= log.start:
            return log.start
        csn = log.start
        writes = log.fold(stop)
        rows: dict[tuple[str, str], BaseRow] = {}
        results: list[tuple[int, Result]] = []
        digest = past.base.digest
        for write in writes:
            csn += 1
            result = self.database.result(write)
            if result is not None:
                results.append((csn, result))
                digest = self.database.digest_after(write)
            for version in self.database.versions(write):
                row = version.collection, version.key
                rows[row] = (*row, value_of(version), csn)
        past.fold(writes, [rows[row] for row in sorted(rows)], past.base.after(writes, digest), results)
        self.database.fold(writes)
        self._journal.append(Folded(stop))
        return stop

    def _fitting(self, rows_max: int) -> int:
        """Return how many writes beyond the base can be folded in one go, of which each makes a row at least:
        one, and then as many as make ``rows_max`` versions of rows."""
        count, left = 0, rows_max
        for write in self.log.committed[:rows_max]:
            left -= max(1, len(self.database.versions(write)))
            if left < 0 and count:
                break
            count += 1
        return count

    def truncate(self, upto: int) -> int:
        """Let go of the writes up to that CSN, as far as they are folded; return what is omitted then."""
        past = self.past
        upto = min(upto, past.base.csn)
        if upto > past.omitted_csn:
            past.truncate(upto)
            self._journal.append(Truncated(upto))
        return past.omitted_csn

    def drop_marks(self, upto: int) -> None:
        """Let go of the deletion marks up to that CSN, as far as they are in the base."""
        past = self.past
        upto = min(upto, past.base.csn)
        if upto > past.marks_from:
            past.drop_marks(upto)
            self._journal.append(MarksDropped(upto))

    def base_chunk(
        self, csn: int, position: BasePosition | None, rows_max: int, characters_max: int
    ) -> tuple[Chunk, Base | None]:
        """Return rows of the base for a receiver that has ``csn``, and has received up to ``position``; with
        the last of them what belongs to the base. It goes on only where nothing that it would tell is
        gone."""
        past = self.past
        base, marks_from = past.base, past.marks_from
        if position is None or not self._can_continue(position):
            position = BasePosition.beginning(csn if csn >= marks_from else 0)
        rows = past.rows_after(position.place, rows_max, characters_max)
        place = (rows[-1][3], rows[-1][0], rows[-1][1]) if rows else position.place
        is_last = not rows or not past.rows_after(place, 1, characters_max)
        return Chunk(position, rows, base.csn, marks_from), base if is_last else None

    def _can_continue(self, position: BasePosition) -> bool:
        if self.past.base.csn < position.seen:
            return False  # rows that have changed since would never come again
        # Marks that are gone told of deletions: the receiver has got beyond them, or never had the rows.
        # By its place alone a transfer from nothing would begin afresh with each chunk, where marks are gone.
        marks_from = self.past.marks_from
        from_nothing = position.is_beginning and not position.since
        # One general write changes several rows: of the CSN of its last row the receiver may lack others.
        whole = position.csn if position.is_beginning else position.csn - 1
        return from_nothing or marks_from <= max(whole, position.floor)

    def receive_base(self, chunk: Chunk) -> bool:
        """Take in rows of a base that is being received; return whether they were the next ones. Rows of a
        transfer that begins afresh take the place of all that came in before. They change nothing else."""
        check_chunk(chunk)
        before, after = self.past.incoming, chunk.after
        if before is None or (before.position.since, before.position.place) != (after.since, after.place):
            if not after.is_beginning:
                return False
            if after.since > self.csn:
                raise PeerError(f"what changed since {after.since}, where {self.csn} is known")
            before = None
        elif chunk.base < before.position.seen:
            if not after.is_beginning:
                return False  # asked for before rows of a newer base came, and late
            before = None
        self.past.receive(chunk, chunk.incoming(before))
        self._journal.append(chunk)
        return True

    def drop_incoming(self) -> None:
        """Throw away what has come in of a base."""
        if self.past.incoming is not None:
            self.past.forget_incoming()
            self._journal.append(IncomingDropped())

    def install(self, base: Base) -> bool:
        """Let the rows that have come in be the base, which ``base`` belongs to, if that is newer than what
        is here; return whether it was. Tentative writes that the base does not have stay tentative.

        To be called only where all that was processed before is kept.
        """
        check_base(base)
        past, incoming = self.past, self.past.incoming
        if incoming is None or base.csn <= self.csn:
            self.drop_incoming()
            return False
        if base.csn < incoming.position.seen:
            raise PeerError(f"a base of CSN {base.csn} ends a transfer that was of {incoming.position.seen}")
        if not base.vector.covers(past.base.vector) or any(
            base.vector.completed(write.server) < write.stamp for write in self.log.committed
        ):
            raise PeerError(f"a base of CSN {base.csn} lacks what was committed before")
        if base.clock > self.clock.now + 1 and base.clock > self.clock.latest:
            raise PeerError(f"a base with a stamp far ahead of the largest seen here: {base.clock}")
        was_primary = self.is_primary
        marks_from = incoming.marks_from
        if incoming.position.since:
            folded = self._fold(self.csn)  # whatever the boundary: the base that comes in ends at one
            require(folded == self.csn, "a base was to be installed before all was kept")
            marks_from = max(marks_from, past.marks_from)
        past.install(base, marks_from)
        gone = self.log.begin_anew(base.csn, base.vector)
        self.database.begin_anew(gone, self.log.tentative)
        self.database.settle()
        self._journal.append(Installed(base, len(self.log.tentative)))
        self._stand_on(base)
        if self.is_primary and not was_primary:
            self.mark()
        return True

    def _stand_on(self, base: Base) -> None:
        """Know what a base does. Never its sender's vector, which may know more, nor the base's alone, which
        knows less than this server may: what both know, completed by the same rule."""
        self._vector = LiveVector.of(self.vector.merged(base.vector))
        if self.name in self.group and self.name not in base.group:
            self.left = self.epoch
        self.group, self.epoch = base.group, base.epoch
        self.votes = self.votes or base.epoch > 0
        self._bound = base.csn
        self._group_writes = [write for write in self.log.tentative if write.kind == GROUP]
        self.clock.saw(base.clock)
        if self.name not in self._vector.entries:
            self.retired = True

    def redo(self, record: Journaled) -> None:
        """Do again what was journaled before a crash."""
        if isinstance(record, Items):
            self.apply(record)
        elif isinstance(record, Folded):
            self._fold(record.upto)
        elif isinstance(record, Truncated):
            self.truncate(record.upto)
        elif isinstance(record, MarksDropped):
            self.drop_marks(record.upto)
        elif isinstance(record, Chunk):
            self.receive_base(record)
        elif isinstance(record, Installed):
            self.install(record.base)
        elif isinstance(record, Bounded):
            self._bound = record.csn
        else:
            self.drop_incoming()

    def check(self) -> None:
        """Raise InvariantBroken unless log, vector, clock and database agree (walks the whole log)."""
        self.log.check()
        self.past.check()
        self.database.check(self.log.committed, self.log.tentative)
        base = self.past.base
        require(self.log.start == base.csn, "the log goes on from another base than there is")
        vector = self.vector
        vector.check()
        known = self._known_by_base()
        for write in [*self.log.committed, *self.log.tentative]:
            known.learn(write)
            require(write.stamp <= self.clock.now, f"the clock {self.clock.now} is behind {write}")
        require(base.clock <= self.clock.now, f"the clock {self.clock.now} is behind the base")
        require(known.entries == self._vector.entries, f"the vector {vector} is not what the log makes")
        self._check_order()

    def _known_by_base(self) -> LiveVector:
        base = self.past.base
        newborn = LiveVector.newborn(self.name)
        return LiveVector.of(newborn.snapshot().merged(base.vector)) if base.csn else newborn

    def _check_order(self) -> None:
        """Walk the log beyond the base in its own order: every prefix of it is something that a server can
        know."""
        group, epoch = self.past.base.group, self.past.base.epoch
        walked = self._known_by_base()
        for at, write in enumerate([*self.log.committed, *self.log.tentative], self.log.start):
            require(walked.completed(write.server) < write.stamp, f"{write} was known before it came")
            require(write.server in walked.entries, f"{write} precedes the creation of its server")
            walked.learn(write)
            if write.heir is not None:
                require(at < self.csn, f"{write} names an heir, but is not committed")
                require(group == (write.server,), f"{write} names an heir without being the primary")
            members = members_made(write, epoch) if at < self.csn else None
            if members is not None:
                group, epoch = members, at + 1
        require(
            (group, epoch) == (self.group, self.epoch),
            f"{self.group} since {self.epoch} is not the group that the committed prefix names",
        )
        require(
            sorted(self._group_writes) == [write for write in self.log.tentative if write.kind == GROUP],
            "the tentative group writes are not those of the suffix",
        )
        require(self.past.base.csn <= self.boundary <= self.csn, f"the boundary is {self.boundary}")
