"""What a replica answers to what sessions seldom ask: a page at a time, from what it has and nothing else."""

from __future__ import annotations

from bayou.core.body import STEPS_MAX, BadBody, body_of
from bayou.core.errors import PeerError, require
from bayou.core.past import LAST, NO_LIMIT
from bayou.core.replica import COMMITTED as IS_COMMITTED
from bayou.core.replica import TENTATIVE, UNKNOWN
from bayou.core.rows import CONFLICTS, BadRow, check_row
from bayou.core.seen import check_readable, check_seen
from bayou.core.vector import START, VersionVector
from bayou.core.write import CHANGE, DELETE, PUT
from bayou.node.asks import (
    PAGE_CHARACTERS,
    PAGE_MAX,
    UPDATE_CHARACTERS,
    UPDATE_MAX,
    AwaitCommitted,
    Change,
    Changed,
    Changes,
    Collections,
    Contended,
    FeedPosition,
    Names,
    Outcome,
    Page,
    Pending,
    Row,
    Rows,
    Stand,
    Standing,
    Stands,
    TooOld,
    Update,
    Version,
)
from bayou.node.messages import COMMITTED, FULL, WAIT_MAX_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from bayou._record import Record
    from bayou.core.name import Name
    from bayou.core.past import BaseRow
    from bayou.core.replica import Replica
    from bayou.core.write import Write
    from bayou.node.messages import Ask, Reply

    Made = TypeVar("Made", bound=Record)


CHANGED_MAX = STEPS_MAX
"""How many rows one general write can change at most."""


def answer(replica: Replica, ask: Ask, *, may_wait: bool, is_full: bool = False) -> Reply | None:
    """Return what answers a read; None where it is to be asked again when something has changed, which is so
    only where it ``may_wait``. ``is_full``: whether the server takes no writes for lack of room. PeerError
    for what can't be asked."""
    found = _ANSWERS.get(type(ask))
    if found is None:
        raise PeerError(f"nobody here can answer a request of the kind {type(ask).__name__}")
    view = getattr(ask, "view", FULL)
    if view not in (FULL, COMMITTED):
        raise PeerError(f"a {type(ask).__name__} in the view {view[:20]!r}")
    reply: Reply | None = found(replica, ask, may_wait)
    if is_full and isinstance(reply, Stands):
        return _changed(reply, is_full=True)
    return reply


def wait_s(ask: Ask) -> float:
    """Return for how long an ask may wait, in seconds."""
    return min(ask.wait_s, WAIT_MAX_S) if isinstance(ask, AwaitCommitted | Changes) else 0.0


def update(replica: Replica, ask: Update) -> Write:
    """Accept several writes; return the last one. PeerError, and nothing is accepted, where there is none, or
    one that can't be."""
    characters = sum(len(edit.key) + len(edit.value or "") for edit in ask.edits)
    if not 0 < len(ask.edits) <= UPDATE_MAX or characters > UPDATE_CHARACTERS:
        raise PeerError(f"an update of {len(ask.edits)} writes with {characters} characters")
    try:
        for edit in ask.edits:
            check_row(edit.collection, edit.key, edit.value)
    except BadRow as error:
        raise PeerError(str(error)) from error
    write: Write = None  # type: ignore[assignment]  # there is one edit at least
    for edit in ask.edits:
        row = edit.collection, edit.key
        before: Write | None = write
        write = replica.delete(*row) if edit.value is None else replica.put(*row, edit.value)
        is_next = before is None or write.stamp == before.stamp + 1
        require(is_next, "the clock does not stand still within one step")
    return write


class _Pages:
    """A page that is being filled: ``take`` says whether there was room for one more."""

    def __init__(self, count: int = PAGE_MAX) -> None:
        if count < 1:
            raise PeerError(f"a page of {count} rows")
        self.rows: list[Version] = []
        self._count = min(count, PAGE_MAX)
        self._room = PAGE_CHARACTERS

    def take(self, version: Version) -> bool:
        self._room -= len(version.key) + len(version.value or "")
        if self.rows and (self._room < 0 or len(self.rows) >= self._count):
            return False
        self.rows.append(version)
        return True

    def take_all(self, versions: list[Version]) -> bool:
        """What one write makes of rows is told all together."""
        self._room -= sum(len(version.key) + len(version.value or "") for version in versions)
        if self.rows and versions and (self._room < 0 or len(self.rows) + len(versions) > self._count):
            return False
        self.rows += versions
        return True

    def of(self, versions: Iterable[Version]) -> Page:
        """Return the page that these fill, or all of them."""
        return Page(self.rows, all(self.take(version) for version in versions))


def change(replica: Replica, ask: Change) -> Write:
    """Accept a general write. PeerError, and nothing is accepted, where it is wrong in itself; TurnedDown as
    of bayou.core.replica."""
    try:
        body = body_of(ask.body)
    except BadBody as error:
        raise PeerError(str(error)) from error
    return replica.change(body)


def version_of(write: Write, csn: int = 0) -> Version:
    """Return what a put or delete makes of its row: tentative without a CSN."""
    value: Any = write.value if write.kind == PUT else None
    return Version(write.collection, write.key, value, csn, csn > 0, write.stamp, write.server)


