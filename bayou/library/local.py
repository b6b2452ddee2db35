"""A replica within this process, as stores ask it."""

from __future__ import annotations

from bayou.core.errors import TurnedDown
from bayou.core.name import commits
from bayou.core.replica import COMMITTED
from bayou.core.write import PUT
from bayou.library.access import shown_change, shown_outcome
from bayou.library.feed import LocalFeed
from bayou.library.records import WriteId
from bayou.node.reading import standing
from bayou.wire.exports import parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from bayou.core.body import Body
    from bayou.core.database import Seen
    from bayou.core.replica import Replica
    from bayou.core.write import Write
    from bayou.host.station import Station
    from bayou.library.access import Edit, Feed, Told
    from bayou.library.engine import Engine
    from bayou.library.records import Change, Outcome


class Local:
    """See bayou.library.access.Access."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def row(self, collection: str, key: str, *, committed: bool) -> Seen | None:
        return self._engine.look(
            lambda station: replica(station).row(collection, key, committed_only=committed)
        )

    def page(
        self, collection: str, prefix: str, after: str | None, count: int, *, committed: bool
    ) -> list[Seen]:
        return self._engine.look(
            lambda station: list(
                replica(station).rows(collection, prefix, after=after, count=count, committed_only=committed)
            )
        )

    def write(self, edits: Sequence[Edit]) -> list[WriteId]:
        return self._engine.change(lambda replica: write(replica, edits))

    def change(self, body: Body) -> WriteId:
        return accepted(self._engine.change(lambda replica: change(replica, body)))

    def remove(self, collection: str, key: str) -> Seen | None:
        return self._engine.change(lambda replica: removed(replica, collection, key))

    def collections(self) -> list[str]:
        return self._engine.look(lambda station: replica(station).collections())

    def feed(self, since: int | None, *, committed: bool) -> Feed:
        found = self._engine.look(lambda station: LocalFeed(replica(station), since, committed=committed))
        return _Waiting(self._engine, found)

    def pending(self) -> list[Told]:
        return self._engine.look(lambda station: pending(replica(station)))

    def contended(self) -> list[tuple[str, str, list[Told]]]:
        return self._engine.look(lambda station: contended(replica(station)))

    def outcome(self, write: WriteId) -> Outcome:
        server = parse_name(write.server)
        return self._engine.look(lambda station: outcome(replica(station), write.stamp, server))

    def wait_committed(self, write: WriteId, until: float | None) -> Outcome | None:
        server = parse_name(write.server)
        found: list[Outcome] = []

        def done() -> bool:
            here = replica(self._engine.station)
            if here.standing_of(write.stamp, server)[0] != COMMITTED:
                return False
            found[:] = [outcome(here, write.stamp, server)]
            return True

        return found[0] if self._engine.wait(done, until) else None

    def status(self) -> dict[str, Any]:
        return self._engine.look(status)

    def close(self) -> None:
        self._engine.close()


class _Waiting:
    """A feed that waits for more."""

    def __init__(self, engine: Engine, feed: LocalFeed) -> None:
        self._engine = engine
        self._feed = feed

    def more(self, until: float | None) -> list[Change]:
        feed = self._feed
        found: list[Change] = []

        def done() -> bool:
            found.extend(next_changes(feed, replica(self._engine.station)))
            return bool(found)

        self._engine.wait(done, until)
        return found


def removed(replica: Replica, collection: str, key: str) -> Seen | None:
    """Delete a row, and return it as it was."""
    seen = replica.row(collection, key)
    if seen is not None:
        write(replica, [(collection, key, None)])
    return seen


def next_changes(feed: LocalFeed, replica: Replica) -> list[Change]:
    """Return the next changes of a feed, if there are any."""
    while feed.has_more(replica):
        found = feed.more(replica)
        if found:
            return [shown_change(told, resume) for told, resume in found]
    return []


def replica(station: Station) -> Replica:
    """Return the replica of a station."""
    return station.machine.replica


def write(replica: Replica, edits: Sequence[Edit]) -> list[WriteId]:
    """Accept writes."""
    made = []
    for collection, key, value in edits:
        write = replica.delete(collection, key) if value is None else replica.put(collection, key, value)
        made.append(WriteId(write.stamp, repr(write.server)))
    return made


def change(replica: Replica, body: Body) -> WriteId | TurnedDown:
    """Accept a general write, or return why it is turned down: nothing is raised where other changes may
    have been made."""
    try:
        write = replica.change(body)
    except TurnedDown as error:
        return error
    return WriteId(write.stamp, repr(write.server))


def accepted(made: WriteId | TurnedDown) -> WriteId:
    """Return which write was accepted; ValueError where it was turned down."""
    if isinstance(made, TurnedDown):
        raise ValueError(str(made)) from made
    return made


def pending(replica: Replica) -> list[Told]:
    """Return what a replica's own tentative writes make of rows."""
    own, versions = replica.log.tentative_of(replica.name), replica.database.versions
    return [told(version) for write in own for version in versions(write)]


def contended(replica: Replica) -> list[tuple[str, str, list[Told]]]:
    """Return the rows that have tentative writes of several servers, and those writes."""
    return [
        (collection, key, [told(write) for write in writes])
        for collection, key, writes in replica.database.contended()
    ]


def told(write: Write) -> Told:
    """Return a version of a row that is tentative as a change."""
    value: Any = write.value if write.kind == PUT else None
    return write.collection, write.key, value, None, (write.stamp, write.server)


def outcome(replica: Replica, stamp: int, server: Any) -> Outcome:
    """Return how a write stands here."""
    return shown_outcome(standing(replica, stamp, server))


def status(station: Station) -> dict[str, Any]:
    """Return what there is to be told of a replica."""
    from bayou.net.address import shown

    found, me = replica(station), station.me
    return {
        "name": repr(found.name),
        "cluster": me.cluster,
        "file": station.home.place,
        "is_primary": found.is_primary,
        "primary": commits(found.group),
        "csn": found.csn,
        "tentative": len(found.log.tentative),
        "pending": len(found.log.tentative_of(found.name)),
        "has_retired": found.retired,
        "has_room": not station.machine.is_full,
        "listens": None if station.address is None else shown(station.address),
        "connected": [repr(peer.who.name) for peer in station.known if peer.is_company],
        "addresses": {repr(entry.name): list(entry.addresses) for entry in station.book.entries()},
    }
