"""One sync of an embedded replica with one server, both ways (Petersen '97, "Basic anti-entropy")."""

from __future__ import annotations

from time import monotonic

from bayou.library.errors import Unavailable
from bayou.library.reaching import check_secret, unreachable
from bayou.library.records import SyncReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.core.vector import VersionVector
    from bayou.host.station import Station
    from bayou.library.opening import Waiting
    from bayou.library.tally import Tally

LEVEL = "level"
TIMEOUT = "timeout"
UNFINISHED = "before the handshake was over"
"""So ends what is told of a connection where the other end knows another secret, or was killed just then."""

AGAIN_S = 0.5
"""How long to wait before a server is tried once more that has ended the connection so."""

ASK_AGAIN_S = 0.02
"""How long to wait at least before asking once more where the other stands."""


class Sync:
    """A sync that has begun: ``is_over`` is to be asked after each turn.

    - ``failure``: why there is no connection, None where there is, or may still be one;
    - ``why_stopped``: see SyncReport; nothing as long as it goes on.
    """

    def __init__(self, station: Station, address: str) -> None:
        self.address = address
        self.failure: str | None = None
        self.why_stopped = ""
        self._station = station
        self._peer: int | None = None
        self._before = dict(station.peers)
        self._theirs: tuple[int, VersionVector] | None = None
        self._asked_at = 0.0
        replica = station.machine.replica
        self._ours = replica.csn, replica.vector
        log = replica.log
        servers = dict.fromkeys(write.server for write in log.tentative)
        self._tentative: list[tuple[int, Name]] = [
            (log.tentative_of(server)[-1].stamp, server) for server in servers
        ]
        station.call(address, self._came)

    def _came(self, found: int | str) -> None:
        if isinstance(found, str):
            self.failure = found
        else:
            self._peer = found

    @property
    def is_connected(self) -> bool:
        """Whether there was a connection."""
        return self._peer is not None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to wait for."""
        if self.failure is not None:
            return True
        if self._peer is None:
            return False
        peer = self._station.peers.get(self._peer)
        if peer is None:
            self.why_stopped = "the connection ended"
            return True
        if self._theirs is None:
            self._theirs = peer.stands
        if self._theirs is None:
            return False
        lacks = self._station.machine.peers.of(self._peer).lacks
        if lacks is not None:
            self.why_stopped = str(lacks)
            return True
        if self._is_here(self._theirs) and self._is_committed(peer.who.name):
            csn, vector = self._station.machine.replica.csn, self._ours[1]
            if not self._station.machine.replica.is_primary:
                csn = self._ours[0]
            stands = peer.stands
            if stands is not None and stands[0] >= csn and stands[1].covers(vector):
                self.why_stopped = LEVEL
                return True
            self._ask_again(peer.heard_at)
        return False

    def _is_here(self, theirs: tuple[int, VersionVector]) -> bool:
        replica = self._station.machine.replica
        return replica.csn >= theirs[0] and replica.vector.covers(theirs[1])

    def _is_committed(self, other: Name | None) -> bool:
        """Whether what either of the two can commit is committed: what was tentative here, and where this is
        the primary what has come."""
        replica = self._station.machine.replica
        if replica.is_primary:
            return not replica.log.tentative
        if replica.primary is not other:
            return True
        return not any(replica.log.is_tentative(stamp, server) for stamp, server in self._tentative)

    def _ask_again(self, heard_at: float) -> None:
        """All is here that has to be. Whether the other has all as well shows when it is asked for more."""
        now = monotonic()
        if now >= self._asked_at + ASK_AGAIN_S:
            self._asked_at = now
            self._station.machine.wake()

    def end(self) -> None:
        """Let go of the connection, where there was none before."""
        peers = self._station.peers
        if self._peer is not None and peers.get(self._peer) is not self._before.get(self._peer):
            self._station.network.hang_up(self._peer)


def syncing(
    station: Station, tally: Tally, address: str | None, joins: tuple[str, ...], timeout_s: float
) -> Waiting[SyncReport]:
    """Sync with the server at an address, or with the first that answers of those known. Unavailable where
    there is none."""
    check_secret(station)
    until = monotonic() + timeout_s
    addresses = _known(station, joins) if address is None else (address,)
    if not addresses:
        raise Unavailable('no server is known to sync with: name one, as sync("HOST:PORT")')
    failures: dict[str, str] = {}
    for at in addresses:
        found = yield from _syncing_with(station, tally, at, until)
        if isinstance(found, str) and found.endswith(UNFINISHED):
            # A server that is killed just then looks like one that knows another secret.
            yield (lambda: False), min(until, monotonic() + AGAIN_S)
            found = yield from _syncing_with(station, tally, at, until)
        if not isinstance(found, str):
            return found
        failures[at] = found or f"no answer within {timeout_s:g} s"
    raise unreachable(failures)


def _syncing_with(station: Station, tally: Tally, address: str, until: float) -> Waiting[SyncReport | str]:
    """Sync with one server, until then. Return why there is no connection where there is none, nothing where
    that is not known yet."""
    began = monotonic()
    replica = station.machine.replica
    csn, sent, received, bases = replica.csn, tally.sent, tally.received, tally.bases
    sync = Sync(station, address)
    try:
        is_over = yield (lambda: sync.is_over), until
    finally:
        sync.end()
    if sync.failure is not None or not (is_over or sync.is_connected):
        return sync.failure or ""
    return SyncReport(
        tally.sent - sent,
        tally.received - received,
        replica.csn - csn,
        tally.bases > bases,
        monotonic() - began,
        sync.why_stopped or TIMEOUT,
    )


def _known(station: Station, joins: tuple[str, ...]) -> tuple[str, ...]:
    """Return where to look for a server."""
    own = station.machine.replica.name
    listed = [
        address for entry in station.book.entries() if entry.name is not own for address in entry.addresses
    ]
    return tuple(dict.fromkeys([*joins, *listed]))