def _row(replica: Replica, ask: Row, may_wait: bool) -> Reply:
    _check_row(ask.collection, ask.key)
    seen = replica.row(ask.collection, ask.key, committed_only=ask.view == COMMITTED)
    return Page([] if seen is None else [_seen(ask.collection, *seen)], True)


def _check_row(collection: str, key: str) -> None:
    try:
        check_seen(collection, key, None)
    except BadRow as error:
        raise PeerError(str(error)) from error


def _seen(collection: str, key: str, value: Any, is_committed: bool, write: Any) -> Version:
    stamp, server = write or (0, None)
    return Version(collection, key, value, 0, is_committed, stamp, server)


def _rows(replica: Replica, ask: Rows, may_wait: bool) -> Reply:
    try:
        check_readable(ask.collection)
    except BadRow as error:
        raise PeerError(str(error)) from error
    seen = replica.rows(ask.collection, ask.prefix, after=ask.after, committed_only=ask.view == COMMITTED)
    return _Pages(ask.count).of(_seen(ask.collection, *row) for row in seen)


def _collections(replica: Replica, ask: Collections, may_wait: bool) -> Reply:
    names = replica.collections(committed_only=ask.view == COMMITTED)
    behind = [name for name in names if name > ask.after]
    return Names(tuple(behind[:PAGE_MAX]), len(behind) <= PAGE_MAX)


def _outcome(replica: Replica, ask: Outcome, may_wait: bool) -> Reply:
    return standing(replica, ask.stamp, ask.server)


def _await(replica: Replica, ask: AwaitCommitted, may_wait: bool) -> Reply | None:
    if may_wait and replica.standing_of(ask.stamp, ask.server)[0] != IS_COMMITTED:
        return None
    return standing(replica, ask.stamp, ask.server)


def standing(replica: Replica, stamp: int, server: Name) -> Standing:
    """Return how the write of that stamp and server stands."""
    from bayou.core.execute import conflict_key

    state, csn = replica.standing_of(stamp, server)
    if state == UNKNOWN:
        return Standing(state, csn)
    log, past = replica.log, replica.past
    write: Write | None = None
    if state == TENTATIVE:
        write = log.find_tentative(stamp, server)
        result = None if write is None else replica.database.result(write)
    elif csn is None:
        csn = past.csn_of(stamp, server)
        result = None if csn is None else past.result(csn)
    else:
        write = log.committed[csn - log.start - 1]
        result = replica.database.result(write)
    plain = () if write is None else tuple((each.collection, each.key) for each in _plain(write))
    outcome, rows = (None, plain) if result is None else result
    is_conflict = replica.get(CONFLICTS, conflict_key(stamp, server)) is not None
    return Standing(state, csn, outcome, tuple(part for row in rows for part in row), is_conflict)


def _pending(replica: Replica, ask: Pending, may_wait: bool) -> Reply:
    log = replica.log
    writes: Iterable[Write] = log.tentative
    if ask.upto is not None:
        listed = zip(ask.upto.names, ask.upto.stamps, strict=True)
        writes = sorted(
            write for name, stamp in listed for write in log.tentative_of(name) if write.stamp <= stamp
        )
    behind = _behind(writes, ask.stamp, ask.server)
    pages = _Pages()
    is_last = all(
        pages.take_all([version_of(each) for each in replica.database.versions(write)]) for write in behind
    )
    return Page(pages.rows, is_last)


def _behind(writes: Iterable[Write], stamp: int, server: Name | None) -> Iterable[Write]:
    """Return the writes behind that one, in accept order."""
    if server is None:
        return writes
    return (write for write in writes if (write.stamp, write.server) > (stamp, server))


def _contended(replica: Replica, ask: Contended, may_wait: bool) -> Reply:
    place = ask.collection, ask.key
    versions = (
        version_of(write)
        for collection, key, writes in replica.database.contended()
        if (collection, key) >= place
        for write in (_behind(writes, ask.stamp, ask.server) if (collection, key) == place else writes)
    )
    return _Pages().of(versions)


def _stand(replica: Replica, ask: Stand, may_wait: bool) -> Reply:
    past = replica.past
    return Stands(
        replica.name,
        replica.csn,
        len(replica.log.tentative),
        replica.group,
        past.omitted_csn,
        past.base.csn,
        past.marks_from,
        False,
    )


# Changes.


