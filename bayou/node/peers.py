"""What a server keeps of each connection, in one place: made when the connection comes up, and gone with it.

What has to outlive a connection is kept elsewhere, by its owner: promises and tokens belong to names, and who
has taken over from a retiring server has done so, whatever becomes of the connection.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable

    from bayou.core.errors import MissingFunction
    from bayou.core.name import Name
    from bayou.core.past import BasePosition
    from bayou.core.vector import VersionVector
    from bayou.core.write import Write
    from bayou.node.messages import AskHeir, End, Gather, News
else:
    from _collections import deque  # the C half: see docs/decisions/0002-start-time.md


class Inbound:
    """An exchange that this server asked a peer for: its serial, what for, and the item due next.

    ``seen_item``: which one that was when somebody last looked whether the exchange gets on; ``back``: under
    which serial the peer wants the other direction, where it has said so already, before rows of its base;
    ``is_aside``: whether it is to be begun again, when the base is complete that another peer is sending.
    """

    __slots__ = ("back", "is_aside", "key", "next_item", "purpose", "seen_item", "serial")

    TAGS = ("back", "key", "serial")
    UNCOMPARED = ("seen_item",)

    def __init__(self, serial: int, purpose: str, key: int, back: int | None = None) -> None:
        self.back = back
        self.serial = serial
        self.purpose = purpose
        self.key = key
        self.next_item = 0
        self.seen_item = -1
        self.is_aside = False


class Outbound:
    """An exchange that this server is sending to a peer, as it was fixed when it began.

    - ``csn``, ``upto``: the commitments behind the one and up to the other, which are read when they are
      sent;
    - ``vector``: what the peer knew then; ``tentative``: the writes that it lacks of the tentative ones;
    - ``position``: how many items were sent; ``end``: what comes with the last one;
    - ``base``: how far a base had come in at the peer, should the log be truncated meanwhile;
    - ``ahead``: where those parts end that were sent and that the peer has not said to have taken in.
    """

    __slots__ = ("ahead", "base", "csn", "end", "position", "serial", "tentative", "upto", "vector")

    TAGS = ("serial",)

    def __init__(
        self,
        serial: int,
        csn: int,
        upto: int,
        vector: VersionVector,
        tentative: list[Write],
        end: End,
        base: BasePosition | None,
    ) -> None:
        self.serial = serial
        self.csn = csn
        self.upto = upto
        self.vector = vector
        self.tentative = tentative
        self.end = end
        self.base = base
        self.position = 0
        self.ahead: deque[int] = deque()

    def __len__(self) -> int:
        return max(0, self.upto - self.csn) + len(self.tentative)


NO_SERIAL = -1
PATIENCE_TIMES = 64
"""So many times as long as usual an exchange may take at most."""


class Peer:
    """One connection. Each field belongs to one part of the server, which alone changes it.

    - ``name``: what the peer is, whatever its id; None as long as it is not known;
    - ``inbound``, ``outbound``: the exchange that is coming in from it, and the one that is going out to it;
    - ``answered``: the largest serial under which it was sent something, -1 where there is none;
    - ``early``: what it said of a round that this server was not told of yet;
    - ``heard``: where it stands, as it last told, None where it has told nothing;
    - ``lacks``: which function was missing here for the write that was due from it, None where none is;
      ``ask_after``: when it is to be asked again then, in seconds, and ``rest_s``: how long that is;
    - ``given_up``: the serial of the first exchange that gossip has begun anew since one was complete, and of
      which nothing has come since then; ``patience``: how many times as long as usual one may take;
    - ``asked_at``: when gossip last asked it for something, in seconds;
    - ``is_wanted_again``: whether gossip is to ask it once more when the present exchange is over;
    - ``is_unheard``: whether a primary waits to hear from it before it commits; ``is_slow``: whether one has
      waited in vain, and not heard from it since;
    - ``doubted``: what it asked of an heir, before it was certain that it is the primary.
    """

    __slots__ = (
        "answered", "ask_after", "asked_at", "doubted", "early", "given_up", "heard", "inbound", "is_slow",
        "is_unheard", "is_wanted_again", "lacks", "name", "outbound", "patience", "rest_s",
    )  # fmt: skip

    UNCOMPARED = ("answered", "ask_after", "asked_at", "given_up", "patience", "rest_s")

    def __init__(self, name: Name | None = None) -> None:
        self.name = name
        self.inbound: Inbound | None = None  # these eight: bayou.node.exchange
        self.outbound: Outbound | None = None
        self.answered = -1
        self.given_up = NO_SERIAL
        self.patience = 1
        self.lacks: MissingFunction | None = None
        self.ask_after = 0.0
        self.rest_s = 0.0
        self.early: Gather | None = None  # bayou.node.rounds
        self.heard: News | None = None  # these five: bayou.node.gossip
        self.asked_at = 0.0
        self.is_wanted_again = False
        self.is_unheard = False
        self.is_slow = False
        self.doubted: AskHeir | None = None  # bayou.node.inheriting

    def came(self, serial: int) -> None:
        """Something of the exchange of this serial has come. Where that has been begun anew since, it was on
        its way, and is thrown away: over so slow or narrow a line the next one may take longer."""
        inbound = self.inbound
        if inbound is not None and self.given_up != NO_SERIAL and self.given_up <= serial < inbound.serial:
            self.given_up = serial + 1
            self.patience = min(PATIENCE_TIMES, 2 * self.patience)


class Peers:
    """The connections of a server, by the ids of those at their other ends.

    ``servers``: the ids of the servers among them, in order.
    """

    __slots__ = ("_of", "servers")

    def __init__(self) -> None:
        self.servers: list[int] = []
        self._of: dict[int, Peer] = {}

    def link_up(self, id: int, name: Name | None, *, is_server: bool) -> None:
        """A connection to ``id`` is up: a new one, even where there was one before."""
        self.link_down(id)
        self._of[id] = Peer(name)
        if is_server:
            self.servers.append(id)
            self.servers.sort()

    def link_down(self, id: int) -> None:
        """The connection to ``id`` is gone, and with it all that was kept of it."""
        self._of.pop(id, None)
        if id in self.servers:
            self.servers.remove(id)

    def of(self, id: int) -> Peer:
        """Return what is kept of the connection to ``id``."""
        peer = self._of.get(id)
        if peer is None:
            peer = self._of[id] = Peer()  # it speaks before anybody has told that it is there
        return peer

    def all(self) -> Iterable[Peer]:
        """Return what is kept of all connections, for whatever does not depend on their order."""
        return self._of.values()

    def items(self) -> list[tuple[int, Peer]]:
        """Return all connections, as pairs of an id and what is kept of it, in the order of ids."""
        return sorted(self._of.items())
