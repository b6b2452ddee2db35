"""What a session asks for each call of a store: generators that give out what is to be asked of a server, and
are sent what it replies. So the same steps serve threads and asyncio alike."""

from __future__ import annotations

from time import monotonic

from bayou.core.name import commits
from bayou.core.past import LAST
from bayou.core.replica import COMMITTED as IS_COMMITTED
from bayou.core.vector import VersionVector
from bayou.library.access import shown_change, shown_outcome
from bayou.library.errors import Error, TooOld
from bayou.library.records import WriteId
from bayou.node import asks
from bayou.node.messages import COMMITTED, FULL, WAIT_MAX_S, Delete, Put, Written
from bayou.wire.exports import parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Any, TypeVar

    from bayou.core.body import Body
    from bayou.core.database import Seen
    from bayou.library.access import Edit, Told
    from bayou.library.records import Change, Outcome
    from bayou.node.messages import Ask, Reply

    Made = TypeVar("Made")
    Kind = TypeVar("Kind", bound=Reply)
    Plan = Generator[Ask, Reply | None, Made]

UPDATE_CHARACTERS = asks.UPDATE_CHARACTERS // 2
"""How many characters one request for several writes has; there is room for one more write."""

EDITS_MAX = asks.UPDATE_MAX


def row(collection: str, key: str, *, committed: bool) -> Plan[Seen | None]:
    """Ask for a row."""
    page = _of(asks.Page, (yield asks.Row(collection, key, _view(committed=committed))))
    return _seen(page.rows[0]) if page.rows else None


def page(collection: str, prefix: str, after: str | None, count: int, *, committed: bool) -> Plan[list[Seen]]:
    """Ask for rows, until there are so many."""
    found: list[Seen] = []
    view = _view(committed=committed)
    while len(found) < count:
        ask = asks.Rows(collection, prefix, after, count - len(found), view)
        reply = _of(asks.Page, (yield ask))
        found += map(_seen, reply.rows)
        if reply.is_last:
            break
        after = found[-1][0]
    return found


def write(edits: Sequence[Edit]) -> Plan[list[WriteId]]:
    """Write, in one request, or a few where there is very much."""
    made: list[WriteId] = []
    at = 0
    while at < len(edits):
        part, room = [edits[at]], UPDATE_CHARACTERS
        for edit in edits[at + 1 : at + EDITS_MAX]:
            room -= len(edit[1]) + len(edit[2] or "")
            if room < 0:
                break
            part.append(edit)
        at += len(part)
        written = _of(Written, (yield _write_ask(part)))
        first = written.stamp - len(part) + 1
        made += [WriteId(first + number, repr(written.server)) for number in range(len(part))]
    return made


def _write_ask(edits: list[Edit]) -> Ask:
    if len(edits) > 1:
        return asks.Update(tuple(asks.Edit(*edit) for edit in edits))
    collection, key, value = edits[0]
    return Delete(collection, key) if value is None else Put(collection, key, value)


def change(body: Body) -> Plan[WriteId]:
    """Make a general write. ValueError for one that the server turns down."""
    reply = yield asks.Change(body.text)
    if isinstance(reply, asks.NotTaken):
        raise ValueError(reply.why)
    written = _of(Written, reply)
    return WriteId(written.stamp, repr(written.server))


def remove(collection: str, key: str) -> Plan[Seen | None]:
    """Delete a row that is there, and return it."""
    seen = yield from row(collection, key, committed=False)
    if seen is not None:
        yield from write([(collection, key, None)])
    return seen


def collections() -> Plan[list[str]]:
    """Ask for the names of collections."""
    found: list[str] = []
    while True:
        reply = _of(asks.Names, (yield asks.Collections(found[-1] if found else "")))
        found += reply.names
        if reply.is_last:
            return found


def pending(written: VersionVector) -> Plan[list[Told]]:
    """Ask for the session's own writes that are tentative, where ``written`` is its write vector."""
    found: list[Told] = []
    stamp, server = 0, None
    while True:
        reply = _of(asks.Page, (yield asks.Pending(written, stamp, server)))
        found += map(_told, reply.rows)
        if reply.is_last or not reply.rows:
            return found
        stamp, server = reply.rows[-1].stamp, reply.rows[-1].server