def _changes(replica: Replica, ask: Changes, may_wait: bool) -> Reply | None:
    past, since = replica.past, ask.since
    if since is None:
        since = FeedPosition(0, base=past.base.csn)
    if since.csn < 0 or since.base < 0:
        raise PeerError(f"changes since CSN {since.csn}")
    if ask.tentative and since.told is None:
        since = _changed(since, told=START)
    pages = _Pages(ask.count)
    if since.csn > replica.csn:
        return None if may_wait else Changed([], since, True, replica.csn)
    # The present state was told from a base that had all rows which have been told: if one of them is gone
    # since, it went behind that base. Whoever began elsewhere has to hear of all deletions behind it.
    # Of a CSN in the middle of which it stands, deletions may still be to be told.
    whole = since.csn if since.collection == LAST else since.csn - 1
    if max(whole, since.base) < past.marks_from:
        return TooOld(past.marks_from)
    if since.collection != LAST and since.csn > past.base.csn:
        # Another server told it from a base that has come further.
        since = _changed(since, csn=since.csn - 1, collection=LAST, key="")
    is_in_base = (since.csn, since.collection) < (past.base.csn, LAST)
    if is_in_base and (since.base or since.csn < past.omitted_csn or since.collection != LAST):
        changed = _of_base(replica, since, pages)
    else:
        changed = _of_log(replica, since, pages)
    if ask.tentative and not changed.rows and _is_at_end(replica, changed.position):
        changed = _of_suffix(replica, changed.position, _Pages(ask.count))
    return None if may_wait and not changed.rows and _is_at_end(replica, changed.position) else changed


def _is_at_end(replica: Replica, position: FeedPosition) -> bool:
    return position.csn == replica.csn and position.collection == LAST


def _changed(record: Made, **fields: Any) -> Made:
    """Return a record with some fields changed."""
    return type(record)(**{**record.__dict__, **fields})


def _of_base(replica: Replica, since: FeedPosition, pages: _Pages) -> Changed:
    """Return rows that changed behind a position, from the base."""
    past = replica.past
    place = since.csn, since.collection, since.key
    rows = past.rows_after(place, PAGE_MAX + 1, PAGE_CHARACTERS)
    for row in rows:
        if not pages.take(_of_row(row)):
            break
    if pages.rows:
        place = _place(rows[len(pages.rows) - 1])
    behind = past.rows_after(place, 1, 1)
    told = _without_marks(pages.rows, since)
    if not behind:
        return Changed(
            told, _changed(since, csn=past.base.csn, collection=LAST, key="", base=0), True, replica.csn
        )
    csn, collection, key = place
    position = _changed(since, csn=csn, collection=collection, key=key)
    return Changed(told, position, behind[0][3] != csn, replica.csn)


def _without_marks(rows: list[Version], since: FeedPosition) -> list[Version]:
    """Where the present state is told, deletions say nothing up to the base that it was begun with."""
    return [row for row in rows if row.value is not None or row.csn > since.base]


def _of_row(row: BaseRow) -> Version:
    collection, key, value, csn = row
    return Version(collection, key, value, csn, True, 0, None)


def _place(row: BaseRow) -> tuple[int, str, str]:
    return row[3], row[0], row[1]


def _of_log(replica: Replica, since: FeedPosition, pages: _Pages) -> Changed:
    """Return what was committed behind a position, from the log."""
    csn, is_full = since.csn, False
    while csn < replica.csn and not is_full:
        for write in replica.log.stable(csn, min(replica.csn, csn + PAGE_MAX), PAGE_CHARACTERS):
            if not pages.take_all(versions_of(replica, write, csn + 1)):
                is_full = True
                break
            csn += 1
    position = _changed(since, csn=csn, collection=LAST, key="", base=0)
    return Changed(pages.rows, position, True, replica.csn)


def versions_of(replica: Replica, write: Write, csn: int) -> list[Version]:
    """Return what a committed write has made of rows. Of a general one that is folded these are the rows
    which nothing has changed since."""
    if write.kind == CHANGE and csn <= replica.log.start:
        rows = replica.past.rows_after((csn - 1, LAST, ""), CHANGED_MAX, NO_LIMIT)
        return [
            Version(collection, key, value, csn, True, write.stamp, write.server)
            for collection, key, value, changed in rows
            if changed == csn
        ]
    versions = replica.database.versions(write) if csn > replica.log.start else _plain(write)
    return [version_of(version, csn) for version in versions]


def _plain(write: Write) -> tuple[Write, ...]:
    return (write,) if write.kind <= DELETE else ()


def _of_suffix(replica: Replica, since: FeedPosition, pages: _Pages) -> Changed:
    """Return the tentative writes that nobody has told yet. What is known then is what this replica knows,
    less those that did not fit: of each server they come in order."""
    told = since.told
    assert told is not None
    vector = replica.vector
    left: dict[Name, int] = {}
    is_full = False
    for write in replica.log.tentative_beyond(told):
        versions = [version_of(version) for version in replica.database.versions(write)]
        is_full = is_full or not pages.take_all(versions)
        if is_full:
            left.setdefault(write.server, write.stamp - 1)
    if left:
        entries = dict(zip(vector.names, vector.stamps, strict=True))
        vector = VersionVector({**entries, **left})
    return Changed(pages.rows, _changed(since, told=vector), True, replica.csn)


_ANSWERS: dict[type[Ask], Callable[[Replica, Any, bool], Reply | None]] = {
    Row: _row,
    Rows: _rows,
    Collections: _collections,
    Outcome: _outcome,
    AwaitCommitted: _await,
    Pending: _pending,
    Contended: _contended,
    Changes: _changes,
    Stand: _stand,
}
