"""Who is connected with a server that lasts: who they are, where they stand, and whether they are still
there."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.core.replica import Replica
    from bayou.core.vector import VersionVector
    from bayou.wire.connection import Identity

PING_S = 5.0
GONE_S = 15.0
"""After so long without anything from a peer it is pinged, and given up."""

SILENT_S = 60.0
"""After so long without a word from a server that was connected once, a person is told."""

KEEP, PING, GIVE_UP = range(3)


class Peer:
    """A connection.

    - ``who`` is at its other end; ``is_server``; ``is_near``: whether it is on this very host;
    - ``stands``: the CSN and vector that it last told, None where it has told none, and ``heard_at`` when;
    - ``sent``: where this server stood when the last exchange with it was over here.
    """

    __slots__ = ("heard_at", "is_near", "is_server", "pinged_at", "sent", "stands", "who")

    def __init__(self, who: Identity, now: float, *, is_server: bool, is_near: bool) -> None:
        self.who = who
        self.is_server = is_server
        self.is_near = is_near
        self.heard_at = now
        self.pinged_at = now
        self.stands: tuple[int, VersionVector] | None = None
        self.sent: tuple[int, VersionVector] | None = None

    @property
    def is_company(self) -> bool:
        """Whether it is a server that belongs to the cluster."""
        return self.is_server and self.who.name is not None

    def called(self, id: int) -> str:
        """Return what to call the peer with this id."""
        name = f"{id:x}" if self.who.name is None else repr(self.who.name)
        return ("server " if self.is_server else "client ") + name

    def look(self, silent_since: float, now: float) -> int:
        """Return what is to be done about a peer from which something last came then: KEEP, PING or GIVE_UP.
        One that sends much is asked as well: it hears from here then, while what it asks itself stands behind
        all that, on a line that may be narrow."""
        if now - silent_since >= GONE_S:
            return GIVE_UP
        if now - self.pinged_at >= PING_S:
            self.pinged_at = now
            return PING
        return KEEP

    def has_all(self, replica: Replica) -> bool:
        """Whether it is known to have all that there is here, or was sent it."""
        for known in (self.stands, self.sent):
            if known is not None and known[0] >= replica.csn and known[1].covers(replica.vector):
                return True
        return False


class Silence:
    """Notices which servers have not been heard of for SILENT_S, each time once."""

    def __init__(self) -> None:
        self._heard_at: dict[Name, float] = {}
        self._told: set[Name] = set()

    def heard(self, name: Name, now: float) -> None:
        """There is a connection with a server, or there was one until now."""
        self._heard_at[name] = now
        self._told.discard(name)

    def forget(self, name: Name) -> None:
        """It is gone for good."""
        self._heard_at.pop(name, None)
        self._told.discard(name)

    def new(self, now: float) -> list[Name]:
        """Return those that have been silent for long, and were not returned before."""
        found = [
            name for name, at in self._heard_at.items() if now - at >= SILENT_S and name not in self._told
        ]
        self._told.update(found)
        return found