def contended() -> Plan[list[tuple[str, str, list[Told]]]]:
    """Ask for the rows that have tentative writes of several servers."""
    found: dict[tuple[str, str], list[Told]] = {}
    ask = asks.Contended()
    while True:
        reply = _of(asks.Page, (yield ask))
        for version in reply.rows:
            found.setdefault((version.collection, version.key), []).append(_told(version))
        if reply.is_last or not reply.rows:
            return [(*row, writes) for row, writes in found.items()]
        last = reply.rows[-1]
        ask = asks.Contended(last.collection, last.key, last.stamp, last.server)


def outcome(write: WriteId) -> Plan[Outcome]:
    """Ask how a write stands."""
    standing = _of(asks.Standing, (yield asks.Outcome(write.stamp, parse_name(write.server))))
    return shown_outcome(standing)


def wait_committed(write: WriteId, until: float | None) -> Plan[Outcome | None]:
    """Ask until a write is committed."""
    server = parse_name(write.server)
    while True:
        wait_s = WAIT_MAX_S if until is None else min(WAIT_MAX_S, max(0.0, until - monotonic()))
        reply = _of(asks.Standing, (yield asks.AwaitCommitted(write.stamp, server, wait_s)))
        if reply.state == IS_COMMITTED:
            return shown_outcome(reply)
        if until is not None and monotonic() >= until:
            return None


class RemoteFeed:
    """How far a session has read changes."""

    def __init__(self, since: int | None, *, committed: bool) -> None:
        self._position = None if since is None else asks.FeedPosition(since)
        self._is_tentative = not committed

    def more(self, until: float | None) -> Plan[list[Change]]:
        """Ask for the next changes. TooOld where that can't be told."""
        while True:
            wait_s = WAIT_MAX_S if until is None else min(WAIT_MAX_S, max(0.0, until - monotonic()))
            ask = asks.Changes(self._position, asks.PAGE_MAX, wait_s, self._is_tentative)
            reply = yield ask
            if isinstance(reply, asks.TooOld):
                raise TooOld(
                    f"what was deleted before {reply.marks_from} is no longer known there: begin afresh, "
                    "with since=None"
                )
            changed = _of(asks.Changed, reply)
            is_new = changed.position != self._position
            self._position = changed.position
            if changed.rows:
                return _changes(changed)
            is_at_end = changed.position.csn >= changed.csn and changed.position.collection == LAST
            if (is_at_end or not is_new) and until is not None and monotonic() >= until:
                return []


def _changes(changed: asks.Changed) -> list[Change]:
    """Return changes, each with where to resume behind it: not between rows that one write has changed."""
    rows, found = changed.rows, []
    for at, version in enumerate(rows):
        is_last = rows[at + 1].csn != version.csn if at + 1 < len(rows) else changed.is_whole
        resume = version.csn if is_last else version.csn - 1
        found.append(shown_change(_told(version), resume if version.csn else changed.position.csn))
    return found


def stand() -> Plan[asks.Stands]:
    """Ask where the server stands."""
    return _of(asks.Stands, (yield asks.Stand()))


def status(stands: asks.Stands, **more: Any) -> dict[str, Any]:
    """Return what there is to be told of a session, whose server has told where it stands."""
    return {
        "server": repr(stands.name),
        "primary": commits(stands.group),
        "csn": stands.csn,
        "tentative": stands.tentative,
        "has_room": not stands.is_full,
        **more,
    }


def _view(*, committed: bool) -> str:
    return COMMITTED if committed else FULL


def _of(kind: type[Kind], reply: Reply | None) -> Kind:
    if not isinstance(reply, kind):
        raise Error(f"the server has answered with {type(reply).__name__}, where {kind.__name__} was due")
    return reply


def _write_of(version: asks.Version) -> Any:
    return None if version.server is None else (version.stamp, version.server)


def _seen(version: asks.Version) -> Seen:
    if version.value is None:
        raise Error("the server has answered with a row without a value")
    return version.key, version.value, version.is_committed, _write_of(version)


def _told(version: asks.Version) -> Told:
    csn = version.csn or None
    return version.collection, version.key, version.value, csn, _write_of(version)
